package exprgraph_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/dense"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestReadZoo reads networks from graphs of several batches: each gives the model that ReadBuild gives.
func TestReadZoo(t *testing.T) {
	for name := range zoo.Networks {
		build := zooBuild(name, tensor.Float32)
		want, _, err := exprgraph.ReadBuild(t.Context(), build)
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range []int{2, 7} {
			g, err := build(batch)
			if err != nil {
				t.Fatal(err)
			}
			m, r, err := exprgraph.Read(t.Context(), g.Inputs, g.Outputs)
			if err != nil {
				t.Errorf("%s at batch %d: %v", name, batch, err)
				continue
			}
			var a, b bytes.Buffer
			if err := errors.Join(m.Write(&a), want.Write(&b)); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s at batch %d: got another model than ReadBuild's, error %v", name, batch, err)
			}
			for _, o := range r.Outputs {
				if !(o.SQNR >= 110) || !(o.FoldedSQNR >= 110) || !r.Seeded || r.NotCompared != "" {
					t.Errorf("%s at batch %d: got %+v", name, batch, r)
				}
			}
		}
	}
}

// graphOf returns a graph of a layer that a batch of inputs passes.
func graphOf(batch int) (x, w, y *gorgonia.Node) {
	g := gorgonia.NewGraph()
	x = gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 3), gorgonia.WithName("x"))
	w = gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(3, 2), gorgonia.WithName("w"),
		gorgonia.WithValue(zoo.Draw(tensor.Float32, 1, 1, 3, 2)))
	return x, w, gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.Mul(x, w))))
}

// TestReadCopies: what is trained after Read does not change the model, and Read changes nothing.
func TestReadCopies(t *testing.T) {
	x, w, y := graphOf(7)
	m, _, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x}, gorgonia.Nodes{y})
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]tensor.Tensor{"x": zoo.Draw(tensor.Float32, 2, 1, 4, 3)}
	before, err := m.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Value().(*tensor.Dense).Memset(float32(1)); err != nil {
		t.Fatal(err)
	}
	after, err := m.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for name := range before {
		if a, b := fmt.Sprint(before[name].Data()), fmt.Sprint(after[name].Data()); a != b {
			t.Errorf("output %q: got %s after the weight was changed, want %s", name, b, a)
		}
	}
}

// TestReadOneSample: a graph of vectors gives a model that takes batches.
func TestReadOneSample(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3))
	h := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(2), gorgonia.WithName("h"))
	weight := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name),
			gorgonia.WithValue(zoo.Draw(tensor.Float32, uint64(len(name)), 1, shape...)))
	}
	sum := gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Mul(weight("w", 2, 3), x)), gorgonia.Must(gorgonia.Mul(weight("uu", 2, 2), h))))
	state := gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.Add(sum, weight("bbb", 2)))))
	square := gorgonia.Must(gorgonia.Reshape(gorgonia.Must(gorgonia.Concat(0, state, state)), tensor.Shape{2, 2}))
	rows := gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Transpose(square, 1, 0)), 0)) // the same number twice, if not transposed
	joined := gorgonia.Must(gorgonia.Concat(0, rows, weight("one", 1)))
	y := gorgonia.Must(gorgonia.SoftMax(gorgonia.Must(gorgonia.Mul(weight("vvvv", 4, 3), joined))))
	m, r, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x, h}, gorgonia.Nodes{y, state})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Inputs(), m.Outputs()); !strings.Contains(got, "{input [-1 3] float32 1} {h [-1 2]") || strings.Count(got, "-1") != 4 {
		t.Errorf("got %s, want a batch in front of all", got)
	}
	if len(m.Layers()) != 3 || len(r.Calls) != 0 {
		t.Errorf("got layers %+v and calls %q, want three layers", m.Layers(), r.Calls)
	}
	for _, o := range r.Outputs {
		if !(o.FoldedSQNR >= 110) {
			t.Errorf("got %+v, want 110 dB or more", o)
		}
	}
	fixed, _, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x, h}, gorgonia.Nodes{y}, exprgraph.WithoutBatch())
	if err != nil || len(fixed.Inputs()[0].Shape) != 1 || fixed.Inputs()[0].Shape[0] != 3 {
		t.Errorf("without batch: got %v and error %v, want vectors", fixed.Inputs(), err)
	}
}

