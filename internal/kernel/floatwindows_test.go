package kernel

import "testing"

// floatWindowsTrial has the shape {rows, columns, taps}.
func floatWindowsTrial(kernel func(s *Set) func(dst, src []float32, w *FloatWindows)) func(s *Set, m *memory, shape shape) {
	return func(s *Set, m *memory, shape shape) {
		w := &FloatWindows{Rows: shape[0], Columns: shape[1], Step: param(m, 1+m.IntN(3)), Count: param(m, float32(1+m.IntN(9)))}
		w.RowStep = param(m, oneOf(m, 0, w.Columns, m.IntN(3*w.Columns)))
		w.DstStep = param(m, w.Columns+m.IntN(2)*m.IntN(5))
		reach := 0
		for range shape[2] {
			w.Offsets = append(w.Offsets, m.IntN(3*w.Columns))
			reach = max(reach, w.Offsets[len(w.Offsets)-1])
		}
		param(m, w.Offsets)
		dst := take(m, (w.Rows-1)*w.DstStep+w.Columns, m.anyNumber)
		src := take(m, reach+(w.Rows-1)*w.RowStep+(w.Columns-1)*w.Step+1, m.anyNumber)
		kernel(s)(dst, src, w)
	}
}

// rowsTrial has the shape {rows, columns}.
func rowsTrial(kernel func(s *Set) func(dst, src []float32, n int)) func(s *Set, m *memory, shape shape) {
	return func(s *Set, m *memory, shape shape) {
		rows, n := shape[0], shape[1]
		dst, src := take(m, rows, m.anyNumber), take(m, rows*n, func() float32 { return float32(m.NormFloat64()) })
		for range m.IntN(3) {
			src[m.IntN(len(src))] = m.anyNumber()
		}
		kernel(s)(dst, src, n)
	}
}

var poolingTrials = []trial{
	{"MaxFloatWindows", floatWindowsTrial(func(s *Set) func(dst, src []float32, w *FloatWindows) { return s.MaxFloatWindows })},
	{"AverageFloatWindows", floatWindowsTrial(func(s *Set) func(dst, src []float32, w *FloatWindows) { return s.AverageFloatWindows })},
	{"MaxRows", rowsTrial(func(s *Set) func(dst, src []float32, n int) { return s.MaxRows })},
	{"SumRows", rowsTrial(func(s *Set) func(dst, src []float32, n int) { return s.SumRows })},
}

func TestPoolingOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range poolingTrials {
			for rows := range 3 {
				for columns := range 50 {
					for _, taps := range []int{1, 2, 4, 9} {
						b.compare(trial, shape{rows + 1, columns + 1, taps}, effort(8))
					}
				}
			}
			b.compare(trial, shape{300, 400, 3}, 1)
		}
		for _, trial := range poolingTrials[2:] {
			b.compare(trial, shape{2, 3*rowAtOnce + 7}, 1)
		}
	})
}

func FuzzPoolingOfSets(f *testing.F) {
	fuzzSets(f, poolingTrials, func(_ *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%20, 1 + int(y), 1 + int(z)%30}
	})
}
