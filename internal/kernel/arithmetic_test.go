package kernel

import (
	"reflect"
	"testing"
)

// anyNumber returns a number of any kind, often one of few, so that operands are equal.
func (m *memory) anyNumber() float32 {
	if m.IntN(2) == 0 {
		return oneOf(m, 0, float32(negativeZero), 1, -1, 2.5, -0.5, anyFloat(m.Rand, false))
	}
	return anyFloat(m.Rand, false)
}

// arithmeticTrials are a trial for each kernel of Arithmetic. The result may lie where an operand does.
func arithmeticTrials() (trials []trial) {
	kind := reflect.TypeFor[Arithmetic]()
	for i := range kind.NumField() {
		trials = append(trials, trial{kind.Field(i).Name, func(s *Set, m *memory, shape shape) {
			n, rows := shape[0], 1+shape[1]
			x := take(m, n*rows, m.anyNumber)
			y := x
			if param(m, m.IntN(2)) == 0 {
				y = take(m, n*rows, m.anyNumber)
			}
			switch f := reflect.ValueOf(s.Arithmetic).Field(i).Interface().(type) {
			case Pairs:
				operands := func() Operands {
					o := Operands{x, n, 1}
					if param(m, m.IntN(3)) > 0 {
						o.Step = param(m, m.IntN(2))
						o.Row = param(m, oneOf(m, 0, 1, (n-1)*o.Step+1+m.IntN(3)))
						o.X = take(m, (rows-1)*o.Row+(n-1)*o.Step+1, m.anyNumber)
					}
					return o
				}
				f(y, n, operands(), operands())
			case Scaled:
				b, c := m.anyNumber(), m.anyNumber()
				if kind.Field(i).Name == "Clamp" {
					b, c = min(b, c), max(b, c)
					if b != b {
						b, c = float32(negativeZero), 0
					}
				}
				f(y, x, param(m, b), param(m, c))
			case Each:
				f(y, x)
			}
		}})
	}
	return trials
}

func TestArithmeticOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range arithmeticTrials() {
			for n := range 70 {
				if !brief() || n%4 < 2 {
					b.compare(trial, shape{n + 1, n % 8}, effort(20))
				}
			}
			if !brief() { // more than assembly takes at a time: of a row, and rows
				b.compare(trial, shape{1<<16 + 5, 1}, 1)
				b.compare(trial, shape{12, 6000}, 1)
			}
		}
	})
}

func FuzzArithmeticOfSets(f *testing.F) {
	fuzzSets(f, arithmeticTrials(), func(_ *Set, x, y, _ uint8) shape { return shape{1 + int(x), int(y) % 9} })
}
