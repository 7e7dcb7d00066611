package qtensor

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/codebook"
	"euryale/internal/convert"
	"euryale/internal/kernel"

	"gorgonia.org/tensor"
)

// LevelTable says where the levels of a Codebook come from.
type LevelTable uint8

const (
	// LearnedLevels are learned on the tensor, with 0 among them. It is the default.
	LearnedLevels LevelTable = iota
	// LearnedLevelsNoZero are learned on the tensor, and need not have a 0: at 2 bits some 0.3 dB better.
	LearnedLevelsNoZero
	// LinearLevels are 128/2^(bits−1) times −2^(bits−1) … 2^(bits−1) − 1.
	LinearLevels
	// NormalFloatLevels are the 16 quantiles of a normal distribution of QLoRA (arXiv:2305.14314, appendix E)
	// times 127, for 4 bits.
	NormalFloatLevels
	// E2M1Levels are those of the 4-bit float of MXFP4 times 20, ascending, with two zeros, for 4 bits.
	E2M1Levels
)

// levelTables has the text of a Scheme and the kind of each table.
var levelTables = [...]struct {
	suffix string
	kind   codebook.Kind
}{
	LearnedLevels:       {"", codebook.Learned},
	LearnedLevelsNoZero: {"-nozero", codebook.LearnedNoZero},
	LinearLevels:        {"-linear", codebook.Linear},
	NormalFloatLevels:   {"-nf", codebook.NormalFloat},
	E2M1Levels:          {"-e2m1", codebook.E2M1},
}

// String returns "learned", "learned without zero", "linear", "NormalFloat" or "E2M1"; "unknown" for others.
func (t LevelTable) String() string {
	if int(t) >= len(levelTables) {
		return "unknown"
	}
	return levelTables[t].kind.String()
}

// Codebook returns the scheme of weights whose quantized value q, of 2 to 4 bits, is looked up in a table of
// 2^bits levels L, which multiply as int8:
//
//	w8 = (L[q]·256·m + 2^14) >> 15,   r = S·w8
//
// so w8 is L[q]·m/128, rounded to nearest, ties up. The tensor has one table, Params.Levels; a group has a
// multiplier m, an int8; a channel has a scale S. It is for PerGroup, with groups of 16, 32, 64 or 128, or for
// PerAxis: a channel is one group then, without a multiplier, and w8 = L[q]. Alone it is not valid.
//
//	qtensor.Codebook(4).PerGroup(1, 32)    4.25 bits an element and 32 a column; a learned table
//
// Layers multiply by w8 as by PerChannelSymmetric(8), with the same bits as for q.Int8(). Quantizing searches
// for levels, multipliers and scales with the least squared error, as WithSearch does for other schemes. It
// is for weights: activations have no Codebook.
func Codebook(bits int) Scheme { return Scheme{method: codebooks, bits: bits} }

// WithLevels returns s with levels from t. It is for Codebook alone.
func (s Scheme) WithLevels(t LevelTable) Scheme {
	s.levels = t
	return s
}

// Levels returns where the levels of a Codebook come from, and false for other schemes.
func (s Scheme) Levels() (t LevelTable, ok bool) { return s.levels, s.IsCodebook() }

// IsCodebook reports whether quantized values are looked up in a table: Codebook.
func (s Scheme) IsCodebook() bool { return s.method == codebooks }

// validateCodebook returns an error where what is particular to a Codebook is wrong, or there is such a thing
// in another scheme.
func (s Scheme) validateCodebook() error {
	switch {
	case !s.IsCodebook() && s.levels != LearnedLevels:
		return fmt.Errorf("%w: got %v levels for %v, want a Codebook for them", ErrScheme, s.levels, s.method.info().name)
	case !s.IsCodebook():
		return nil
	case int(s.levels) >= len(levelTables):
		return fmt.Errorf("%w: got level table %d, want one of the constants", ErrScheme, s.levels)
	case s.sharing == perTensor:
		return fmt.Errorf("%w: got a codebook per tensor, want it per group or per axis", ErrScheme)
	case s.scales != ScaleFloat32:
		return fmt.Errorf("%w: got a codebook with %v scales, want float32", ErrScheme, s.scales)
	case s.sharing == perGroup && !slices.Contains([]int{16, 32, 64, 128}, s.size):
		return fmt.Errorf("%w: got a codebook in groups of %d, want 16, 32, 64 or 128", ErrScheme, s.size)
	case (s.levels == NormalFloatLevels || s.levels == E2M1Levels) && s.bits != 4:
		return fmt.Errorf("%w: got %v levels of %d bits, want 4", ErrScheme, s.levels, s.bits)
	}
	return nil
}

// checkCodebook returns an error unless p fits its scheme, a Codebook, and a tensor with the given blocks.
func (p Params) checkCodebook(b convert.Blocks) error {
	multipliers := 0
	if p.Scheme.sharing == perGroup {
		multipliers = b.Count()
	}
	switch {
	case len(p.Scales) != b.Channels:
		return fmt.Errorf("%w: got %d scales for %v, want %d", ErrParams, len(p.Scales), p.Scheme, b.Channels)
	case len(p.GroupMultipliers) != multipliers:
		return fmt.Errorf("%w: got %d multipliers for %v, want %d", ErrParams, len(p.GroupMultipliers), p.Scheme, multipliers)
	case len(p.ZeroPoints)+len(p.Offsets)+len(p.Min)+len(p.Max) > 0 || p.Multiplier != 0:
		return fmt.Errorf("%w: got more than scales, levels and multipliers for %v, want no more", ErrParams, p.Scheme)
	}
	if err := codebook.CheckLevels(levelTables[p.Scheme.levels].kind, p.Scheme.bits, p.Levels); err != nil {
		return fmt.Errorf("%w: %w", ErrParams, err)
	}
	if i := slices.Index(p.GroupMultipliers, -128); i >= 0 {
		return fmt.Errorf("%w: got multiplier -128 at %d, want -127 to 127", ErrParams, i)
	}
	for i, scale := range p.Scales {
		if !(scale >= kernel.MinScale && scale <= math.MaxFloat32) {
			return fmt.Errorf("%w: got scale %v at %d, want a finite one of at least 2^-126", ErrParams, scale, i)
		}
	}
	return nil
}

