package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// gather makes one convolution in groups of those whose results Concat puts together, each of a slice of the
// channels of one image: how Gorgonia, whose Conv2d has no groups, is made to convolve by channel. Filters
// that were fake-quantized keep their quantized values, and slices that are fake-quantized alike become an
// image that is.
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
	steps := r.steps
	r.steps = nil
	for _, s := range steps {
		if s.Op == ir.OpConcat && *s.Axis == 1 && len(s.in) > 1 && len(s.out.shape) == 4 {
			r.gatherInto(s, uses)
		}
		r.steps = append(r.steps, s)
	}
	r.prune()
}

// gatherInto makes a Concat the convolution of what it puts together, if it is one.
func (r *reader) gatherInto(s *step, uses map[*value]int) {
	var g gathered
	for _, v := range s.in {
		if uses[v] != 1 || !g.add(v.from) {
			return
		}
	}
	if len(g.image.shape) != 4 || g.image.shape[1] != g.end {
		return
	}
	weight, ok := g.weight()
	if !ok {
		return
	}
	image := g.image
	if g.fake != nil {
		image = r.add(g.fake.Node, image.shape, image)
	}
	s.in = []*value{image, weight}
	if len(g.bias.data) > 0 {
		g.bias.shape = []int{len(g.bias.data)}
		s.in = append(s.in, &g.bias)
	}
	s.Node = g.convs[0].Node
	s.Group = len(g.convs)
}

// gathered are convolutions of slices of one image, in the order of its channels.
type gathered struct {
	convs []*step
	image *value
	end   int   // of the channels that are convolved
	fake  *step // that follows each slice, or nil
	bias  value
}

// add adds a convolution of the next channels, and reports whether it goes with those before.
func (g *gathered) add(conv *step) bool {
	if conv == nil || conv.Op != ir.OpConv || conv.Group > 1 {
		return false
	}
	slice, fake := sliced(conv.in[0])
	if slice == nil || slice.Axes[0] != 1 || slice.Steps != nil || slice.Starts[0] != g.end {
		return false
	}
	if len(g.convs) == 0 {
		g.image, g.fake = slice.in[0], fake
	} else if slice.in[0] != g.image || !sameFake(fake, g.fake) || !sameGeometry(conv, g.convs[0]) {
		return false
	}
	g.convs, g.end = append(g.convs, conv), slice.Ends[0]
	if len(conv.in) == 3 {
		if g.bias.data == nil {
			g.bias.base = conv.in[2].base
		}
		g.bias.data = append(g.bias.data, conv.in[2].data...)
	}
	return true
}

// sliced returns the slice that a value is, and the FakeQuantize on the way, or nil; nil for another value.
func sliced(x *value) (slice, fake *step) {
	for s := x.from; s != nil; s = s.in[0].from {
		switch {
		case s.Op == ir.OpSlice && slices.Equal(s.out.shape, x.shape):
			return s, fake
		case s.Op == ir.OpFakeQuantize && fake == nil:
			fake = s
		case s.Op != ir.OpReshape:
			return nil, nil
		}
	}
	return nil, nil
}

// sameFake reports whether two FakeQuantizes, or nils, do the same.
func sameFake(a, b *step) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Scale == b.Scale && a.ZeroPoint == b.ZeroPoint && a.QuantMin == b.QuantMin && a.QuantMax == b.QuantMax
}

// sameGeometry reports whether two convolutions differ in their weights alone.
func sameGeometry(a, b *step) bool {
	return slices.Equal(a.in[1].shape, b.in[1].shape) && len(a.in) == len(b.in) &&
		slices.EqualFunc([][]int{a.Pads, a.Strides, a.Dilations}, [][]int{b.Pads, b.Strides, b.Dilations}, slices.Equal[[]int])
}

// weight returns the filters of all; false where some were fake-quantized by other schemes than others, or by
// one that has no scale for each filter.
func (g *gathered) weight() (*value, bool) {
	first := g.convs[0].in[1]
	w := &value{base: first.base, shape: slices.Clone(first.shape)}
	w.shape[0] *= len(g.convs)
	var trained []*ir.Trained
	for _, conv := range g.convs {
		of := conv.in[1]
		w.data = append(w.data, of.data...)
		if of.quantized != nil {
			trained = append(trained, of.quantized)
		}
	}
	if trained == nil {
		return w, true
	}
	joined, ok := ir.Join(trained...)
	if !ok {
		return nil, false
	}
	w.quantized = joined
	numbers, err := joined.Float32s()
	return w, err == nil && slices.Equal(numbers, w.data)
}
