package exprgraph_test

import (
	"slices"
)

// images returns a value of images of at least 2 by 2.
func (d *drawer) images() (int, bool) {
	return d.pick(func(v *randomValue) bool { return len(v.shape) == 4 && min(v.shape[1], v.shape[2]-1, v.shape[3]-1) > 0 })
}

func (d *drawer) drawConvolution() {
	if i, ok := d.images(); ok {
		d.convolve(d.tame(i, 3), 1+d.IntN(3), 1+d.IntN(3), d.IntN(2), d.IntN(2), d.size())
	}
}

// convolve adds a convolution with constant filters; −1 for a kernel that does not fit.
func (d *drawer) convolve(i, kh, kw, ph, pw, filters int) int {
	x := d.shape(i)
	sh, sw, dh, dw := 1+d.IntN(2), 1+d.IntN(2), 1+d.IntN(2), 1+d.IntN(2)
	h, w := x[2]+2*ph-dh*(kh-1)-1, x[3]+2*pw-dw*(kw-1)-1
	if h < 0 || w < 0 || !d.once(i, "convolution") {
		return -1
	}
	most := 9 * float64(x[1]*kh*kw)
	ints := []int{kh, kw, ph, pw, sh, sw, dh, dw}
	y := d.add(randomValue{
		op: "convolution", in: []int{i, d.weight(filters, x[1], kh, kw)}, shape: []int{x[0], filters, h/sh + 1, w/sw + 1}, ints: ints,
	}, -most, most)
	return d.tame(y, 4)
}

// drawDepthwise adds convolutions of all slices of channels, one behind the other.
func (d *drawer) drawDepthwise() {
	i, ok := d.images()
	if !ok || d.shape(i)[1] < 2 || d.shape(i)[1] > 3 {
		return
	}
	x := d.shape(i)
	each := 1 + d.IntN(2)
	bias := d.chance(50)
	var in []int
	for c := range x[1] {
		s := d.keep("slice", []int{i}, []int{x[0], x[2], x[3]}, 1, c, c+1, 1)
		s = d.keep("reshape", []int{s}, []int{x[0], 1, x[2], x[3]})
		if !d.once(s, "convolution") {
			return
		}
		ints := []int{2, 2, 1, 1, 1, 1, 1, 1}
		y := d.add(randomValue{op: "convolution", in: []int{s, d.weight(each, 1, 2, 2)}, shape: []int{x[0], each, x[2] + 1, x[3] + 1}, ints: ints}, -36, 36)
		if bias {
			y = d.add(randomValue{op: "add", in: []int{y, d.weight(1, each, 1, 1)}, shape: d.shape(y), ints: []int{0, 0b1101}}, -40, 40)
		}
		in = append(in, y)
	}
	y := slices.Clone(d.shape(in[0]))
	y[1] = each * x[1]
	d.tame(d.keep("concat", in, y, 1), 4)
}

func (d *drawer) drawPool() {
	i, ok := d.images()
	if !ok {
		return
	}
	x := d.shape(i)
	if d.chance(15) {
		d.keep("global average pool", []int{i}, []int{x[0], x[1], 1, 1})
		return
	}
	if d.chance(15) {
		scale := 2 + d.IntN(2)
		d.keep("upsample", []int{i}, []int{x[0], x[1], scale * x[2], scale * x[3]}, scale)
		return
	}
	kh, kw := 1+d.IntN(min(x[2], 3)), 1+d.IntN(min(x[3], 3))
	ints := []int{kh, kw, 1 + d.IntN(2), 1 + d.IntN(2), d.IntN(kh), d.IntN(kw)}
	high, wide := 2*ints[4], 2*ints[5]
	if d.chance(30) {
		ints = append(ints[:4], d.IntN(kh), d.IntN(kh), d.IntN(kw), d.IntN(kw))
		high, wide = ints[4]+ints[5], ints[6]+ints[7]
	}
	shape := []int{x[0], x[1], (x[2]+high-kh)/ints[2] + 1, (x[3]+wide-kw)/ints[3] + 1}
	op := []string{"max pool", "average pool"}[d.IntN(2)]
	if !d.once(i, op) {
		return
	}
	if op == "max pool" {
		d.keep(op, []int{i}, shape, ints...)
		return
	}
	v := d.value(i)
	scale := float64(kh*kw) / float64(x[3])
	d.tame(d.add(randomValue{op: op, in: []int{i}, shape: shape, ints: ints}, min(v.low, 0)*scale, max(v.high, 0)*scale), 4)
}

func (d *drawer) drawNorm() {
	i, ok := d.pick(func(v *randomValue) bool {
		return (len(v.shape) == 2 || len(v.shape) == 4) && !slices.ContainsFunc(v.shape[1:], func(n int) bool { return n < 0 })
	})
	if !ok || !d.once(i, "norm") {
		return
	}
	x := d.shape(i)
	affine := slices.Repeat([]int{1}, len(x))
	affine[1] = x[1]
	v := randomValue{op: "norm", in: []int{i, d.weight(affine...), d.weight(affine...)}, shape: x, nums: []float64{1.0 / 1024}, seed: d.Uint64()}
	d.tame(d.add(v, -30, 30), 4)
}