// layout returns the channels and groups of a Codebook.
func (p *Params) layout(b convert.Blocks) codebook.Layout {
	l := codebook.Layout{Channels: b.Channels, Row: b.Outer * b.Inner}
	if p.Scheme.sharing == perGroup {
		l.Size = p.Scheme.size
	}
	return l
}

// book returns what the codes of a Codebook are looked up with.
func (p *Params) book() *codebook.Parameters {
	return &codebook.Parameters{Levels: p.Levels, Multipliers: p.GroupMultipliers, Scales: p.Scales}
}

// lookUp returns w8 of codes in row-major order.
func (p *Params) lookUp(codes []uint8, shape tensor.Shape, b convert.Blocks) []int8 {
	weights := make([]int8, len(codes))
	codebook.Decode(weights, channelsFirst(codes, shape, p.Scheme.axis), p.layout(b), p.book())
	return channelsBack(weights, shape, p.Scheme.axis)
}

// encodeBook returns data as codes of a Codebook.
func encodeBook(data []float32, p *Params, shape tensor.Shape, b convert.Blocks) []uint8 {
	codes := make([]uint8, len(data))
	codebook.Encode(codes, channelsFirst(data, shape, p.Scheme.axis), p.layout(b), p.book())
	return channelsBack(codes, shape, p.Scheme.axis)
}

// channelsFirst returns elements in the order (channel, place in its row), which may be x itself.
func channelsFirst[T any](x []T, shape tensor.Shape, axis int) []T {
	if len(shape) == 2 {
		return permute(x, shape, []int{axis, 1 - axis})
	}
	return permute(x, shape, channelAxes(len(shape), axis))
}

// channelsBack undoes channelsFirst.
func channelsBack[T any](x []T, shape tensor.Shape, axis int) []T {
	axes := channelAxes(len(shape), axis)
	moved, back := make(tensor.Shape, len(shape)), make([]int, len(shape))
	for i, a := range axes {
		moved[i], back[a] = shape[a], i
	}
	return permute(x, moved, back)
}

// channelAxes returns the axes of a tensor with the channel axis first.
func channelAxes(dims, axis int) []int {
	axes := []int{axis}
	for a := range dims {
		if a != axis {
			axes = append(axes, a)
		}
	}
	return axes
}

// int8Affines returns the maps of w8 by channel.
func (p *Params) int8Affines() *convert.Affines {
	return &convert.Affines{Scales: p.Scales, Low: -128, High: 127}
}

// Int8 returns the tensor of a Codebook as PerChannelSymmetric(8): its quantized values are w8, and its real
// values are the same, bit for bit. Levels of −128 are kept, as FromCodes keeps them. Errors: ErrScheme for
// another scheme and for the zero QTensor.
func (q *QTensor) Int8() (*QTensor, error) {
	if err := q.valid(); err != nil {
		return nil, fmt.Errorf("qtensor: Int8: %w", err)
	}
	p := &q.params
	if !p.Scheme.IsCodebook() {
		return nil, fmt.Errorf("qtensor: Int8: %w: got %v, want a Codebook", ErrScheme, p.Scheme)
	}
	to := Params{Scheme: PerChannelSymmetric(8, p.Scheme.axis), Scales: slices.Clone(p.Scales)}
	return build(to, q.shape, p.lookUp(q.unpack().([]uint8), q.shape, q.blocks))
}

// channels returns the blocks of a Codebook that share a scale.
func (q *QTensor) channels() convert.Blocks {
	return convert.PerAxis(q.shape, q.params.Scheme.axis, 0)
}

// inBook returns access to w8 of a Codebook. A call returns them in a buffer that the next call uses again.
func (q *QTensor) inBook() func(begin, end int) []int8 {
	var buffer []int8
	codes, p := inStream[uint8](q), &q.params
	return func(begin, end int) []int8 {
		buffer = slices.Grow(buffer[:0], end-begin)[:end-begin]
		from := codes(begin, end)
		q.blocks.Within(begin, end, func(block, first, last int) {
			for i := first - begin; i < last-begin; i++ {
				buffer[i] = p.Levels[from[i]]
				if p.GroupMultipliers != nil {
					buffer[i] = codebook.Weight(buffer[i], p.GroupMultipliers[block])
				}
			}
		})
		return buffer
	}
}

// bookSpans returns the least and the greatest w8 of each block.
func (p *Params) bookSpans(b convert.Blocks) (lows, highs []float64) {
	for block := range b.Count() {
		low, high := p.Levels[0], p.Levels[len(p.Levels)-1]
		if p.GroupMultipliers != nil {
			m := p.GroupMultipliers[block]
			low, high = codebook.Weight(low, m), codebook.Weight(high, m)
		}
		lows, highs = append(lows, float64(min(low, high))), append(highs, float64(max(low, high)))
	}
	return lows, highs
}
