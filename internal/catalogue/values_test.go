package catalogue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"strings"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var errMine = errors.New("mine")

// lying is a reader that says something else than it does.
type lying struct{ n int }

func (l lying) Read(p []byte) (int, error)        { return min(l.n, len(p)), errMine }
func (l lying) ReadAt([]byte, int64) (int, error) { return l.n, nil }
func (l lying) Write(p []byte) (int, error)       { return l.n, nil }
func (failing) Read([]byte) (int, error)          { return 0, errMine }
func (failing) ReadAt([]byte, int64) (int, error) { return 0, errMine }
func (failing) Write([]byte) (int, error)         { return 0, errMine }
func (failing) Range(*calib.Histogram, qtensor.Scheme) (lo, hi float32, err error) {
	return float32(math.NaN()), float32(math.Inf(-1)), nil
}
func (failing) Apply(context.Context, *model.Model) (*model.Model, error) { return nil, nil }
func (failing) QuantizeWeight(context.Context, ptq.Weight) (*qtensor.QTensor, error) {
	return nil, nil
}
func (failing) String() string { return "\xff" }

type failing struct{}

// broken is a context that does not keep its promises.
type broken struct{ context.Context }

func (broken) Err() error            { return errMine }
func (broken) Done() <-chan struct{} { return nil }

func init() {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	fixed[context.Context](context.Background(), nil, cancelled, broken{context.Background()})
	fixed[io.ReaderAt](bytes.NewReader(file), nil, failing{}, lying{-1}, lying{3}, lying{big},
		bytes.NewReader(make([]byte, 100)))
	give(func(*setting) io.Reader { return bytes.NewReader([]byte(`{"version":1,"tensors":{}}`)) },
		func(*setting) io.Reader { return bytes.NewReader(file) })
	fixed[io.Reader](nil, failing{}, lying{5})
	fixed[io.Writer](io.Discard, nil, failing{}, lying{-1}, lying{big})

	fixed(int64(len(file)), 0, 1, 7, 8, 100, -1, math.MinInt64, math.MaxInt64, 1<<40)
	fixed("model", "x", "y", "", ".", "\xff", "a/b", "\x00", "affine8", "int4/g32@1/f16", "__metadata__", "[",
		strings.Repeat("n", 300), os.DevNull)
	fixed([]int{1, 1}, nil, []int{}, []int{0, 0}, []int{-1, 1}, []int{2}, []int{1, 1, 1}, []int{big, big},
		[]int{math.MaxInt, math.MinInt}, []int{0, 1, 2, 3})
	fixed([]float32{1, 2, 3}, nil, []float32{}, []float32{-1}, []float32{float32(math.NaN())}, floats(8), floats(6),
		[]float32{float32(math.Inf(1)), math.MaxFloat32, -math.MaxFloat32})
	fixed([]uint8{1, 2}, nil, []uint8{}, make([]uint8, 8))

	giveNodes()
	giveQTensors()
	giveOps()

	fixed(calib.PerChannel(0), nil, calib.PerChannel(1, "x"), calib.PerChannel(-1), calib.PerChannel(math.MaxInt),
		calib.PerChannel(0, "none"), calib.WithMovingAverage(0.1), calib.WithMovingAverage(math.NaN()))
	fixed[calib.RangeEstimator](calib.MinMax(), nil, failing{}, calib.Percentile(99.9), calib.Percentile(math.NaN()), calib.MSE(),
		calib.Entropy(), calib.HistogramL2(), calib.MovingAverageMinMax(0.1), calib.MovingAverageMinMax(2))
	fixed(calib.MovingAverageMinMax(0.1), 0, calib.MovingAverageMinMax(math.NaN()))
	give(func(*setting) *calib.Profile {
		c := must(calib.NewCalibrator(map[string]tensor.Shape{"x": {2, 4}}))
		if err := c.Observe("x", dense(floats(8), 2, 4)); err != nil {
			panic(err)
		}
		return c.Profile()
	}, func(*setting) *calib.Profile { return new(calib.Profile) }, func(*setting) *calib.Profile { return nil })

	fixed(multiply, nil, new(model.Model), must(model.Read(bytes.NewReader(file), int64(len(file)))))
	give(func(*setting) ir.Network { return *network() })
	alsoParts[ir.Network]()

	fixed[ptq.Pass](nil, failing{})
	fixed[ptq.WeightQuantizer](nil, failing{}, ptq.ScaleSearch{}, ptq.RoundToNearest{})
	giveGraphs()
}

