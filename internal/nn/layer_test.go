package nn_test

import (
	"errors"
	"math"
	"testing"

	"euryale/internal/nn"
	"euryale/qtensor"
)

func TestPrepareRefuses(t *testing.T) {
	q, err := qtensor.Quantize(newTensor(make([]float32, 12), 4, 3), qtensor.Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	w, err := nn.Pack(q)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Prepare(nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, lengths := range [][3]int{{3, 4, -1}, {3, 4, 0}, {3, 4, 2}, {6, 4, 1}, {3, 5, 1}, {2, 4, 1}, {0, 0, 1}} {
		if err := p.Run(nn.Operand{Float: make([]float32, lengths[0])}, nn.Operand{Float: make([]float32, lengths[1])},
			lengths[2]); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("y, x, samples %v: got %v, want ErrShape", lengths, err)
		}
	}
	if err := p.Run(nn.Operand{Float: make([]float32, 3)}, nn.Operand{Float: []float32{1, 2, float32(math.NaN()), 4}},
		1); !errors.Is(err, qtensor.ErrValue) {
		t.Errorf("NaN: got %v, want ErrValue", err)
	}
	if err := p.Run(nn.Operand{}, nn.Operand{}, 0); err != nil {
		t.Errorf("no samples: %v", err)
	}
	for name, o := range map[string]nn.Options{
		"no activations":        {Activations: -1},
		"activations past all":  {Activations: nn.StaticInt8 + 1},
		"parameters of fixed24": {Params: qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}}},
	} {
		if _, err := w.Prepare(o); !errors.Is(err, qtensor.ErrParams) {
			t.Errorf("%s: got %v, want ErrParams", name, err)
		}
	}
	for name, o := range map[string]nn.Options{"short bias": {Bias: []float32{1}}, "empty bias": {Bias: []float32{}}} {
		if _, err := w.Prepare(o); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%s: got %v, want ErrShape", name, err)
		}
	}
	for _, w := range []*nn.Weight{nil, {}} {
		if _, err := w.Prepare(nn.Options{}); !errors.Is(err, qtensor.ErrShape) || w.In()+w.Out()+w.Bytes() != 0 || w.String() == "" {
			t.Errorf("%v: got %v, want ErrShape, and zeros", w, err)
		}
	}
	for _, f := range []*nn.Filters{nil, {}} {
		if _, err := f.Prepare(1, 1, nn.Window{}, nn.Options{}); !errors.Is(err, qtensor.ErrShape) || f.In()+f.Out()+f.Bytes()+f.Groups() != 0 {
			t.Errorf("%v: got %v, want ErrShape, and zeros", f, err)
		}
	}
	for _, l := range []*nn.Layer{nil, {}} {
		if err := l.SingleThreaded().Run(nn.Operand{}, nn.Operand{}, 0); !errors.Is(err, qtensor.ErrShape) || len(l.In())+len(l.Out()) != 0 {
			t.Errorf("%v: got %v, want ErrShape, and no shapes", l, err)
		}
	}
	q, err = qtensor.Quantize(newTensor(make([]float32, 9), 1, 1, 3, 3), qtensor.Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	f := mustPackFilters(t, q, 1)
	for _, c := range []struct {
		height, width         int
		pad, stride, dilation []int
	}{
		{2, 3, nil, nil, nil},
		{-1, 3, nil, nil, nil},
		{1 << 30, 3, nil, nil, nil},
		{8, 8, []int{-1, 0}, nil, nil},
		{8, 8, nil, []int{0, 1}, nil},
		{8, 8, nil, []int{1}, nil},
		{8, 8, nil, nil, []int{4, 1}},
		{8, 8, []int{1 << 30, 1}, nil, []int{1, 1}},
		{8, 8, []int{0, 0, 0, 1<<15 + 1}, nil, nil},
		{1, 1 << 28, []int{0, 0, 0, 1}, nil, nil},
		{1 << 15, 1 << 13, []int{0, 1, 0, 1}, nil, nil},
	} {
		window, err := nn.NewWindow(c.pad, c.stride, c.dilation)
		if err == nil {
			_, err = f.Prepare(c.height, c.width, window, nn.Options{})
		}
		if !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%+v: got %v, want ErrShape", c, err)
		}
	}
}

func TestActivations(t *testing.T) {
	for want, a := range map[string]nn.Activations{
		"default": nn.Default, "fixed24": nn.Fixed24, "fixed16": nn.Fixed16, "dynamic-int8": nn.DynamicInt8, "static-int8": nn.StaticInt8,
		"Activations(-1)": -1, "Activations(5)": 5,
	} {
		if got := a.String(); got != want {
			t.Errorf("String = %q, want %q", got, want)
		}
		back, err := nn.ParseActivations(want)
		if known := a > nn.Default && a <= nn.StaticInt8; known != (err == nil) || known && back != a {
			t.Errorf("ParseActivations(%q) = %v, %v", want, back, err)
		}
	}
}