// TestReadOneSampleConstant: what is the same for all samples is an output of each, also where only its size
// comes from an input.
func TestReadOneSampleConstant(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(2), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, 3), gorgonia.WithName("w"),
		gorgonia.WithValue(tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float32{1, 2, 3}))))
	column := gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{2, 1}))
	_, repeated, err := gorgonia.Broadcast(column, w, gorgonia.NewBroadcastPattern(nil, []byte{0}))
	if err != nil {
		t.Fatal(err)
	}
	m, r, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x}, gorgonia.Nodes{repeated, w, gorgonia.Must(gorgonia.Neg(x))})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Run(t.Context(), map[string]tensor.Tensor{"x": zoo.Draw(tensor.Float32, 1, 1, 2, 2)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"(2, 2, 3) [1 2 3 1 2 3 1 2 3 1 2 3]", "(2, 1, 3) [1 2 3 1 2 3]"} {
		y := out[m.Outputs()[i].Name]
		if got := fmt.Sprint(y.Shape(), " ", y.Data()); got != want || r.NotCompared != "" {
			t.Errorf("output %d: got %s, want %s\n%v", i, got, want, r)
		}
	}
}

// TestReadRowsOfOne: two rows for each sample are two in a graph of three samples; in a graph of one they are
// the batch, as the first axis is.
func TestReadRowsOfOne(t *testing.T) {
	for samples, want := range map[int]string{1: "[1 -1 5]", 3: "[-1 2 5]"} {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2*samples, 5), gorgonia.WithName("x"))
		y := gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{samples, 2, 5}))
		m, _, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x}, gorgonia.Nodes{y})
		if err != nil || fmt.Sprint(m.Outputs()[0].Shape) != want {
			t.Errorf("%d samples: got %v and error %v, want %s", samples, m, err, want)
		}
	}
}

// TestReadOneSampleGather: what a graph of one sample gathers along an axis lies one axis further behind its batch,
// and rows of a table by indices of the sample do not.
func TestReadOneSampleGather(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(12), gorgonia.WithName("x"))
	matrix := gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{3, 4}))
	words := gorgonia.NewVector(g, tensor.Int, gorgonia.WithShape(2), gorgonia.WithName("words"))
	table := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(5, 4), gorgonia.WithName("table"),
		gorgonia.WithValue(zoo.Draw(tensor.Float32, 5, 1, 5, 4)))
	by := func(x *gorgonia.Node, axis int, list ...int) *gorgonia.Node {
		name := fmt.Sprint("by", axis)
		return gorgonia.Must(gorgonia.ByIndices(x, gorgonia.NewVector(g, tensor.Int, gorgonia.WithShape(len(list)),
			gorgonia.WithName(name), gorgonia.WithValue(tensor.New(tensor.WithBacking(list)))), axis))
	}
	outputs := gorgonia.Nodes{by(matrix, 0, 2, 0, 0), by(matrix, 1, 3, 1), gorgonia.Must(gorgonia.ByIndices(table, words, 0))}
	m, r, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x, words}, outputs)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Calls) != 0 {
		t.Errorf("got calls %q, want none", r.Calls)
	}
	const batch = 4
	in := map[string]tensor.Tensor{
		"x":     zoo.Draw(tensor.Float32, 1, 1, batch, 12),
		"words": tensor.New(tensor.WithShape(batch, 2), tensor.WithBacking([]int64{4, 0, 1, 1, 0, 3, 2, 4})),
	}
	out, err := m.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := make([][]float32, 3)
	data, rows := in["x"].Data().([]float32), table.Value().Data().([]float32)
	for b := range batch {
		for _, i := range []int{2, 0, 0} {
			want[0] = append(want[0], data[(b*3+i)*4:][:4]...)
		}
		for i := range 3 {
			for _, j := range []int{3, 1} {
				want[1] = append(want[1], data[(b*3+i)*4+j])
			}
		}
	}
	for _, i := range in["words"].Data().([]int64) {
		want[2] = append(want[2], rows[i*4:][:4]...)
	}
	for i, shape := range []tensor.Shape{{batch, 3, 4}, {batch, 3, 2}, {batch, 2, 4}} {
		got := out[m.Outputs()[i].Name]
		if !got.Shape().Eq(shape) || !slices.Equal(got.Data().([]float32), want[i]) {
			t.Errorf("output %d: got %v of shape %v, want %v of shape %v", i, got.Data(), got.Shape(), want[i], shape)
		}
	}
}

