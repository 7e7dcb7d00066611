package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// gather makes one convolution in groups of those whose results Concat puts together, each of a slice of the
// channels of one image: how Gorgonia, whose Conv2d has no groups, is made to convolve by channel.
func (r *reader) gather() {
	uses := map[*value]int{}
	for _, v := range r.outputs {
		uses[v]++
	}
	for _, s := range r.steps {
		for _, v := range s.in {
			uses[v]++
		}
	}
	for _, s := range r.steps {
		if s.Op == ir.OpConcat && *s.Axis == 1 && len(s.in) > 1 && len(s.out.shape) == 4 {
			s.gather(uses)
		}
	}
	r.prune()
}

// gather makes a Concat the convolution of what it puts together, if it is one.
func (s *step) gather(uses map[*value]int) {
	first := s.in[0].from
	var image *value
	weight, bias := &value{}, &value{}
	end := 0
	for i, v := range s.in {
		conv := v.from
		if conv == nil || conv.Op != ir.OpConv || conv.Group > 1 || uses[v] != 1 || !sameGeometry(conv, first) {
			return
		}
		slice := conv.in[0].from
		if slice == nil || slice.Op != ir.OpSlice || slice.Axes[0] != 1 || slice.Steps != nil || slice.Starts[0] != end ||
			i > 0 && slice.in[0] != image {
			return
		}
		image, end = slice.in[0], slice.Ends[0]
		weight.data = append(weight.data, conv.in[1].data...)
		if len(conv.in) == 3 {
			bias.data = append(bias.data, conv.in[2].data...)
		}
	}
	if len(image.shape) != 4 || image.shape[1] != end {
		return
	}
	node := first.Node
	node.Group = len(s.in)
	weight.base, weight.shape = first.in[1].base, slices.Clone(first.in[1].shape)
	weight.shape[0] *= node.Group
	in := []*value{image, weight}
	if len(first.in) == 3 {
		bias.base, bias.shape = first.in[2].base, []int{len(bias.data)}
		in = append(in, bias)
	}
	s.Node, s.in = node, in
}

// sameGeometry reports whether two convolutions differ in their weights alone.
func sameGeometry(a, b *step) bool {
	return isPlain(a.in[1]) && slices.Equal(a.in[1].shape, b.in[1].shape) && len(a.in) == len(b.in) &&
		slices.EqualFunc([][]int{a.Pads, a.Strides, a.Dilations}, [][]int{b.Pads, b.Strides, b.Dilations}, slices.Equal[[]int])
}
