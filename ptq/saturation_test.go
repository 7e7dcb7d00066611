package ptq

import (
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// TestNarrowed has functions of h, with the constant k of one element, for a layer that reads y.
func TestNarrowed(t *testing.T) {
	const step = 1. / 255 / 4
	logit := math.Log(1/step - 1)
	for _, c := range []struct {
		nodes     string
		low, high float32
		wantLow   float64
		wantHigh  float64
	}{
		{"y = Sigmoid h", -50, 40, -logit, logit},
		{"y = Tanh h", -30, 30, -logit / 2, logit / 2},
		{"y = Tanh h", -0.5, 30, -0.5, 3.6},
		{"y = Tanh h", -0.5, 0.7, -0.5, 0.7},
		{"s = Sigmoid h; y = Mul h s", -60, 4, -7.5, 4},
		{"a = Add h k; b = Clip a; m = Mul b h; y = Tanh m", -60, 60, -3, 0.94},
		{"y = Abs h", -3, 8, -3, 8},
		{"y = Sub h h", -3, 8, -3, 8},
		{"y = Tanh h; z = Abs h", -30, 30, -30, 30},
		{"y = Tanh h; z = Sigmoid h", -60, 60, -logit, logit},
		{"y = Sigmoid h; z = Tanh h", -60, 60, -logit, logit},
		{"y = Log h", 0, 30, 0, 30},
		{"y = Tanh h; z = Softmax h", -30, 30, -30, 30},
		{"z = Conv h w; y = Tanh h", -30, 30, -30, 30},
	} {
		g := &ir.Network{
			Inputs:    []ir.Value{{Name: "x", Shape: []int{ir.Batch, 2}}},
			Nodes:     []ir.Node{{Op: ir.OpGemm, Name: "h", Inputs: []string{"x", "w"}, Output: "h"}},
			Constants: map[string]*ir.Constant{"w": {Shape: []int{2, 2}, Data: make([]float32, 4)}, "k": {Shape: []int{1, 1}, Data: []float32{3}}},
		}
		for line := range strings.SplitSeq(c.nodes, "; ") {
			f := strings.Fields(line)
			n := ir.Node{Op: f[2], Name: f[0], Inputs: f[3:], Output: f[0]}
			if n.Op == ir.OpClip {
				n.Min, n.Max = new(float32(0)), new(float32(6))
			}
			g.Nodes = append(g.Nodes, n)
		}
		for _, read := range []string{"y", "z"} {
			if strings.Contains(c.nodes, read+" =") {
				g.Nodes = append(g.Nodes, ir.Node{Op: ir.OpGemm, Name: read + "w", Inputs: []string{read, "w"}, Output: read + "w"})
				g.Outputs = append(g.Outputs, ir.Value{Name: read + "w"})
			}
		}
		p, err := qtensor.NewParams(qtensor.Affine(8), []float32{c.low}, []float32{c.high})
		if err != nil {
			t.Fatal(err)
		}
		got, err := indexed(g).sums(true).narrowed("h", p)
		if err != nil {
			t.Errorf("%s: %v", c.nodes, err)
			continue
		}
		grid := float64(c.high-c.low) / (gridPoints - 1)
		if off := max(math.Abs(float64(got.Min[0])-c.wantLow), math.Abs(float64(got.Max[0])-c.wantHigh)); !(off <= 2*grid+0.3) {
			t.Errorf("%s in [%v, %v]: got [%v, %v], want about [%.2f, %.2f]", c.nodes, c.low, c.high, got.Min[0], got.Max[0], c.wantLow, c.wantHigh)
		}
		if stays := float64(c.low) == c.wantLow && float64(c.high) == c.wantHigh; stays && !slices.Equal(got.Scales, p.Scales) {
			t.Errorf("%s in [%v, %v]: got scale %v, want %v as it was", c.nodes, c.low, c.high, got.Scales, p.Scales)
		}
	}
}
