package ptq_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestWeightAnew: a weight whose numbers build makes anew is told by name, with what to do; the same weight
// made once is quantized.
func TestWeightAnew(t *testing.T) {
	dense := func(_ *zoo, x, w node) (node, error) { return gorgonia.Mul(x, w) }
	places := map[string]struct {
		input, weight []int
		use           func(z *zoo, x, w node) (node, error)
	}{
		"product": {[]int{6}, []int{6, 3}, dense},
		"filters": {[]int{2, 5, 5}, []int{3, 2, 3, 3}, func(_ *zoo, x, w node) (node, error) {
			return gorgonia.Conv2d(x, w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1})
		}},
		"bias": {[]int{6}, []int{3}, func(z *zoo, x, w node) (node, error) {
			return gorgonia.BroadcastAdd(must(gorgonia.Mul(x, z.Value("dense", 6, 6, 3))), w, nil, []byte{0})
		}},
		"factor": {[]int{6}, []int{1, 3}, func(z *zoo, x, w node) (node, error) {
			return gorgonia.BroadcastHadamardProd(must(gorgonia.Mul(x, z.Value("dense", 6, 6, 3))), w, nil, []byte{0})
		}},
	}
	// Each changes a few of the numbers that every build begins with, by how often it was called.
	changes := map[string]func(x []float32, call int){
		"all drawn": func(x []float32, call int) { copy(x, draw(tensor.Float32, uint64(call), 1, len(x)).Float32s()) },
		"the last by bits": func(x []float32, call int) {
			x[len(x)-1] = math.Float32frombits(math.Float32bits(x[len(x)-1]) + uint32(call))
		},
		"a sign of zero": func(x []float32, call int) { x[0] = float32(math.Copysign(0, float64(call%2)-0.5)) },
	}
	count := 0
	for place, p := range places {
		for change, alter := range changes {
			for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				for _, once := range []bool{false, true} {
					count++
					call := 0
					var net network = func(z *zoo) node {
						call++
						numbers := draw(tensor.Float32, 1, 1, p.weight...).Float32s()
						if !once {
							alter(numbers, call)
						}
						z.Dtype = dt
						w := gorgonia.NewTensor(z.Graph, dt, len(p.weight), gorgonia.WithShape(p.weight...), gorgonia.WithName("anew"),
							gorgonia.WithValue(valueOf(dt, numbers, p.weight)))
						return must(p.use(z, z.Input("x", p.input...), w))
					}
					_, _, err := net.quantize(t, ptq.Config{}, p.input...)
					if once && err != nil {
						t.Errorf("%s of %v, %s, made once: %v", place, dt, change, err)
					}
					if !once && (!errors.Is(err, exprgraph.ErrUnsupported) || !strings.Contains(err.Error(), `"anew"`) ||
						!strings.Contains(err.Error(), "make its value once, outside of build")) {
						t.Errorf("%s of %v, %s: got error %v, want one that names the weight and says what to do", place, dt, change, err)
					}
				}
			}
		}
	}
	t.Logf("%d weights", count)
}

// valueOf returns numbers as the value of a node.
func valueOf(dt tensor.Dtype, x []float32, shape []int) tensor.Tensor {
	if dt == tensor.Float32 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(wide))
}
