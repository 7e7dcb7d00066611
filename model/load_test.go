package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/internal/ir"
	"euryale/internal/safetensors"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// damaged returns a file with the bytes of one of its tensors changed.
func damaged(t *testing.T, file []byte, name string, change func(data []byte)) []byte {
	t.Helper()
	f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("no tensor %q in %q", name, f.Names())
	}
	file = bytes.Clone(file)
	change(file[info.Begin:info.End])
	return file
}

// deep is a network of layers in each scheme whose contents can be wrong.
func deep(t *testing.T) *model.Model {
	t.Helper()
	g := &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 8}}}, Outputs: []ir.Value{{Name: "y"}}, Constants: map[string]*ir.Constant{}}
	layers, in := map[string]model.Layer{}, "x"
	for _, c := range []struct {
		name   string
		scheme qtensor.Scheme
	}{{"narrow", qtensor.PerChannelSymmetric(4, 1)}, {"half", qtensor.Float16()}, {"groups", qtensor.Int4().PerGroup(1, 4)}, {"wide", qtensor.Affine(8)}} {
		g.Constants[c.name+".w"], g.Constants[c.name+".b"] = count(8, 8), count(8)
		q, err := qtensor.Quantize(tensorOf(count(8, 8)), c.scheme)
		if err != nil {
			t.Fatal(err)
		}
		layers[c.name] = model.Layer{Weight: q}
		g.Nodes = append(g.Nodes, ir.Node{Op: "Gemm", Name: c.name, Inputs: []string{in, c.name + ".w", c.name + ".b"}, Output: c.name})
		in = c.name
	}
	g.Constants["add"] = count(8)
	g.Nodes = append(g.Nodes, ir.Node{Op: "Add", Name: "last", Inputs: []string{in, "add"}, Output: "y"})
	return newModel(t, g, layers)
}

// TestDamagedContents damages what tensors hold: Read and a first Run refuse it, Load where it reads it.
func TestDamagedContents(t *testing.T) {
	file := bytesOf(t, deep(t))
	nan := []byte{0, 0, 0xc0, 0x7f}
	for _, c := range []struct {
		tensor string
		at     int
		with   []byte
		node   string // that Run names; Load refuses where it is empty
		want   string
	}{
		{"half.weight", 6, []byte{0, 0x7c}, "half", "code 31744 at 3"},
		{"groups.weight_scale", 4, nan, "groups", "scale NaN at 1"},
		{"narrow.weight_scale", 4, nan, "", "scale NaN at 1"},
		{"wide.weight_scale", 0, nan, "", "scale NaN at 0"},
		{"wide.b", 8, nan, "", "bias is NaN at 2"},
	} {
		bad := damaged(t, file, c.tensor, func(data []byte) { copy(data[c.at:], c.with) })
		refused := func(how string, err error) {
			if !errors.Is(err, qtensor.ErrFormat) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.node) {
				t.Errorf("%s: %s: got %v, want ErrFormat with %q and %q", c.tensor, how, err, c.node, c.want)
			}
		}
		_, err := model.Read(bytes.NewReader(bad), int64(len(bad)))
		refused("Read", err)
		m, err := model.ReadLater(bytes.NewReader(bad), int64(len(bad)))
		if c.node == "" {
			refused("Load", err)
			continue
		}
		if err != nil {
			t.Errorf("%s: Load: %v", c.tensor, err)
			continue
		}
		for _, how := range []string{"the first Run", "a second Run"} {
			_, err := m.Run(context.Background(), batchOf(1, 2, 8))
			if refused(how, err); err != nil && !strings.Contains(err.Error(), fmt.Sprintf("node %q", c.node)) {
				t.Errorf("%s: %s does not name the node: %v", c.tensor, how, err)
			}
		}
		refused("Write", m.Write(io.Discard))
	}
}

// TestReplaced gives the file of a model that was loaded to another, before its first run and after it, and
// removes it.
func TestReplaced(t *testing.T) {
	for _, warm := range []bool{false, true} {
		m, other := deep(t), newModel(t, mlp(), nil)
		in := batchOf(1, 3, 8)
		want, file := run(t, m, in, "y"), bytesOf(t, m)
		loaded, path := reloaded(t, m)
		if warm {
			run(t, loaded, in, "y")
		}
		if err := loaded.Save(path); err != nil { // over itself
			t.Fatal(err)
		}
		if err := other.Save(path); err != nil {
			t.Fatal(err)
		}
		if got := run(t, loaded, in, "y"); !slices.Equal(got, want) {
			t.Errorf("warm %v: a model whose file was replaced gives %v, want %v", warm, got, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytesOf(t, loaded), file) {
			t.Errorf("warm %v: a model whose file was removed writes another", warm)
		}
	}
}

// TestTruncated cuts the file of a model that was loaded: a first run is an error, a later one needs no file.
func TestTruncated(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Load reads all of a file")
	}
	for _, c := range []struct {
		size int64
		warm bool
	}{{0, false}, {600, false}, {0, true}} {
		m, in := deep(t), batchOf(1, 3, 8)
		loaded, path := reloaded(t, m)
		if c.warm {
			run(t, loaded, in, "y")
		}
		if err := os.Truncate(path, c.size); err != nil {
			t.Fatal(err)
		}
		out, err := loaded.Run(context.Background(), in)
		switch {
		case !c.warm && !errors.Is(err, io.ErrUnexpectedEOF):
			t.Errorf("cut to %d bytes: got %v, want io.ErrUnexpectedEOF", c.size, err)
		case c.warm && err != nil:
			t.Errorf("cut to %d bytes after a run: %v", c.size, err)
		case c.warm && !slices.Equal(out["y"].(*tensor.Dense).Float32s(), run(t, m, in, "y")):
			t.Errorf("cut to %d bytes after a run: other bits", c.size)
		}
	}
}

