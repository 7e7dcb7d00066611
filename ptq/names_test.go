package ptq_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestUnnamedInputs: inputs without a name, which samples and runs give by the names that the model has for
// them.
func TestUnnamedInputs(t *testing.T) {
	w := draw(tensor.Float32, 1, 1, 6, 3)
	count := 0
	for _, c := range []struct {
		names []string // of nodes, each of another width
		want  []string
	}{
		{[]string{""}, []string{"input"}},
		{[]string{"", ""}, []string{"input", "input_2"}},
		{[]string{"", "", ""}, []string{"input", "input_2", "input_3"}},
		{[]string{"", "input"}, []string{"input_2", "input"}},
		{[]string{"input", ""}, []string{"input", "input_2"}},
		{[]string{"x", "", "y"}, []string{"x", "input", "y"}},
	} {
		build := func(batch int) (exprgraph.Graph, error) {
			g := gorgonia.NewGraph()
			var made exprgraph.Graph
			for i, name := range c.names {
				options := []gorgonia.NodeConsOpt{gorgonia.WithShape(batch, 6+i)}
				if name != "" {
					options = append(options, gorgonia.WithName(name))
				}
				x := gorgonia.NewMatrix(g, tensor.Float32, options...)
				made.Inputs = append(made.Inputs, x)
				part := must(gorgonia.Slice(x, nil, gorgonia.S(0, 6)))
				weight := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(6, 3), gorgonia.WithName("w"),
					gorgonia.WithValue(w))
				made.Outputs = append(made.Outputs, must(gorgonia.Mul(part, weight)))
			}
			return made, nil
		}
		sample := func(names []string) ptq.Sample {
			s := ptq.Sample{}
			for i, name := range names {
				s[name] = draw(tensor.Float32, uint64(i), 1, 4, 6+i)
			}
			return s
		}
		one := func(s ptq.Sample) func(func(ptq.Sample, error) bool) {
			return func(yield func(ptq.Sample, error) bool) { yield(s, nil) }
		}
		count++
		m, _, err := quantizeBuild(t.Context(), build, one(sample(c.want)), ptq.Config{})
		if err != nil {
			t.Errorf("%q: %v", c.names, err)
			continue
		}
		var names []string
		for _, in := range m.Inputs() {
			names = append(names, in.Name)
		}
		if fmt.Sprint(names) != fmt.Sprint(c.want) {
			t.Errorf("%q: got inputs %q, want %q", c.names, names, c.want)
		}
		var file bytes.Buffer
		if err := m.Write(&file); err != nil {
			t.Fatal(err)
		}
		loaded, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := loaded.Run(t.Context(), sample(c.want)); err != nil {
			t.Errorf("%q: a run by the names: %v", c.names, err)
		}
		_, _, err = quantizeBuild(t.Context(), build, one(sample(c.names)), ptq.Config{})
		if fmt.Sprint(c.names) != fmt.Sprint(c.want) &&
			(!errors.Is(err, qtensor.ErrNotFound) || !strings.Contains(err.Error(), "input")) {
			t.Errorf("%q: a sample by the names of nodes: got error %v, want ErrNotFound that has the name", c.names, err)
		}
	}
	// Gorgonia makes one node of two of no name and the same shape.
	_, _, err := quantizeBuild(t.Context(), func(batch int) (exprgraph.Graph, error) {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 6))
		y := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 6))
		return exprgraph.Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{must(gorgonia.Add(x, y))}}, nil
	}, func(func(ptq.Sample, error) bool) {}, ptq.Config{})
	if !errors.Is(err, exprgraph.ErrUnsupported) || !strings.Contains(err.Error(), "give them names") {
		t.Errorf("two that Gorgonia made one: got error %v, want one that says what to do", err)
	}
	t.Logf("%d cases", count+1)
}
