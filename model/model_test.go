package model_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

var networks = []struct {
	name   string
	graph  func() *ir.Network
	sample []int
	output string
}{
	{"mlp", mlp, []int{20}, "p"},
	{"lenet", lenet, []int{1, 12, 12}, "y"},
}

// TestQuantized compares every way to compute with the float model, at several batches, before and after a
// file.
func TestQuantized(t *testing.T) {
	for _, net := range networks {
		float := newModel(t, net.graph(), nil)
		for _, compute := range []string{"", "fixed24", "dynamic-int8", "static-int8"} {
			seen := batchOf(1, append([]int{64}, net.sample...)...)
			m := newModel(t, net.graph(), quantized(t, net.graph(), seen, compute))
			loaded, _ := reloaded(t, m)
			if !bytes.Equal(bytesOf(t, m), bytesOf(t, loaded)) {
				t.Errorf("%s %s: a loaded model gives another file", net.name, compute)
			}
			if !reflect.DeepEqual(m.Inputs(), loaded.Inputs()) || !reflect.DeepEqual(m.Outputs(), loaded.Outputs()) {
				t.Errorf("%s %s: a loaded model has inputs %v and outputs %v", net.name, compute, loaded.Inputs(), loaded.Outputs())
			}
			for _, batch := range []int{64, 1, 3} {
				in := batchOf(uint64(batch), append([]int{batch}, net.sample...)...)
				before := slices.Clone(in["x"].Data().([]float32))
				want, got := run(t, float, in, net.output), run(t, m, in, net.output)
				if db := sqnr(got, want); !(db >= 30) {
					t.Errorf("%s %q batch %d: SQNR is %.1f dB, want 30", net.name, compute, batch, db)
				} else {
					t.Logf("%s %q batch %d: SQNR %.1f dB", net.name, compute, batch, db)
				}
				if again := run(t, loaded, in, net.output); !slices.Equal(again, got) {
					t.Errorf("%s %q batch %d: a loaded model gives other bits", net.name, compute, batch)
				}
				if !slices.Equal(before, in["x"].Data().([]float32)) {
					t.Errorf("%s %q batch %d: the input changed", net.name, compute, batch)
				}
			}
		}
	}
}

// TestFloatFile saves a model without layers.
func TestFloatFile(t *testing.T) {
	for _, net := range networks {
		m := newModel(t, net.graph(), nil)
		file := bytesOf(t, m)
		loaded, err := model.Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatalf("%s: %v", net.name, err)
		}
		in := batchOf(7, append([]int{5}, net.sample...)...)
		if !slices.Equal(run(t, m, in, net.output), run(t, loaded, in, net.output)) {
			t.Errorf("%s: a loaded model gives other bits", net.name)
		}
	}
}

