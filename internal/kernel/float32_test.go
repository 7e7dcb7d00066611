package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// anyFloat returns a float32 of any kind, of which sums and products round in every way: with few bits set,
// so that halves of the last place are frequent, denormal, very large, or not finite where that is asked for.
func anyFloat(m *rand.Rand, finite bool) float32 {
	switch kind := m.IntN(16); {
	case kind < 6:
		return float32(m.NormFloat64())
	case kind < 12: // few bits, at most 2^±40
		x := float64(1 + m.IntN(3) + m.IntN(2)<<m.IntN(24))
		return float32(math.Copysign(math.Ldexp(x, m.IntN(81)-40), m.Float64()-0.5))
	case kind < 15 || finite:
		for {
			if x := math.Float32frombits(m.Uint32()); x-x == 0 {
				return x
			}
		}
	default:
		return [...]float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}[m.IntN(3)]
	}
}

// TestFused compares with exact arithmetic.
func TestFused(t *testing.T) {
	m := rand.New(rand.NewPCG(1, 2))
	for range 100 * effort(1000) {
		a, b, c := anyFloat(m, true), anyFloat(m, true), anyFloat(m, true)
		switch m.IntN(4) {
		case 0: // nearly all cancels
			c = -float32(float64(a) * float64(b))
		case 1: // the product is half of the last place of the sum, or a little more or less
			b = 1 + float32(m.IntN(3)-1)*0x1p-23
			a = float32(math.Ldexp(float64(c), -24-m.IntN(2)))
		}
		if c-c != 0 {
			continue
		}
		x, y := new(big.Float).SetPrec(2000), new(big.Float).SetPrec(2000)
		x.Mul(x.SetFloat64(float64(a)), y.SetFloat64(float64(b)))
		want, _ := x.Add(x, new(big.Float).SetFloat64(float64(c))).Float32()
		if got := fused(a, b, c); got != want {
			t.Fatalf("%v·%v + %v = %v, want %v", a, b, c, got, want)
		}
	}
	infinity := float32(math.Inf(1))
	for _, x := range [][4]float32{{infinity, 1, 1, infinity}, {1, 1, -infinity, -infinity}, {math.MaxFloat32, 2, 0, infinity}} {
		if got := fused(x[0], x[1], x[2]); got != x[3] {
			t.Errorf("%v·%v + %v = %v, want %v", x[0], x[1], x[2], got, x[3])
		}
	}
	for _, x := range [][3]float32{{infinity, 0, 1}, {infinity, 1, -infinity}, {float32(math.NaN()), 1, 1}} {
		if got := fused(x[0], x[1], x[2]); got == got {
			t.Errorf("%v·%v + %v = %v, want NaN", x[0], x[1], x[2], got)
		}
	}
}

// multiplyFloatsTrial has the shape {rows, panels, length}. Rows, panels and segments are apart, or overlap.
func multiplyFloatsTrial(s *Set, m *memory, shape shape) {
	a, b := FloatLeft{Rows: shape[0]}, FloatRight{Panels: shape[1], Length: shape[2]}
	for range 1 + m.IntN(2)*m.IntN(4) {
		b.Offsets = append(b.Offsets, m.IntN(50))
	}
	b.Step = param(m, oneOf(m, PanelColumns, 1, PanelColumns+m.IntN(40)))
	b.Stride = param(m, oneOf(m, b.Length*b.Step, PanelColumns, 0, m.IntN(100)))
	depth := len(param(m, b.Offsets)) * b.Length
	a.Stride = param(m, oneOf(m, depth, depth+m.IntN(30), 0, 1))
	stride := param(m, b.Panels*PanelColumns+m.IntN(2)*m.IntN(30))
	finite := param(m, m.IntN(4) > 0)
	fill := func() float32 { return anyFloat(m.Rand, finite) }
	reach := 0
	for _, offset := range b.Offsets {
		reach = max(reach, offset)
	}
	dst := take(m, (a.Rows-1)*stride+b.Panels*PanelColumns, m.finite32)
	a.Data = take(m, (a.Rows-1)*a.Stride+depth, fill)
	b.Data = take(m, reach+(b.Panels-1)*b.Stride+(b.Length-1)*b.Step+PanelColumns, fill)
	e := FloatEnds{Row: param(m, oneOf(m, 0, PanelColumns, stride)), Panel: param(m, oneOf(m, 0, PanelColumns))}
	m.ends(&e, a.Rows, b.Panels, fill)
	s.MultiplyFloats(dst, stride, &a, &b, &e)
	result(m, bitsOf(dst)...)
}

// ends gives e what chains of so many rows and panels begin with, and a floor.
func (m *memory) ends(e *FloatEnds, rows, panels int, fill func() float32) {
	e.Floor = param(m, oneOf(m, 0, float32(math.Inf(-1))))
	e.From = take(m, (rows-1)*e.Row+(panels-1)*e.Panel+PanelColumns, func() float32 {
		return oneOf(m, fill(), fill(), float32(math.Copysign(0, -1)))
	})
}

// bitsOf returns the bits of numbers, which are compared of NaN too.
func bitsOf(x []float32) []int32 {
	bits := make([]int32, len(x))
	for i, y := range x {
		bits[i] = int32(math.Float32bits(y))
	}
	return bits
}

