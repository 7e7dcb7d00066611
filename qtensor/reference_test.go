package qtensor_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"
)

// reference quantizes in rational numbers, one element at a time, by the equations in the documentation. It
// shares no code with the package and finds blocks by counting.
type reference struct {
	scheme     qtensor.Scheme
	blocks     []int     // of each element
	min, max   []float32 // of each block, but for groups
	scales     []float32
	zeros      []int32
	offsets    []float32
	multiplier float32
	codes      []int32
	values     []float32
}

func rat(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

func ratInt(v int64) *big.Rat { return new(big.Rat).SetInt64(v) }

func float32Of(r *big.Rat) float32 {
	v, _ := r.Float32()
	return v
}

func float64Of(r *big.Rat) float64 {
	v, _ := r.Float64()
	return v
}

// nearestEven returns the integer nearest to r, the even one of two.
func nearestEven(r *big.Rat) *big.Int {
	half := big.NewRat(1, 2)
	sum := new(big.Rat).Add(r, half)
	up := new(big.Int).Div(sum.Num(), sum.Denom()) // ⌊r + 1/2⌋
	if sum.IsInt() && up.Bit(0) == 1 {
		up.Sub(up, big.NewInt(1))
	}
	return up
}

// nearestCode returns the integer nearest to v, plus z, clamped to low and high.
func nearestCode(v float64, z, low, high int32) int32 {
	switch {
	case v > 1e6:
		return high
	case v < -1e6:
		return low
	}
	return int32(min(int64(high), max(int64(low), nearestEven(rat(v)).Int64()+int64(z))))
}

// blocksOf returns the block of every element in row-major order: the elements that share an index of the
// channel axis are counted off, size to a group.
func blocksOf(shape []int, s qtensor.Scheme) []int {
	total := 1
	for _, n := range shape {
		total *= n
	}
	channelAxis, ok := s.Axis()
	if !ok {
		return make([]int, total)
	}
	size := s.GroupSize()
	if size == 0 {
		size = total
	}
	groups := (total/shape[channelAxis] + size - 1) / size
	seen := make([]int, shape[channelAxis])
	blocks := make([]int, total)
	for flat := range blocks {
		index, rest := 0, flat
		for axis := len(shape) - 1; axis >= channelAxis; axis-- {
			index, rest = rest%shape[axis], rest/shape[axis]
		}
		blocks[flat] = index*groups + seen[index]/size
		seen[index]++
	}
	return blocks
}

func newReference(x []float32, shape []int, s qtensor.Scheme) *reference {
	r := &reference{scheme: s, blocks: blocksOf(shape, s)}
	count := slices.Max(r.blocks) + 1
	lo, hi := make([]float32, count), make([]float32, count)
	for b := range count {
		first := slices.Index(r.blocks, b)
		lo[b], hi[b] = x[first], x[first]
	}
	for i, b := range r.blocks {
		lo[b], hi[b] = min(lo[b], x[i]), max(hi[b], x[i])
	}
	if s.GroupSize() == 0 {
		r.min, r.max = lo, hi
	}
	for b := range count {
		r.scales = append(r.scales, r.scale(lo[b], hi[b]))
	}
	r.store()
	low, high := s.CodeRange()
	for b := range count {
		if s.HasOffset() {
			r.offsets = append(r.offsets, lo[b])
		}
		if s.HasZeroPoint() {
			steps := float32Of(new(big.Rat).Quo(rat(-math.Min(float64(lo[b]), 0)), rat(float64(r.scales[b]))))
			r.zeros = append(r.zeros, nearestCode(float64(steps), 0, low, high))
		}
	}
	for i, b := range r.blocks {
		code, value := r.element(x[i], b)
		r.codes, r.values = append(r.codes, code), append(r.values, value)
	}
	return r
}

// scale returns the scale for a range, in float32; 0 where the range fixes none.
func (r *reference) scale(lo, hi float32) float32 {
	_, high := r.scheme.CodeRange()
	steps := ratInt(int64(high))
	if !r.scheme.HasOffset() && !r.scheme.HasZeroPoint() {
		return float32Of(new(big.Rat).Quo(rat(math.Max(math.Abs(float64(lo)), math.Abs(float64(hi)))), steps))
	}
	if r.scheme.HasZeroPoint() {
		lo, hi = min(lo, 0), max(hi, 0)
	}
	width := new(big.Rat).Sub(rat(float64(hi)), rat(float64(lo)))
	var scale float32
	if rounded := float32Of(width); rounded <= math.MaxFloat32 {
		scale = float32Of(new(big.Rat).Quo(rat(float64(rounded)), steps))
	} else {
		scale = float32(float64Of(new(big.Rat).Quo(rat(float64Of(width)), steps)))
	}
	if r.scheme.Method() == "PowerOfTwo" && scale > 0 {
		power := math.Exp2(127)
		for power/2 >= float64(scale) {
			power /= 2
		}
		scale = float32(power)
	}
	return scale
}

// store rounds the scales to what they are stored as: to nearest where a code is to spare at the ends of the
// range, up where none is.
func (r *reference) store() {
	wide := slices.Clone(r.scales)
	for b, scale := range r.scales {
		if scale == 0 {
			r.scales[b] = 1
		}
		r.scales[b] = max(r.scales[b], 0x1p-126)
	}
	if r.scheme.Scales() == qtensor.ScaleFloat32 {
		return
	}
	// The multiplier puts the largest scale into [2^14, 2^15), if that can be.
	multiplier := 0x1p-112
	if largest := float64(slices.Max(wide)); largest == 0 {
		multiplier = 0x1p-15
	} else {
		for largest/multiplier >= 0x1p15 {
			multiplier *= 2
		}
	}
	r.multiplier = float32(multiplier)
	for b, scale := range r.scales {
		v := min(max(float64(scale)/multiplier, 0x1p-14), 0x1p15)
		place := 0x1p15 / 1024 // the last of 11 bits
		for v < 1024*place {
			place /= 2
		}
		n := math.Ceil(v / place)
		if !r.scheme.HasOffset() && !r.scheme.HasZeroPoint() {
			n = float64(nearestEven(rat(v / place)).Int64())
		}
		if n*place*multiplier > math.MaxFloat32 {
			n--
		}
		r.scales[b] = float32(n * place * multiplier)
	}
}

// element returns the code of x in block b, and its dequantized value.
func (r *reference) element(x float32, b int) (int32, float32) {
	low, high := r.scheme.CodeRange()
	scale := rat(float64(r.scales[b]))
	var code int32
	var value float32
	if r.scheme.HasOffset() {
		offset := rat(float64(r.offsets[b]))
		from := rat(float64Of(new(big.Rat).Sub(rat(float64(x)), offset)))
		code = nearestCode(float64Of(from.Quo(from, scale)), 0, low, high)
		value = float32(float64Of(offset.Add(offset, scale.Mul(scale, ratInt(int64(code))))))
	} else {
		var zero int32
		if r.scheme.HasZeroPoint() {
			zero = r.zeros[b]
		}
		code = nearestCode(float64(float32Of(new(big.Rat).Quo(rat(float64(x)), scale))), zero, low, high)
		value = float32Of(scale.Mul(scale, ratInt(int64(code-zero))))
	}
	return code, max(-math.MaxFloat32, min(math.MaxFloat32, value))
}

// diff says how q differs from r.
func (r *reference) diff(t *testing.T, q *qtensor.QTensor) string {
	t.Helper()
	p := q.Params()
	switch codes, values := codesOf(t, q), valuesOf(t, q); {
	case !tensortest.SameBits(p.Scales, r.scales) || p.Multiplier != r.multiplier:
		return fmt.Sprintf("scales %x × %x, want %x × %x", p.Scales, p.Multiplier, r.scales, r.multiplier)
	case !slices.Equal(p.Min, r.min) || !slices.Equal(p.Max, r.max):
		return fmt.Sprintf("ranges %v to %v, want %v to %v", p.Min, p.Max, r.min, r.max)
	case !slices.Equal(p.ZeroPoints, r.zeros):
		return fmt.Sprintf("zero points %v, want %v", p.ZeroPoints, r.zeros)
	case !slices.Equal(p.Offsets, r.offsets):
		return fmt.Sprintf("offsets %v, want %v", p.Offsets, r.offsets)
	case !slices.Equal(codes, r.codes):
		return fmt.Sprintf("codes %v, want %v", codes, r.codes)
	case !slices.Equal(values, r.values):
		return fmt.Sprintf("values %v, want %v", values, r.values)
	}
	return ""
}

// generators make test data of every kind that the arithmetic treats differently.
var generators = []struct {
	name string
	next func(rng *rand.Rand, i int) float32
}{
	{"gaussian", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) }},
	{"positive", func(rng *rand.Rand, _ int) float32 { return 3 + rng.Float32() }},
	{"negative", func(rng *rand.Rand, _ int) float32 { return -100 * rng.Float32() }},
	{"integers and halves", func(rng *rand.Rand, _ int) float32 { return float32(rng.IntN(61)-30) / 2 }},
	{"bits", func(rng *rand.Rand, _ int) float32 {
		for {
			if v := math.Float32frombits(rng.Uint32()); v-v == 0 {
				return v
			}
		}
	}},
	{"huge", func(rng *rand.Rand, _ int) float32 { return (2*rng.Float32() - 1) * math.MaxFloat32 }},
	{"tiny", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32()&0x807fffff | 3<<23) }},
	{"mostly zero", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) * float32(rng.IntN(5)/4) }},
	{"constant", func(*rand.Rand, int) float32 { return -0.3 }},
	{"growing", func(rng *rand.Rand, i int) float32 { return rng.Float32() * float32(math.Exp2(float64(i)/2-20)) }},
}

// TestQuantizeAgainstReference tries a random tenth of all combinations; FuzzQuantize goes on from there.
func TestQuantizeAgainstReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][]int{{1}, {13}, {5, 7}, {1, 6}, {6, 1}, {3, 4, 5}, {2, 1, 9}, {2, 3, 2, 4}} {
		total := 1
		for _, n := range shape {
			total *= n
		}
		for _, g := range generators {
			x := make([]float32, total)
			for i := range x {
				x[i] = g.next(rng, i)
			}
			for _, s := range integerSchemes() {
				for _, s := range sharings(s, len(shape), 1, 3, 1000) {
					if rng.IntN(10) > 0 {
						continue
					}
					q := mustQuantize(t, newTensor(x, shape...), s)
					if diff := newReference(x, shape, s).diff(t, q); diff != "" {
						t.Errorf("%v of %v %s %v: %s", s, shape, g.name, x, diff)
					}
				}
			}
		}
	}
}
