package ops

import (
	"fmt"
	"math"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Layers hand codes to each other: what one makes of its results is what the next would make of them.

// Codes is how a layer under StaticInt8 reads its input: as codes q of a byte from 0 to High, counted from
// the lowest of the scheme's, which stand for Scale·(q − Zero), as do those above High. Codes compare equal
// where they are the same.
type Codes struct {
	Scale      float32
	Zero, High int32
}

// affine returns c as package kernel has it.
func (c Codes) affine() kernel.Affine {
	return kernel.Affine{Scale: c.Scale, Zero: c.Zero, High: c.High}
}

// valid reports whether c maps codes of a byte, of which one stands for 0.
func (c Codes) valid() bool {
	return c.Scale >= kernel.MinScale && c.Scale <= math.MaxFloat32 && 0 <= c.Zero && c.Zero <= c.High && c.High <= math.MaxUint8
}

// Samples are numbers of samples, one after the other: float32, or codes where Codes is not nil. An image is
// (channel, row, column) as float32, and (row, column, channel) as codes.
type Samples struct {
	Float []float32
	Codes []uint8
	Map   Codes // of the codes
	// Stop, of x, ends the work early once it is closed; y is undefined then, and an error may be missing.
	Stop <-chan struct{}
}

// numbers returns s as package gemm has it, and how many there are.
func (s Samples) numbers() (gemm.Numbers, int) {
	if s.Codes != nil {
		return gemm.Numbers{Codes: s.Codes, Map: s.Map.affine(), Stop: s.Stop}, len(s.Codes)
	}
	return gemm.Numbers{Float: s.Float, Stop: s.Stop}, len(s.Float)
}

// Codes returns the map of the codes that StaticInt8 makes; false for the other ways to compute.
func (c Compute) Codes() (Codes, bool) {
	c, err := c.checked()
	if err != nil || c.params == nil {
		return Codes{}, false
	}
	a := gemm.Counted(*c.arithmetic.Static)
	return Codes{a.Scale, a.Zero, a.High}, true
}

// Exchange is what a layer takes for x and gives for y besides float32.
type Exchange struct {
	Takes bool  // codes of x
	Codes Codes // the map of those that it takes
	Gives bool  // codes of y, of any map
}

// MatrixCodes returns the Exchange of Weight.Prepare for a weight of a scheme, and for the channels that
// PackImages was given, 1 for Pack. Codes are taken under StaticInt8, unless images would tear apart numbers
// that share a scale, and given but for 16-bit weights.
func MatrixCodes(c Compute, s qtensor.Scheme, channels int) Exchange {
	codes, static := c.Codes()
	return Exchange{static && !s.IsHalf() && packable(s, channels), codes, !s.IsHalf()}
}

// packable reports whether a weight of a scheme can be laid out for images of so many channels.
func packable(s qtensor.Scheme, channels int) bool { return channels < 2 || s.GroupSize() == 0 }

// ConvCodes returns the Exchange of Filters.Prepare for images (…, height, width), filters (out, in/groups,
// height, width) of a scheme, and a pad of height and width or nil. Where all channels are convolved
// together, codes are given, and taken under StaticInt8 unless numbers share a scale in groups. They are so
// in one group, and under StaticInt8 where filters have a channel each, weights neither zero points nor
// offsets nor groups of scales, and a padded image at most 2^28 numbers.
func ConvCodes(c Compute, s qtensor.Scheme, images, filters tensor.Shape, pad []int, groups int) Exchange {
	if len(images) < 2 || len(filters) != 4 || s.IsHalf() {
		return Exchange{}
	}
	v := conv2d{Filters: &Filters{}}
	if v.setPairs(pad, nil, nil) != nil {
		return Exchange{}
	}
	height, width := images[len(images)-2], images[len(images)-1]
	if min(groups, height, width) < 1 || max(height, width) > maxPixels {
		return Exchange{}
	}
	return convCodes(c, s, filters[0], filters[1], groups, v.padded(groups*filters[1], height, width))
}

// convCodes is ConvCodes for filters and the channels that each sees, and the numbers of a padded image.
func convCodes(c Compute, s qtensor.Scheme, out, in, groups int, padded int64) Exchange {
	codes, static := c.Codes()
	together := groups == 1 || static && channelEach(out, in, groups, s) && padded <= maxElements
	return Exchange{static && together && s.GroupSize() == 0, codes, together}
}

// TakesCodes returns the map of the codes that RunSamples takes for x; ok is false where it takes none.
// MatrixCodes and ConvCodes say when that is.
func (p *Prepared) TakesCodes() (c Codes, ok bool) {
	return p.orZero().exchange.Codes, p.orZero().exchange.Takes
}

// GivesCodes reports whether RunSamples gives codes for y. MatrixCodes and ConvCodes say when that is.
func (p *Prepared) GivesCodes() bool { return p.orZero().exchange.Gives }

// RunSamples works like Run from x to y, either of which may be codes. Codes of x stand for what Run would
// read: those that TakesCodes says. Codes of y are those that a layer with their map would make of what Run
// gives, clamp(RNE(y/s) + z), a float32 division, ties to even, saturated; so that a chain of layers gives
// the same bits by codes as by numbers. Errors: those of Run; qtensor.ErrValue also for a y that no float32
// holds, where it becomes a code; qtensor.ErrParams for codes that the layer does not take or give.
func (p *Prepared) RunSamples(y, x Samples, samples int) error {
	takes, ok := p.TakesCodes()
	switch {
	case x.Codes != nil && !ok:
		return fmt.Errorf("ops: Prepared.RunSamples: %w: got codes for x, want float32: TakesCodes is false", qtensor.ErrParams)
	case x.Codes != nil && x.Map != takes:
		return fmt.Errorf("ops: Prepared.RunSamples: %w: got codes %+v for x, want %+v, or float32", qtensor.ErrParams, x.Map, takes)
	case y.Codes != nil && !p.GivesCodes():
		return fmt.Errorf("ops: Prepared.RunSamples: %w: got codes for y, want float32: GivesCodes is false", qtensor.ErrParams)
	case y.Codes != nil && !y.Map.valid():
		return fmt.Errorf("ops: Prepared.RunSamples: %w: got codes %+v for y, want a finite Scale of at least 2^-126 and 0 ≤ Zero ≤ High ≤ 255",
			qtensor.ErrParams, y.Map)
	}
	to, yLen := y.numbers()
	from, xLen := x.numbers()
	if err := p.run(to, from, yLen, xLen, samples); err != nil {
		return fmt.Errorf("ops: Prepared.RunSamples: %w", err)
	}
	return nil
}