// TestReadRows reads an input of five rows for each sample, and runs it at other batches.
func TestReadRows(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(35, 6), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(30, 4), gorgonia.WithName("w"),
		gorgonia.WithValue(zoo.Draw(tensor.Float32, 1, 1, 30, 4)))
	y := gorgonia.Must(gorgonia.Mul(gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{7, 30})), w))
	m, _, err := exprgraph.Read(t.Context(), gorgonia.Nodes{x}, gorgonia.Nodes{y})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	if m, err = model.Read(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil {
		t.Fatal(err)
	}
	if got := m.Inputs()[0]; got.Multiple != 5 || !strings.Contains(m.String(), "[-1 6], 5 for each sample") {
		t.Errorf("got %+v and %v, want 5 rows for each sample", got, m)
	}
	for _, batch := range []int{1, 3} {
		in := zoo.Draw(tensor.Float32, 3, 1, 5*batch, 6)
		out, err := m.Run(t.Context(), map[string]tensor.Tensor{"x": in})
		if err != nil {
			t.Fatal(err)
		}
		got := out[m.Outputs()[0].Name]
		if shape := got.Shape(); !shape.Eq(tensor.Shape{batch, 4}) {
			t.Errorf("batch %d: got shape %v", batch, shape)
		}
		if err := in.Reshape(batch, 30); err != nil {
			t.Fatal(err)
		}
		want, err := tensor.MatMul(in, w.Value().(tensor.Tensor))
		if err != nil {
			t.Fatal(err)
		}
		a, errA := dense.Float32s(want)
		z, errZ := dense.Float32s(got)
		for i := range a {
			if !(a[i]-z[i] <= 1e-5 && z[i]-a[i] <= 1e-5) || errA != nil || errZ != nil {
				t.Errorf("batch %d: got %v, want %v", batch, z, a)
				break
			}
		}
	}
	_, err = m.Run(t.Context(), map[string]tensor.Tensor{"x": zoo.Draw(tensor.Float32, 3, 1, 7, 6)})
	if !errors.Is(err, qtensor.ErrShape) || !strings.Contains(fmt.Sprint(err), "multiple of 5") {
		t.Errorf("7 rows: got %v, want qtensor.ErrShape", err)
	}
}

// TestReadRefuses: what cannot be read, each with what to do.
func TestReadRefuses(t *testing.T) {
	x, _, y := graphOf(7)
	other := gorgonia.NewMatrix(x.Graph(), tensor.Float32, gorgonia.WithShape(5, 2), gorgonia.WithName("other"))
	both := gorgonia.Nodes{x, other}
	for _, c := range []struct {
		name            string
		inputs, outputs gorgonia.Nodes
		opts            []exprgraph.ReadOption
		want            error
		says            string
	}{
		{"no inputs", nil, gorgonia.Nodes{y}, nil, exprgraph.ErrUnsupported, "at least one"},
		{"no outputs", gorgonia.Nodes{x}, nil, nil, exprgraph.ErrUnsupported, "at least one"},
		{"a nil node", gorgonia.Nodes{nil}, gorgonia.Nodes{y}, nil, exprgraph.ErrUnsupported, "got nil"},
		{"an empty node", gorgonia.Nodes{{}}, gorgonia.Nodes{y}, nil, exprgraph.ErrUnsupported, "without a graph"},
		{"a nil option", gorgonia.Nodes{x}, gorgonia.Nodes{y}, []exprgraph.ReadOption{nil}, qtensor.ErrParams, "nil option"},
		{"two batches", both, gorgonia.Nodes{y}, nil, exprgraph.ErrUnsupported, `5 in "other", want the same: WithBatchAxis`},
		{"no such axis", gorgonia.Nodes{x}, gorgonia.Nodes{y}, []exprgraph.ReadOption{exprgraph.WithBatchAxis(2)}, qtensor.ErrParams, "batch axis 2"},
		{"a negative axis", gorgonia.Nodes{x}, gorgonia.Nodes{y}, []exprgraph.ReadOption{exprgraph.WithBatchAxis(-1)}, qtensor.ErrParams, "want one from 0"},
		{"no such input", gorgonia.Nodes{x}, gorgonia.Nodes{y}, []exprgraph.ReadOption{exprgraph.WithoutBatch("z")}, qtensor.ErrParams, `"z"`},
		{"no name", gorgonia.Nodes{x}, gorgonia.Nodes{y}, []exprgraph.ReadOption{exprgraph.WithoutBatch("")}, qtensor.ErrParams, "without a name"},
		{"a sum over the batch", gorgonia.Nodes{x}, gorgonia.Nodes{y}, []exprgraph.ReadOption{exprgraph.WithBatchAxis(1)}, exprgraph.ErrUnsupported, "over the batch"},
	} {
		m, r, err := exprgraph.Read(t.Context(), c.inputs, c.outputs, c.opts...)
		if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) || m != nil || r != nil {
			t.Errorf("%s: got %v, want %v that says %s", c.name, err, c.want, c.says)
		}
	}
	if _, _, err := exprgraph.Read(t.Context(), both, gorgonia.Nodes{y}, exprgraph.WithoutBatch("other")); err != nil {
		t.Errorf("another input without a batch: got %v", err)
	}
	_, _, err := exprgraph.ReadBuild(t.Context(), zooBuild("MLP", tensor.Float32), exprgraph.WithoutBatch())
	if !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("ReadBuild without a batch: got %v, want qtensor.ErrParams", err)
	}
}
