package workload

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"euryale/internal/gemm"
	"euryale/internal/nn"

	"gorgonia.org/tensor"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 100, 2}, 3},
		{[]float64{2, 2, 2, 50}, 2},
	} {
		before := slices.Clone(c.x)
		if got := Median(c.x); got != c.want || !slices.Equal(c.x, before) {
			t.Errorf("%v: got %v and left %v, want %v", before, got, c.x, c.want)
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("nothing: got %v, want NaN", got)
	}
}

func TestParseShape(t *testing.T) {
	for _, s := range Shapes() {
		if got, err := ParseShape(s.String()); err != nil || got != s {
			t.Errorf("%v: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1x2", "1x2x3x4", "1x2x0", "-1x2x3", "1x2xthree", "1x2x131073", "1x2x99999999999999999999"} {
		if got, err := ParseShape(s); err == nil {
			t.Errorf("%q: got %v, want an error", s, got)
		}
	}
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		want  float64
		unit  string
	}{
		{Shape{512, 1024, 1024}, 1.073741824, "GOP/s"},
		{Conversion(), 5 * 0.016777216, "GB/s"},
	} {
		if got := c.shape.Amount(); math.Abs(got-c.want) > 1e-12 || c.shape.Unit() != c.unit {
			t.Errorf("%v: got %v %s, want %v %s", c.shape, got, c.shape.Unit(), c.want, c.unit)
		}
	}
}

func TestOperandsAreWritten(t *testing.T) {
	o := NewOperands(Shape{3, 1000, 4})
	if w := o.FloatWeights(); w[4*7+2] != o.Scales[2]*float32(o.W[4*7+2]) {
		t.Errorf("weight at 7, 2: got %v, want %v·%d", w[4*7+2], o.Scales[2], o.W[4*7+2])
	}
	seen := map[uint8]bool{}
	for _, q := range o.Q {
		seen[q] = true
	}
	if !seen[0] || !seen[255] || slices.Contains(o.W, -128) || slices.Max(o.W) < 90 {
		t.Errorf("got %d different activations and weights in [%d, %d]", len(seen), slices.Min(o.W), slices.Max(o.W))
	}
}

// TestWeights multiplies by the packed weights, and in float64 by what they stand for.
func TestWeights(t *testing.T) {
	o := NewOperands(Shape{3, 70, 17})
	var w []float32 // [n][k]
	check := func(name string, run func(y []float32) error) {
		t.Helper()
		got := make([]float32, o.M*o.N)
		if err := run(got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range o.M {
			for j := range o.N {
				var want, sum float64
				for p := range o.K {
					product := float64(o.X[i*o.K+p]) * float64(w[j*o.K+p])
					want, sum = want+product, sum+math.Abs(product)
				}
				if math.Abs(float64(got[i*o.N+j])-want) > 1e-6*sum {
					t.Errorf("%s: row %d, column %d: got %v, want %v", name, i, j, got[i*o.N+j], want)
				}
			}
		}
	}
	w = o.columns()
	int8s := gemm.NewProduct(o.Int8Weight(), gemm.Arithmetic{Bits: 24}, gemm.Output{})
	check("int8", func(y []float32) error {
		return int8s.Run(gemm.Activations{Float: y}, gemm.Activations{Float: o.X}, o.M)
	})
	for _, f := range Formats() {
		for name, of := range map[string]func() (Weight, error){
			"quantized": func() (Weight, error) { return f.Quantize(o) },
			"random":    func() (Weight, error) { return f.Random(o.K, o.N) },
		} {
			q, err := of()
			if err != nil {
				t.Fatalf("%s, %s: %v", f.Name, name, err)
			}
			float, err := q.Quantized.Dequantize(tensor.Float32)
			if err != nil {
				t.Fatalf("%s, %s: %v", f.Name, name, err)
			}
			w = float.Float32s()
			fixed, err := q.Layer(Arithmetic{Activations: nn.Fixed24})
			if err != nil {
				t.Fatalf("%s, %s: %v", f.Name, name, err)
			}
			check(f.Name+", "+name, func(y []float32) error { return fixed.Run(nn.Operand{Float: y}, nn.Operand{Float: o.X}, o.M) })
		}
	}
}

// TestOperandsOfOneSize compares weights of shapes that differ in their rows.
func TestOperandsOfOneSize(t *testing.T) {
	a, b := NewOperands(Shape{1, 30, 20}), NewOperands(Shape{8, 30, 20})
	if !slices.Equal(a.W, b.W) || !slices.Equal(a.Scales, b.Scales) {
		t.Error("weights of 1x30x20 and 8x30x20 differ")
	}
}

func TestRemember(t *testing.T) {
	calls := 0
	f := Remember(func(k int) (int, error) {
		calls++
		if k < 0 {
			return 0, errors.ErrUnsupported
		}
		return 2 * k, nil
	})
	for _, k := range []int{3, 4, 3, -1, -1} {
		if got, err := f(k); k < 0 && err == nil || k >= 0 && (got != 2*k || err != nil) {
			t.Errorf("%d: got %d, %v", k, got, err)
		}
	}
	if calls != 4 {
		t.Errorf("got %d calls, want one for 3, one for 4, and one for each error", calls)
	}
}

func TestOptions(t *testing.T) {
	works := []string{"one", "two", "three"}
	var menu Menu
	menu.Add("one", "few")
	menu.Add("two", "few")
	menu.Add("three", "")
	parse := func(stderr io.Writer, args string) (Options, error) {
		o := Options{Threads: []int{1, 3}}
		f := o.Flags("program", "It measures.", menu, stderr)
		o.ShapeFlag(f)
		return o, o.Parse(f, strings.Fields(args))
	}
	o, err := parse(io.Discard, "")
	if err != nil || o.JSON || !slices.Equal(o.Threads, []int{1, 3}) || !slices.Equal(o.Products(Beyond()), append(Shapes(), Beyond())) ||
		!slices.Equal(o.Works, works) || o.Repeats < 3 || o.Burst <= 0 {
		t.Errorf("no flags: got %+v, %v", o, err)
	}
	o, err = parse(io.Discard, "-json -threads 2 -shapes 1x2x3,4x5x6 -work three,few -repeats 3 -burst 1ms")
	if err != nil || !o.JSON || !slices.Equal(o.Threads, []int{2}) || !slices.Equal(o.Products(Beyond()), []Shape{{1, 2, 3}, {4, 5, 6}}) ||
		!slices.Equal(o.Works, []string{"three", "one", "two"}) || o.Repeats != 3 || o.Burst != time.Millisecond {
		t.Errorf("all flags: got %+v, %v", o, err)
	}
	for args, want := range map[string]string{
		"-threads 0":       `got "0", want a count`,
		"-threads 1,":      `got "", want a count`,
		"-threads 2000000": `got "2000000", want a count`,
		"-shapes 1x2":      `got shape "1x2", want`,
		"-work four":       `got "four", want one of one,two,three,few`,
		"-repeats 0":       "got -repeats 0, want 1 or more",
		"-nothing":         "not defined: -nothing",
		"word":             `got argument "word", want flags only`,
	} {
		var stderr bytes.Buffer
		if o, err := parse(&stderr, args); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: got %+v, %v and %q on stderr, want %q in both", args, o, err, &stderr, want)
		}
	}
	var stderr bytes.Buffer
	if _, err := parse(&stderr, "-h"); !errors.Is(err, flag.ErrHelp) ||
		!strings.HasPrefix(stderr.String(), "It measures.\n") || !strings.Contains(stderr.String(), "-threads") {
		t.Errorf("-h: got %v and\n%s", err, &stderr)
	}
}