// multiplyHalvesTrial has the shape {any, panels, depth}. Weights are any finite ones.
func multiplyHalvesTrial(s *Set, m *memory, shape shape) {
	b := HalfRight{Panels: shape[1], Format: m.format()}
	b.Stride = param(m, shape[2]*PanelColumns+m.IntN(2)*m.IntN(30))
	dst := take(m, b.Panels*PanelColumns, func() float32 { return anyFloat(m.Rand, true) })
	x := take(m, shape[2], func() float32 { return anyFloat(m.Rand, false) })
	b.Data = take(m, (b.Panels-1)*b.Stride+shape[2]*PanelColumns, func() uint16 {
		for {
			if w := uint16(m.Uint32()); b.Format.Decode(w)-b.Format.Decode(w) == 0 {
				return w
			}
		}
	})
	e := FloatEnds{Panel: PanelColumns}
	m.ends(&e, 1, b.Panels, func() float32 { return anyFloat(m.Rand, false) })
	s.MultiplyHalves(dst, x, &b, &e)
	result(m, bitsOf(dst)...)
}

// moveRowsTrial has the shape {rows, columns}.
func moveRowsTrial(s *Set, m *memory, shape shape) {
	r := Rows{Rows: shape[0], Columns: shape[1], Step: param(m, 1+m.IntN(3))}
	r.Left = param(m, m.IntN(2)*m.IntN(r.Columns+1))
	r.Behind = param(m, r.Left+m.IntN(r.Columns-r.Left+1))
	used := max(1, r.Step*(r.Behind-r.Left-1)+1)
	r.DstStride, r.SrcStride = param(m, r.Columns+m.IntN(2)*m.IntN(30)), param(m, m.IntN(2)*(used+m.IntN(30)))
	r.Planes = param(m, 1+m.IntN(2)*m.IntN(3))
	r.DstPlane, r.SrcPlane = param(m, r.Rows*r.DstStride+m.IntN(2)*m.IntN(30)), param(m, m.IntN(100))
	dst := take(m, (r.Planes-1)*r.DstPlane+(r.Rows-1)*r.DstStride+r.Columns, m.finite32)
	s.MoveRows(dst, take(m, (r.Planes-1)*r.SrcPlane+(r.Rows-1)*r.SrcStride+used, m.finite32), &r)
}

// multiplyChannelsTrial has the shape {rows, runs, channels}. Taps overlap, are apart, or are none.
func multiplyChannelsTrial(s *Set, m *memory, shape shape) {
	f := &FloatChannels{Channels: shape[2], Floor: param(m, oneOf(m, 0, float32(math.Inf(-1))))}
	tap := func() Tap { return param(m, Tap{m.IntN(90), m.IntN(90)}) }
	taps := func() Taps { return Taps{tap(), param(m, m.IntN(5))} }
	f.Step, f.Down = tap(), tap()
	pixels, most := 0, Tap{}
	for range shape[0] {
		f.Rows = append(f.Rows, taps())
	}
	for range shape[1] {
		run := TapRun{taps(), param(m, 1+m.IntN(10)), param(m, m.IntN(50))}
		f.Runs, pixels = append(f.Runs, run), pixels+run.Pixels
		for _, row := range f.Rows {
			down, across := max(0, row.Count-1), max(0, run.Count-1)
			most.Image = max(most.Image, row.First.Image+run.First.Image+down*f.Down.Image+across*f.Step.Image+(run.Pixels-1)*run.Apart)
			most.Filter = max(most.Filter, row.First.Filter+run.First.Filter+down*f.Down.Filter+across*f.Step.Filter)
		}
	}
	finite := param(m, m.IntN(4) > 0)
	fill := func() float32 { return anyFloat(m.Rand, finite) }
	dst := take(m, len(f.Rows)*pixels*f.Channels, m.finite32)
	src := take(m, most.Image+f.Channels, fill)
	f.Filters, f.Bias = take(m, most.Filter+f.Channels, fill), take(m, f.Channels, fill)
	s.MultiplyChannels(dst, src, f)
	result(m, bitsOf(dst)...)
}

var floatTrials = []trial{
	{"MultiplyFloats", multiplyFloatsTrial},
	{"MoveRows", moveRowsTrial},
	{"MultiplyHalves", multiplyHalvesTrial},
	{"MultiplyChannels", multiplyChannelsTrial},
}

// TestFloatsOfSets goes through all tiles and what is left of them.
func TestFloatsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for rows := range 26 {
			for panels := range 11 {
				for _, length := range []int{1, 2, 3, 16, 17} {
					b.compare(floatTrials[0], shape{rows + 1, panels + 1, length}, effort(4))
				}
			}
		}
	})
}

// TestMoveRowsOfSets goes through columns around whole vectors.
func TestMoveRowsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for columns := range 70 {
			for rows := 1; rows < 4; rows++ {
				b.compare(floatTrials[1], shape{rows, columns + 1}, effort(40))
			}
		}
	})
}

// TestMultiplyHalvesOfSets goes through panels around the widest tiles.
func TestMultiplyHalvesOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for panels := range 18 {
			for _, depth := range []int{1, 2, 3, 17} {
				b.compare(floatTrials[2], shape{1, panels + 1, depth}, effort(10))
			}
		}
	})
}

// TestMultiplyChannelsOfSets goes through channels around whole vectors.
func TestMultiplyChannelsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for channels := range 100 {
			for rows := range 3 {
				for runs := range 3 {
					b.compare(floatTrials[3], shape{rows + 1, runs + 1, channels + 1}, effort(10))
				}
			}
		}
		b.compare(floatTrials[3], shape{300, 20, 16}, 1)
	})
}

func FuzzFloatsOfSets(f *testing.F) {
	fuzzSets(f, floatTrials, func(_ *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%26, 1 + int(y)%11, 1 + int(z)%40}
	})
}
