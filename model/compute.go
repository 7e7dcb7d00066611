package model

import (
	"fmt"

	"euryale/ops"
	"euryale/qtensor"
)

// paramsJSON is the parameters of activations. The range that was seen is not kept.
type paramsJSON struct {
	Scheme     qtensor.Scheme `json:"scheme"`
	Scale      float32        `json:"scale"`
	ZeroPoint  int32          `json:"zero_point,omitempty"`
	Multiplier float32        `json:"multiplier,omitempty"`
}

// computeText returns c as a file has it.
func computeText(c ops.Compute) (string, *paramsJSON) {
	if c == (ops.Compute{}) {
		c = ops.Fixed24()
	}
	p, ok := c.Static()
	if !ok {
		return c.String(), nil
	}
	j := &paramsJSON{Scheme: p.Scheme, Scale: p.Scales[0], Multiplier: p.Multiplier}
	if len(p.ZeroPoints) > 0 {
		j.ZeroPoint = p.ZeroPoints[0]
	}
	return c.String(), j
}

// compute returns the Compute of a layer, the zero Compute of a lookup.
func (l layerJSON) compute(lookup bool) (ops.Compute, error) {
	if !lookup {
		return parseCompute(l.Compute, l.Activations)
	}
	if l.Compute != "" || l.Activations != nil {
		return ops.Compute{}, fmt.Errorf("%w: got compute %.40q or activations, want none: an embedding has no arithmetic", qtensor.ErrParams, l.Compute)
	}
	return ops.Compute{}, nil
}

// parseCompute returns the Compute of which computeText makes name and p.
func parseCompute(name string, p *paramsJSON) (ops.Compute, error) {
	static := ops.StaticInt8(qtensor.Params{})
	if (name == static.String()) != (p != nil) {
		return static, fmt.Errorf("%w: got compute %.40q, want activations for %v and for no other", qtensor.ErrParams, name, static)
	}
	if p != nil {
		full := qtensor.Params{Scheme: p.Scheme, Scales: []float32{p.Scale}, Multiplier: p.Multiplier}
		if p.Scheme.HasZeroPoint() {
			full.ZeroPoints = []int32{p.ZeroPoint}
		} else if p.ZeroPoint != 0 {
			return static, fmt.Errorf("%w: got a zero point for %v, want none", qtensor.ErrParams, p.Scheme)
		}
		return ops.StaticInt8(full), nil
	}
	for _, c := range []ops.Compute{ops.Fixed24(), ops.Fixed16(), ops.DynamicInt8()} {
		if c.String() == name {
			return c, nil
		}
	}
	return static, fmt.Errorf("%w: got compute %.40q, want fixed24, fixed16, dynamic-int8 or static-int8", qtensor.ErrParams, name)
}