// TestTime wants every node that is computed, in order.
func TestTime(t *testing.T) {
	m := newModel(t, lenet(), quantized(t, lenet(), batchOf(1, 4, 1, 12, 12), "static-int8"))
	list, err := m.Time(context.Background(), batchOf(2, 3, 1, 12, 12))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		if l.Took < 0 {
			t.Errorf("%+v", l)
		}
		got = append(got, l.Op+" "+l.Node)
	}
	if want := []string{"Conv conv1", "MaxPool pool1", "Conv conv2", "Reshape flat", "Gemm fc", "Softmax softmax"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := m.Time(context.Background(), nil); !errors.Is(err, qtensor.ErrNotFound) {
		t.Errorf("no input: got error %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	for _, net := range networks {
		m := newModel(t, net.graph(), quantized(t, net.graph(), batchOf(1, append([]int{16}, net.sample...)...), "dynamic-int8"))
		var ins []map[string]tensor.Tensor
		var wants [][]float32
		for i := range 4 {
			in := batchOf(uint64(i), append([]int{1 + 5*i}, net.sample...)...)
			ins, wants = append(ins, in), append(wants, run(t, m, in, net.output))
		}
		var wait sync.WaitGroup
		for g := range 32 {
			wait.Go(func() {
				for i := range 8 {
					k := (g + i) % len(ins)
					out, err := m.Run(context.Background(), ins[k])
					if err != nil {
						t.Errorf("%s: %v", net.name, err)
					} else if !slices.Equal(out[net.output].(*tensor.Dense).Float32s(), wants[k]) {
						t.Errorf("%s: goroutine %d got another result for input %d", net.name, g, k)
					}
				}
			})
		}
		wait.Wait()
	}
}

// TestInputs gives what Run takes in other forms, and what it refuses.
func TestInputs(t *testing.T) {
	m := newModel(t, mlp(), quantized(t, mlp(), batchOf(1, 8, 20), "fixed24"))
	in := batchOf(2, 4, 20)
	want := run(t, m, in, "p")
	x := in["x"].(*tensor.Dense)
	wide := make([]float64, 80)
	transposed := make([]float32, 80)
	for i, v := range x.Float32s() {
		wide[i], transposed[i%20*4+i/20] = float64(v), v
	}
	lazy := tensor.New(tensor.WithShape(20, 4), tensor.WithBacking(transposed))
	if err := lazy.T(); err != nil {
		t.Fatal(err)
	}
	row, err := x.Slice(tensor.S(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		x    tensor.Tensor
		want []float32
	}{
		{"float64", tensor.New(tensor.WithShape(4, 20), tensor.WithBacking(wide)), want},
		{"transposed", lazy, want},
		{"one row", row, want[10:20]},
	} {
		if got := run(t, m, map[string]tensor.Tensor{"x": c.x}, "p"); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	bad := make([]float32, 20)
	bad[3] = float32(math.NaN())
	for _, c := range []struct {
		name string
		in   map[string]tensor.Tensor
		want error
	}{
		{"none", nil, qtensor.ErrNotFound},
		{"two", map[string]tensor.Tensor{"x": x, "z": x}, qtensor.ErrNotFound},
		{"nil", map[string]tensor.Tensor{"x": nil}, qtensor.ErrLayout},
		{"int", map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(1, 20), tensor.Of(tensor.Int))}, qtensor.ErrDtype},
		{"width", batchOf(1, 4, 21), qtensor.ErrShape},
		{"rank", batchOf(1, 1, 4, 20), qtensor.ErrShape},
		{"NaN", map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(1, 20), tensor.WithBacking(bad))}, qtensor.ErrValue},
	} {
		if out, err := m.Run(context.Background(), c.in); !errors.Is(err, c.want) || out != nil {
			t.Errorf("%s: got %v, %v, want %v", c.name, out, err, c.want)
		}
	}
	if got := run(t, m, in, "p"); !slices.Equal(got, want) {
		t.Errorf("after errors: got %v, want %v", got, want)
	}
}

// TestContext cancels a run before it begins, and between two nodes.
func TestContext(t *testing.T) {
	m := newModel(t, mlp(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	err := m.Observe(ctx, batchOf(1, 2, 20), func(name string, _ []float32) error {
		seen++
		if name == "r1" {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != 3 {
		t.Errorf("got %v after %d values, want context.Canceled after 3", err, seen)
	}
	if _, err := m.Run(ctx, batchOf(1, 2, 20)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	stop := errors.New("stop")
	if err := m.Observe(context.Background(), batchOf(1, 2, 20), func(string, []float32) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's error", err)
	}
}

// TestNewRefuses gives layers that do not go with the graph.
func TestNewRefuses(t *testing.T) {
	layers := quantized(t, mlp(), batchOf(1, 8, 20), "fixed24")
	for _, c := range []struct {
		name   string
		layers map[string]model.Layer
		want   error
	}{
		{"no node", map[string]model.Layer{"fc9": layers["fc1"]}, qtensor.ErrParams},
		{"Relu", map[string]model.Layer{"relu1": layers["fc1"]}, qtensor.ErrParams},
		{"folded Relu", map[string]model.Layer{"fc1": layers["fc1"], "relu1": layers["fc1"]}, qtensor.ErrParams},
		{"no weight", map[string]model.Layer{"fc1": {}}, qtensor.ErrParams},
		{"shape", map[string]model.Layer{"fc1": layers["fc2"]}, qtensor.ErrShape},
	} {
		if m, err := model.New(mlp(), c.layers); !errors.Is(err, c.want) || m != nil {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := model.New(nil, nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("nil: got %v, want ErrParams", err)
	}
}

// TestDeclaredOutputs takes a free axis for any multiple of the batch, and for nothing else.
func TestDeclaredOutputs(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  error
	}{
		{nil, nil},
		{[]int{-1, 3}, nil}, // of (2·batch, 3)
		{[]int{-2, 3}, qtensor.ErrShape},
		{[]int{-3, 3}, qtensor.ErrShape},
		{[]int{-1, -1}, qtensor.ErrShape},
		{[]int{-1}, qtensor.ErrShape},
	} {
		_, err := model.New(&ir.Network{
			Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 6}}},
			Outputs: []ir.Value{{Name: "y", Shape: c.shape}},
			Nodes:   []ir.Node{{Op: "Reshape", Name: "r", Inputs: []string{"x"}, Output: "y", Shape: []int{-1, 3}}},
		}, nil)
		if !errors.Is(err, c.want) {
			t.Errorf("declared %v: got %v, want %v", c.shape, err, c.want)
		}
	}
}
