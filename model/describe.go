package model

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"euryale/internal/table"
	"euryale/qtensor"
)

// LayerInfo describes a product, a convolution or an embedding.
type LayerInfo struct {
	Name, Op  string // of the node: Gemm, MatMul, Conv or Gather
	Quantized bool
	// Scheme is that of the weight; the zero Scheme for a float layer.
	Scheme qtensor.Scheme
	// Activations is Default for a float layer, and for an embedding, which has no arithmetic.
	Activations Activations
	// Bytes is the size of the weight: QTensor.Bytes, or 4 for each element in float32; 0 if the weight is no
	// constant.
	Bytes int
}

// Layers describes the products, convolutions and embeddings, quantized or not, in the order in which they
// are computed. It reads no weight.
func (m *Model) Layers() (list []LayerInfo) {
	if m == nil || m.plan == nil {
		return nil
	}
	for i := range m.plan.steps {
		s := &m.plan.steps[i]
		if s.op.layer == nil && !isEmbedding(s.node.Node) {
			continue
		}
		info := LayerInfo{Name: s.node.Name, Op: s.node.Op}
		if l, ok := m.layers[info.Name]; ok {
			info.Quantized, info.Scheme, info.Bytes = true, l.weight.scheme, l.weight.bytes()
			if info.Activations = l.activations; info.Activations == Default && s.layer != nil {
				info.Activations = Fixed24
			}
		} else if w := m.plan.weightIn(s); w.data != nil {
			info.Bytes = 4 * w.size.Elements()
		}
		list = append(list, info)
	}
	return list
}

// weightIn returns the value that is the weight of a float32 layer.
func (p *plan) weightIn(s *step) *value {
	if isEmbedding(s.node.Node) {
		return &p.values[s.in[0]]
	}
	return &p.values[s.in[1]]
}

// bytes returns what QTensor.Bytes does for the weight, and does not read it.
func (w *weight) bytes() int {
	n, err := w.scheme.Bytes(w.shape)
	if err != nil {
		return 0 // a weight that no tensor can have is refused before
	}
	return n
}

// String returns a table with a line for each input, output and layer, and a last line with their number and
// bytes, in which a weight that layers share counts for each. Names with tabs or line breaks are quoted.
func (m *Model) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, list := range []struct {
		what string
		of   []ValueInfo
	}{{"input", m.Inputs()}, {"output", m.Outputs()}} {
		for _, v := range list.of {
			fmt.Fprintf(w, "%s\t%s\t%v\t%v", list.what, table.Cell(v.Name), v.Type, v.Shape)
			if v.Multiple > 1 {
				fmt.Fprintf(w, ", %d for each sample", v.Multiple)
			}
			fmt.Fprintln(w)
		}
	}
	layers, quantized, bytes := m.Layers(), 0, 0
	if len(layers) > 0 {
		fmt.Fprintln(w, "layer\top\tweight\tactivations\tbytes")
	}
	for _, l := range layers {
		weight, activations := "float32", "float32"
		if l.Quantized {
			quantized++
			weight = l.Scheme.String()
		}
		if l.Activations != Default {
			activations = l.Activations.String()
		}
		bytes += l.Bytes
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", table.Cell(l.Name), l.Op, weight, activations, l.Bytes)
	}
	fmt.Fprintf(w, "%d layers, %d of them quantized, with weights of %d bytes\n", len(layers), quantized, bytes)
	_ = w.Flush() // strings.Builder gives no error
	return b.String()
}
