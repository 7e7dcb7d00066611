package kernel_test

import (
	"math"
	"slices"
	"testing"

	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// TestDequantizeMuch dequantizes what is too big for the caches, into memory of every alignment.
func TestDequantizeMuch(t *testing.T) {
	const n = 1<<20 + 77
	codes, signed := make([]uint8, n), make([]int8, n)
	for i := range codes {
		codes[i], signed[i] = uint8(i*7), int8(i*5)
	}
	a := kernel.Affine{Scale: 0.3, Zero: 11, High: 255}
	generic, got := kernel.Of(isa.Generic), make([]float32, n+16)
	want, wantSigned := make([]float32, n), make([]float32, n)
	generic.DequantizeU8(want, codes, a)
	generic.DequantizeS8(wantSigned, signed, a)
	check := func(tier isa.Tier, first int, want []float32) {
		t.Helper()
		for i, v := range want {
			if math.Float32bits(got[first+i]) != math.Float32bits(v) {
				t.Fatalf("%v: %d elements into a slice: number %d is %v, want %v", tier, first, i, got[first+i], v)
			}
		}
		if got[first+n] != -7 {
			t.Fatalf("%v: %d elements into a slice: wrote past %d numbers", tier, first, n)
		}
	}
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			continue
		}
		for first := range 8 {
			got[first+n] = -7
			kernel.Of(tier).DequantizeU8(got[first:first+n], codes, a)
			check(tier, first, want)
			kernel.Of(tier).DequantizeS8(got[first:first+n], signed, a)
			check(tier, first, wantSigned)
		}
	}
}

// TestQuantizeMuch likewise; the alignment is that of a vector.
func TestQuantizeMuch(t *testing.T) {
	const n = 4<<20 + 77
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i*7919%1000)*0.3 - 150
	}
	for _, tier := range isa.All() {
		if isa.Supported(tier) {
			s, generic := kernel.Of(tier), kernel.Of(isa.Generic)
			quantizeMuch(t, tier, x, kernel.Affine{Scale: 0.7, Zero: -11, Low: -128, High: 127}, s.QuantizeS8, generic.QuantizeS8)
			quantizeMuch(t, tier, x, kernel.Affine{Scale: 0.7, Zero: 111, High: 255}, s.QuantizeU8, generic.QuantizeU8)
		}
	}
}

func quantizeMuch[C kernel.Code](t *testing.T, tier isa.Tier, x []float32, a kernel.Affine, quantize, generic func([]C, []float32, kernel.Affine) bool) {
	n := len(x)
	got, want := make([]C, n+64), make([]C, n)
	generic(want, x, a)
	for _, first := range []int{0, 1, 31, 63} {
		got[first+n] = 77
		if !quantize(got[first:first+n], x, a) {
			t.Fatalf("%v: %d elements into a slice: a value that is finite is said not to be", tier, first)
		}
		for _, at := range []int{0, n / 2, n - 1} {
			finite := x[at]
			x[at] = float32(math.NaN())
			if quantize(slices.Clone(got[:n]), x, a) {
				t.Fatalf("%v: value %d of %d is NaN, and all are said to be finite", tier, at, n)
			}
			x[at] = finite
		}
		if got[first+n] != 77 {
			t.Fatalf("%v: %d elements into a slice: wrote past %d codes", tier, first, n)
		}
		if !slices.Equal(got[first:first+n], want) {
			t.Fatalf("%v: %d elements into a slice: codes of %+v differ from the generic ones", tier, first, a)
		}
	}
}

// TestAddMuch adds more values than assembly takes at a time.
func TestAddMuch(t *testing.T) {
	const n = 3<<16 + 45
	x, y := make([]uint8, n), make([]uint8, n)
	for i := range x {
		x[i], y[i] = uint8(i*7919/256), uint8(i*104729/128)
	}
	ax, ay, a := kernel.Affine{Scale: 0.7, Zero: 11, High: 255}, kernel.Affine{Scale: 0.3, Zero: 140, High: 255}, kernel.Affine{Scale: 0.9, Zero: 60, High: 255}
	got, want := make([]uint8, n), make([]uint8, n)
	kernel.Of(isa.Generic).AddU8(want, x, y, ax, ay, a)
	for _, tier := range isa.All() {
		if isa.Supported(tier) {
			clear(got)
			if kernel.Of(tier).AddU8(got, x, y, ax, ay, a); !slices.Equal(got, want) {
				t.Errorf("%v: sums of %d codes differ from the generic ones", tier, n)
			}
		}
	}
}

// TestLookUpMuch looks up more values than assembly takes at a time, in place too.
func TestLookUpMuch(t *testing.T) {
	const n = 3<<16 + 45
	var table [256]uint8
	src, want := make([]uint8, n), make([]uint8, n)
	for i := range table {
		table[i] = uint8(i*7 + i/16*i)
	}
	for i := range src {
		src[i] = uint8(i * 7919 / 256)
		want[i] = table[src[i]]
	}
	for _, tier := range isa.All() {
		if isa.Supported(tier) {
			got, own := make([]uint8, n), slices.Clone(src)
			kernel.Of(tier).LookUp(got, src, &table)
			kernel.Of(tier).LookUp(own, own, &table)
			if !slices.Equal(got, want) || !slices.Equal(own, want) {
				t.Errorf("%v: of %d codes some are looked up wrong", tier, n)
			}
		}
	}
}

// TestDepthwiseMuch has more pixels than assembly takes at a time.
func TestDepthwiseMuch(t *testing.T) {
	const count, step = 5003, 19
	offsets := []int{0, 19, 38, 1000, 1019, 1038, 2000, 2019, 2038}
	pixels := make([]int, count)
	for i := range pixels {
		pixels[i] = i * step
	}
	x, b := make([]uint8, (count-1)*step+2038+kernel.PanelColumns), make([]int8, 3*kernel.StepBytes)
	for i := range x {
		x[i] = uint8(i * 7919 / 256)
	}
	for i := range b {
		if i/kernel.StepBytes*kernel.StepDepth+i%kernel.StepDepth < len(offsets) {
			b[i] = int8(i * 104729 / 128)
		}
	}
	e := kernel.Epilogue{
		Columns: kernel.PanelColumns, Compensation: make([]int32, kernel.PanelColumns), Bias: make([]float32, kernel.PanelColumns),
		Scales: slices.Repeat([]float32{1.0 / 1024}, kernel.PanelColumns), Zeros: []int32{0}, RowScales: []float32{1},
	}
	to := kernel.Affine{Scale: 1, Zero: 128, High: 255}
	run := func(tier isa.Tier) (sums []int32, results []uint8) {
		sums, results = make([]int32, count*kernel.PanelColumns), make([]uint8, count*kernel.PanelColumns)
		kernel.Of(tier).MultiplyDepthwise(sums, x, pixels, offsets, b)
		kernel.Of(tier).RequantizeDepthwise(results, kernel.PanelColumns, x, pixels, offsets, b, &e, to)
		return sums, results
	}
	sums, results := run(isa.Generic)
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			continue
		}
		if s, r := run(tier); !slices.Equal(s, sums) || !slices.Equal(r, results) {
			t.Errorf("%v: results of %d pixels differ from the generic ones", tier, count)
		}
	}
}