func giveNodes() {
	give((*setting).expr)
	fixed(nil, gorgonia.NewGraph(), new(gorgonia.ExprGraph))
	give((*setting).node)
	fixed(nil, &gorgonia.Node{}, gorgonia.NewConstant(float32(1)), new(setting).node())
	for _, n := range []struct {
		of    tensor.Dtype
		name  string
		shape []int
	}{
		{tensor.Int, "i", []int{5}},
		{tensor.Float64, "d", []int{2, 4}},
		{tensor.Float32, "images", []int{2, 1, 5, 5}},
		{tensor.Float32, "v", []int{4}},
		{tensor.Float32, "huge", []int{big, 4}},
		{tensor.Float32, "huge images", []int{1 << 20, 1, 1 << 20, 1 << 20}},
		{tensor.Bool, "b", []int{2, 4}},
	} {
		give(func(s *setting) *gorgonia.Node { return s.other(n.of, n.name, n.shape...) })
	}
	give(func(s *setting) *gorgonia.Node {
		return gorgonia.NewScalar(s.expr(), tensor.Float32, gorgonia.WithName("scalar"), gorgonia.WithValue(float32(0.5)))
	}, func(s *setting) *gorgonia.Node {
		return gorgonia.NodeFromAny(s.expr(), dense([]float32{0.5}, 1), gorgonia.WithName("scale"))
	}, func(s *setting) *gorgonia.Node {
		return gorgonia.NewMatrix(s.expr(), tensor.Float32, gorgonia.WithName("no shape"))
	})
}

func giveQTensors() {
	fixed(quantized, nil, new(qtensor.QTensor), halves, grouped, filters, must(quantized.T()))
	give(func(s *setting) *qtensor.File { return s.file() })
	fixed(nil, new(qtensor.File))
	give(func(s *setting) *qtensor.File {
		f := s.file()
		_ = f.Close()
		return f
	})
	fixed(qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{"w": quantized},
		Float:     map[string]*tensor.Dense{"b": dense(floats(3), 3)},
		Meta:      map[string]string{"k": "v"},
	})
	alsoParts[qtensor.Bundle]()
	fixed(qtensor.WithSaturation(), nil, qtensor.WithSearch(qtensor.Search{}), qtensor.WithSearch(qtensor.Search{Importance: []float32{1, -1}}))
}

func giveOps() {
	fixed(packed, nil, new(ops.Weight), packedHalf)
	fixed(packedConv, nil, new(ops.Filters))
	fixed(model.Default, model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8, -1, math.MaxInt)
	options := []ops.LayerOption{ops.WithReLU(), nil, ops.WithActivations(model.DynamicInt8), ops.WithActivations(-1)}
	for _, p := range params() {
		options = append(options, ops.WithStaticInt8(p))
	}
	for _, d := range denses {
		options = append(options, ops.WithBias(d()))
	}
	fixed(options...)
}

func giveGraphs() {
	fixed[exprgraph.Build](build, nil,
		func(int) (exprgraph.Graph, error) { return exprgraph.Graph{}, nil },
		func(int) (exprgraph.Graph, error) { return exprgraph.Graph{}, errMine },
		func(int) (exprgraph.Graph, error) { panic("mine") },
		func(int) (exprgraph.Graph, error) {
			return exprgraph.Graph{Inputs: gorgonia.Nodes{nil}, Outputs: gorgonia.Nodes{nil}}, nil
		},
		func(int) (exprgraph.Graph, error) {
			return exprgraph.Graph{Inputs: gorgonia.Nodes{{}}, Outputs: gorgonia.Nodes{{}}}, nil
		},
		func(int) (exprgraph.Graph, error) { return build(7) },
		func(n int) (exprgraph.Graph, error) { // of two graphs
			a, err := build(n)
			b, errB := build(n)
			return exprgraph.Graph{Inputs: a.Inputs, Outputs: b.Outputs}, errors.Join(err, errB)
		})
	fixed(one(ptq.Sample{"x": dense(floats(8), 2, 4)}, nil), nil, func(func(ptq.Sample, error) bool) {},
		one(nil, nil), one(nil, errMine))
	for _, d := range denses {
		fixed(one(ptq.Sample{"x": d()}, nil))
	}
}

// one returns one sample, or an error.
func one(s ptq.Sample, err error) iter.Seq2[ptq.Sample, error] {
	return func(yield func(ptq.Sample, error) bool) { yield(s, err) }
}
