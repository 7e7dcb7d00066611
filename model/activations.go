package model

import (
	"fmt"

	"euryale/internal/nn"
	"euryale/qtensor"
)

// Activations is the way in which a layer represents the rows of its input while it multiplies them by
// quantized weights: as integers X with one scale for each row (of a Conv: for each image and group of
// channels). The sums Σ X·q over the depth are exact, and a row of the result depends on that row of the
// input alone. Weights that are floats take Fixed24 alone.
//
//	type Activations int
//	func (a Activations) String() string  // the name in a file, such as "fixed24"
//	func (a Activations) Validate() error // qtensor.ErrParams for none of the constants
type Activations = nn.Activations

// The figures are the SQNR of a product against the same weights dequantized and multiplied in float64, for
// gaussian activations.
const (
	// Default is the zero value: Fixed24 in a Layer and in ptq.Config, and what the Config says in a
	// ptq.LayerRule.
	Default = nn.Default
	// Fixed24 is block floating point of 24 bits, a block to a row: X = RNE(x·2^e), with the e that brings
	// the row's largest magnitude into 2^22 … 2^23. It is as good as float32: above 130 dB.
	Fixed24 = nn.Fixed24
	// Fixed16 is block floating point of 16 bits, a block to a row: X = RNE(x·2^e), with the e that brings
	// the row's largest magnitude into 2^14 … 2^15. It is above 80 dB, where bfloat16 has 55, for less work
	// than Fixed24.
	Fixed16 = nn.Fixed16
	// DynamicInt8 quantizes each row to 8 unsigned bits over the row's own range, as qtensor.Affine(8) would:
	// X = q − z. (The dynamic quantization of PyTorch and ONNX has one range for the whole tensor.) About 40
	// dB, less where a few channels are far larger than the rest.
	DynamicInt8 = nn.DynamicInt8
	// StaticInt8 quantizes every row with the same parameters, which a calibration found: X = clamp(RNE(x/s)
	// + z) − z. Values outside of their range saturate. The scheme is per tensor: Symmetric, Affine,
	// PowerOfTwo, Int4 or UInt4.
	StaticInt8 = nn.StaticInt8
)

// paramsJSON is the parameters of activations. The observed range is not kept.
type paramsJSON struct {
	Scheme     qtensor.Scheme `json:"scheme"`
	Scale      float32        `json:"scale"`
	ZeroPoint  int32          `json:"zero_point,omitempty"`
	Multiplier float32        `json:"multiplier,omitempty"`
}

// activationsText returns compute and activations in a file, of a layer that is no embedding.
func (l layer) activationsText() (string, *paramsJSON) {
	a, p := l.activations, l.params
	if a == Default {
		a = Fixed24
	}
	if a != StaticInt8 {
		return a.String(), nil
	}
	j := &paramsJSON{Scheme: p.Scheme, Scale: p.Scales[0], Multiplier: p.Multiplier}
	if len(p.ZeroPoints) > 0 {
		j.ZeroPoint = p.ZeroPoints[0]
	}
	return a.String(), j
}

// activations returns those of a layer, Default for an embedding, and the parameters of StaticInt8.
func (l layerJSON) activations(embedding bool) (Activations, qtensor.Params, error) {
	p := l.Activations
	if embedding {
		if l.Compute != "" || p != nil {
			return Default, qtensor.Params{}, fmt.Errorf("%w: got compute %.40q or activations, want none: an embedding has no arithmetic", qtensor.ErrParams, l.Compute)
		}
		return Default, qtensor.Params{}, nil
	}
	a, err := nn.ParseActivations(l.Compute)
	switch {
	case err != nil:
		return a, qtensor.Params{}, fmt.Errorf("compute: %w", err)
	case (a == StaticInt8) != (p != nil):
		return a, qtensor.Params{}, fmt.Errorf("%w: got compute %.40q, want activations for %v and for no other", qtensor.ErrParams, l.Compute, StaticInt8)
	case p == nil:
		return a, qtensor.Params{}, nil
	case p.Scheme.HasZeroPoint():
		return a, qtensor.Params{Scheme: p.Scheme, Scales: []float32{p.Scale}, Multiplier: p.Multiplier, ZeroPoints: []int32{p.ZeroPoint}}, nil
	case p.ZeroPoint != 0:
		return a, qtensor.Params{}, fmt.Errorf("%w: got a zero point for %v, want none", qtensor.ErrParams, p.Scheme)
	}
	return a, qtensor.Params{Scheme: p.Scheme, Scales: []float32{p.Scale}, Multiplier: p.Multiplier}, nil
}