// TestFirstRuns has many goroutines ask a model that was loaded for its first answer.
func TestFirstRuns(t *testing.T) {
	for _, net := range networks {
		layers := quantized(t, net.graph(), batchOf(1, append([]int{16}, net.sample...)...), "static-int8")
		m := newModel(t, net.graph(), layers)
		loaded, _ := reloaded(t, m)
		in := batchOf(3, append([]int{2}, net.sample...)...)
		want := run(t, m, in, net.output)
		var wait sync.WaitGroup
		for g := range 32 {
			wait.Go(func() {
				out, err := loaded.Run(context.Background(), in)
				if err != nil || !slices.Equal(out[net.output].(*tensor.Dense).Float32s(), want) {
					t.Errorf("%s: goroutine %d: other bits, or error %v", net.name, g, err)
				}
			})
		}
		wait.Wait()
	}
}

// TestRefusedEarly makes layers of every scheme and way to compute: whatever packing would refuse is refused
// before it.
func TestRefusedEarly(t *testing.T) {
	static := func(s qtensor.Scheme, scale float32) model.Layer {
		p := qtensor.Params{Scheme: s, Scales: []float32{scale}}
		if s.HasZeroPoint() {
			p.ZeroPoints = []int32{3}
		}
		return layerOf(p)
	}
	computes := map[string]model.Layer{
		"none": {}, "fixed16": {Activations: model.Fixed16}, "dynamic": {Activations: model.DynamicInt8}, "static": static(qtensor.Affine(8), 0.5), "symmetric": static(qtensor.Symmetric(8), 0.5),
		"negative": static(qtensor.Affine(8), -0.5), "zero": static(qtensor.Affine(8), 0), "per axis": static(qtensor.Affine(8).PerAxis(0), 1), "uniform": static(qtensor.Uniform(8), 1),
	}
	schemes := []qtensor.Scheme{qtensor.Uniform(8), qtensor.Symmetric(8), qtensor.PowerOfTwo(3), qtensor.Affine(5).WithScales(qtensor.ScaleFloat16), qtensor.Int4(), qtensor.UInt4(), qtensor.Float16(), qtensor.BFloat16(), qtensor.Float8E4M3FN()}
	for axis := range 3 {
		schemes = append(schemes, qtensor.Affine(8).PerAxis(axis), qtensor.MXFP4().PerGroup(axis, 32), qtensor.Float8E5M2().PerAxis(axis), qtensor.Int4().PerGroup(axis, 4))
	}
	nodes := []struct {
		node     ir.Node
		x, w, in []int // shapes; of the bias last
	}{
		{ir.Node{Op: "Gemm"}, []int{-1, 6}, []int{6, 4}, []int{4}},
		{ir.Node{Op: "Gemm", TransB: true}, []int{-1, 6}, []int{4, 6}, nil},
		{ir.Node{Op: "MatMul"}, []int{-1, 3, 6}, []int{6, 4}, nil},
		{ir.Node{Op: "MatMul"}, []int{3, -1}, []int{1, 4}, nil},
		{ir.Node{Op: "MatMul"}, []int{2, 5, 6}, []int{2, 6, 4}, nil},
		{ir.Node{Op: "Conv"}, []int{-1, 2, 5, 5}, []int{4, 2, 3, 3}, []int{4}},
		{ir.Node{Op: "Conv", Group: 2, Pads: []int{1, 2, 1, 2}, Strides: []int{2, 1}, Dilations: []int{2, 1}}, []int{-1, 2, 6, 5}, []int{4, 1, 3, 3}, nil},
		{ir.Node{Op: "Conv", Pads: []int{16000, 16000, 16000, 16000}, Strides: []int{16000, 16000}}, []int{-1, 2, 1, 1}, []int{4, 2, 1, 1}, nil},
	}
	fine, refused := 0, 0
	for _, n := range nodes {
		for _, s := range schemes {
			q, err := qtensor.Quantize(tensorOf(count(n.w...)), s)
			if err != nil {
				continue // an axis that the weight does not have
			}
			for name, c := range computes {
				for _, bias := range []float32{0, float32(math.Inf(1))} {
					g := &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: n.x}}, Outputs: []ir.Value{{Name: "y"}}, Constants: map[string]*ir.Constant{"w": {Shape: n.w}}}
					node := n.node
					node.Name, node.Inputs, node.Output = "node", []string{"x", "w"}, "y"
					if n.in != nil {
						node.Inputs = append(node.Inputs, "b")
						g.Constants["b"] = count(n.in...)
						g.Constants["b"].Data[1] = bias
					}
					g.Nodes = []ir.Node{node}
					m, err := model.New(g, map[string]model.Layer{"node": with(q, c)})
					if err != nil {
						refused++
						continue
					}
					if fine++; bias != 0 && n.in != nil {
						t.Errorf("%s %v %v %s: a bias of %v is not refused", node.Op, n.w, s, name, bias)
					}
					if err := m.Prepare(); err != nil {
						t.Errorf("%s %v %v %s: refused late: %v", node.Op, n.w, s, name, err)
					}
				}
			}
		}
	}
	t.Logf("%d layers are fine, %d are not", fine, refused)
	if fine < 300 || refused < 300 {
		t.Errorf("%d layers are fine and %d are refused, want both", fine, refused)
	}
}
