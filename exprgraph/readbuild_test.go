package exprgraph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func zooBuild(name string, dt tensor.Dtype) exprgraph.Build {
	values := map[string]*tensor.Dense{}
	return func(batch int) (exprgraph.Graph, error) {
		b := zoo.New(dt, batch, values)
		y := zoo.Networks[name](b)
		return exprgraph.Graph{Inputs: b.Inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
}

// TestReadBuild reads networks, and compares them with Gorgonia on seeded values; a saved float model gives
// the same results.
func TestReadBuild(t *testing.T) {
	for name := range zoo.Networks {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			m, r, err := exprgraph.ReadBuild(t.Context(), zooBuild(name, dt))
			if err != nil {
				t.Errorf("%s of %v: %v", name, dt, err)
				continue
			}
			if !r.Seeded || r.NotCompared != "" || len(r.Calls) > 0 || len(r.Outputs) != 1 ||
				!(min(r.Outputs[0].SQNR, r.Outputs[0].FoldedSQNR) > 110) || strings.Count(r.String(), "\n") != 2 {
				t.Errorf("%s of %v: got report %+v:\n%v", name, dt, r, r)
			}
			var file bytes.Buffer
			if err := m.Write(&file); err != nil {
				t.Fatal(err)
			}
			loaded, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
			if err != nil {
				t.Fatal(err)
			}
			b := zoo.New(dt, 3, map[string]*tensor.Dense{})
			zoo.Networks[name](b)
			in := zoo.Sample(dt, 4, 3, b.Shapes())
			want, errW := m.Run(t.Context(), in)
			got, errG := loaded.Run(t.Context(), in)
			if errW != nil || errG != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s of %v: got %v, %v after it was saved, want %v, %v", name, dt, got, errG, want, errW)
			}
		}
	}
}

func TestReadBuildRefuses(t *testing.T) {
	build := zooBuild("MLP", tensor.Float32)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	sample := func(shape ...int) exprgraph.ReadOption {
		return exprgraph.WithSample(map[string]tensor.Tensor{"x": zoo.Draw(tensor.Float32, 1, 1, shape...)})
	}
	for _, c := range []struct {
		name  string
		ctx   context.Context
		build exprgraph.Build
		opt   exprgraph.ReadOption
		want  error
	}{
		{"no context", nil, build, sample(2, 3), qtensor.ErrParams},
		{"no build", t.Context(), nil, sample(2, 3), qtensor.ErrParams},
		{"a nil option", t.Context(), build, nil, qtensor.ErrParams},
		{"a nil sample", t.Context(), build, exprgraph.WithSample(nil), qtensor.ErrParams},
		{"an empty sample", t.Context(), build, exprgraph.WithSample(map[string]tensor.Tensor{}), qtensor.ErrNotFound},
		{"a sample of another width", t.Context(), build, sample(2, 3), qtensor.ErrShape},
		{"cancelled", canceled, build, sample(2, 3), context.Canceled},
		{"no graph", t.Context(), func(int) (exprgraph.Graph, error) { return exprgraph.Graph{}, nil }, sample(2, 3), exprgraph.ErrUnsupported},
	} {
		m, r, err := exprgraph.ReadBuild(c.ctx, c.build, c.opt)
		if !errors.Is(err, c.want) || m != nil || r != nil || !strings.HasPrefix(fmt.Sprint(err), "exprgraph: ReadBuild: ") {
			t.Errorf("%s: got %v, %v, error %v, want %v", c.name, m, r, err, c.want)
		}
	}
}

// TestReportString has names that would tear the lines, and says all that there is to say.
func TestReportString(t *testing.T) {
	r := &exprgraph.Report{
		Outputs: []exprgraph.Output{{Name: "a\nb", SQNR: math.Inf(1), FoldedSQNR: 130}}, Calls: []string{"c\td"},
		Seeded: true, NotCompared: "e\nf",
	}
	text := r.String()
	if strings.Count(text, "\n") != 4 || strings.Contains(text, "\t") ||
		!strings.Contains(text, `"a\nb" against Gorgonia: +Inf dB, folded 130.0 dB`) {
		t.Errorf("got %q", text)
	}
	if text := (*exprgraph.Report)(nil).String(); text != "" {
		t.Errorf("nil: got %q", text)
	}
}

// TestTrainedComesBack saves a float model whose weight was trained through fake quantization: quantized
// later, it has the same layers as if it had not been saved.
func TestTrainedComesBack(t *testing.T) {
	for _, s := range []qtensor.Scheme{qtensor.Int4(), qtensor.PerChannelSymmetric(3, 1), qtensor.UInt4().PerGroup(1, 2), qtensor.Uniform(5)} {
		values := map[string]*tensor.Dense{}
		build := func(batch int) (exprgraph.Graph, error) {
			b := zoo.New(tensor.Float32, batch, values)
			w := gorgonia.Must(ops.FakeQuantizeDynamic(b.Value("w", 1, 6, 4), s))
			y := gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.Mul(b.Input("x", 6), w))))
			return exprgraph.Graph{Inputs: b.Inputs, Outputs: gorgonia.Nodes{y}}, nil
		}
		float, _, err := exprgraph.ReadBuild(t.Context(), build)
		if err != nil {
			t.Fatal(err)
		}
		path := t.TempDir() + "/float"
		if err := float.Save(path); err != nil {
			t.Fatal(err)
		}
		loaded, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		for _, m := range []*model.Model{float, loaded} {
			samples := func(yield func(ptq.Sample, error) bool) {
				yield(ptq.Sample{"x": zoo.Draw(tensor.Float32, 3, 1, 5, 6)}, nil)
			}
			q, r, err := ptq.Quantize(t.Context(), m, samples, ptq.Config{Activations: model.StaticInt8})
			if err != nil {
				t.Fatal(err)
			}
			if l := r.Layers[0]; l.Weights != s.String() || !math.IsInf(l.WeightSQNR, 1) {
				t.Errorf("%v: got layer %+v, want what was trained", s, l)
			}
			var file bytes.Buffer
			if err := q.Write(&file); err != nil {
				t.Fatal(err)
			}
			files = append(files, file.String())
		}
		if files[0] != files[1] {
			t.Errorf("%v: a float model that was saved gives another quantized model", s)
		}
		if err := loaded.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
