package qtensor_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"euryale/qtensor"
)

// testdata/README.md says where testdata/scirs_core.json comes from.
type golden struct {
	Inputs  map[string]goldenInput
	Records []goldenRecord
}

type goldenInput struct {
	Shape []int
	Data  []jsonFloat
}

// goldenRecord is one input quantized by the reference program. Scales are bit patterns.
type goldenRecord struct {
	Input, Method string
	Bits          int
	Scales        []uint32
	ZeroPoints    []int32
	Codes         []int32
	Numbers       []jsonFloat
}

// jsonFloat is a float32, or one of the strings "NaN", "Infinity" and "-Infinity".
type jsonFloat float32

func (f *jsonFloat) UnmarshalJSON(text []byte) error {
	if unquoted, err := strconv.Unquote(string(text)); err == nil {
		text = []byte(unquoted)
	}
	v, err := strconv.ParseFloat(string(text), 32)
	*f = jsonFloat(v)
	return err
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/scirs_core.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (in goldenInput) values() []float32 {
	out := make([]float32, len(in.Data))
	for i, v := range in.Data {
		out[i] = float32(v)
	}
	return out
}

// scheme returns the scheme of a record; the reference keeps the columns of a matrix.
func (r goldenRecord) scheme() qtensor.Scheme {
	switch r.Method {
	case "Uniform":
		return qtensor.Uniform(r.Bits)
	case "Symmetric":
		return qtensor.Symmetric(r.Bits)
	case "Affine":
		return qtensor.Affine(r.Bits)
	case "PowerOfTwo":
		return qtensor.PowerOfTwo(r.Bits)
	case "Int4":
		return qtensor.Int4()
	case "UInt4":
		return qtensor.UInt4()
	case "Float16":
		return qtensor.Float16()
	case "BFloat16":
		return qtensor.BFloat16()
	case "PerChannelSymmetric":
		return qtensor.PerChannelSymmetric(r.Bits, 1)
	case "PerChannelAffine":
		return qtensor.PerChannelAffine(r.Bits, 1)
	}
	return qtensor.Scheme{}
}

// goldenCounts says how many values were compared, by kind.
type goldenCounts struct{ Scales, ZeroPoints, Codes, Ties, Numbers, Patterns, Refused int }

// TestGolden compares with a reference program in the fields where the two are meant to agree.
//
// The reference replaces a range narrower than about 1e-7 by one of width 1, does not widen an affine range
// to contain 0, overflows on a range past the largest float32, counts PowerOfTwo and UInt4 from the smallest
// element instead of a zero point, and rounds ties away from zero.
func TestGolden(t *testing.T) {
	g := readGolden(t)
	var n goldenCounts
	for _, r := range g.Records {
		t.Run(fmt.Sprintf("%s/%s/%d", r.Input, r.Method, r.Bits), func(t *testing.T) {
			in := g.Inputs[r.Input]
			s := r.scheme()
			if got := s.Method(); got != r.Method {
				t.Fatalf("Method() is %q", got)
			}
			switch x := in.values(); {
			case len(x) == 0:
				_, err := qtensor.Quantize(newTensor(x, in.Shape...), s)
				wantError(t, "empty", err, qtensor.ErrShape)
				n.Refused++
			case slices.ContainsFunc(x, func(v float32) bool { return v-v != 0 }):
				_, err := qtensor.Quantize(newTensor(x, in.Shape...), s)
				wantError(t, "not finite", err, qtensor.ErrValue)
				n.Refused++
			case s.IsFloat():
				compareFloats(t, &n, r, x, in.Shape)
			default:
				compareIntegers(t, &n, r, x, in.Shape)
			}
		})
	}
	t.Logf("compared %+v", n)
	if want := (goldenCounts{Scales: 408, ZeroPoints: 100, Codes: 4588, Ties: 50, Numbers: 4588, Patterns: 926, Refused: 50}); n != want {
		t.Errorf("compared %+v, want %+v", n, want)
	}
}

// compareFloats compares bit patterns. What rounds past float16's range is refused, and saturates on demand.
func compareFloats(t *testing.T, n *goldenCounts, r goldenRecord, x []float32, shape []int) {
	past := func(v float32) bool { return r.Method == "Float16" && math.Abs(float64(v)) >= 65520 }
	_, err := qtensor.Quantize(newTensor(x, shape...), r.scheme())
	if first := slices.IndexFunc(x, past); first >= 0 {
		wantError(t, "past the range", err, qtensor.ErrValue)
		if want := fmt.Sprintf(" at %d,", first); err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
		n.Refused++
	} else if err != nil {
		t.Fatal(err)
	}
	for i, c := range codesOf(t, mustQuantize(t, newTensor(x, shape...), r.scheme(), qtensor.WithSaturation())) {
		want := r.Codes[i]
		if past(x[i]) {
			want = 0x7bff | int32(math.Float32bits(x[i])>>31<<15)
		}
		if c != want {
			t.Errorf("%v at %d: got %#04x, want %#04x", x[i], i, c, want)
		}
		n.Patterns++
	}
}

// compareIntegers compares, channel by channel, what the reference computes alike.
func compareIntegers(t *testing.T, n *goldenCounts, r goldenRecord, x []float32, shape []int) {
	s := r.scheme()
	q := mustQuantize(t, newTensor(x, shape...), s)
	p, codes, values := q.Params(), codesOf(t, q), valuesOf(t, q)
	channels := len(r.Scales)
	if len(p.Scales) != channels {
		t.Fatalf("got %d scales, want %d", len(p.Scales), channels)
	}
	for c := range channels {
		lo, hi := x[c], x[c]
		for i := c; i < len(x); i += channels {
			lo, hi = min(lo, x[i]), max(hi, x[i])
		}
		width := float64(hi) - float64(lo)
		switch unsigned := s.HasZeroPoint() || s.HasOffset(); {
		case width < 1e-6,
			unsigned && width > math.MaxFloat32,
			s.HasZeroPoint() && (lo > 0 || hi < 0):
			continue
		}
		scale := p.Scales[c]
		if math.Float32bits(scale) != r.Scales[c] {
			t.Errorf("channel %d, range [%v, %v]: got scale %v, want %v", c, lo, hi, scale, math.Float32frombits(r.Scales[c]))
		}
		n.Scales++
		if s.Method() == "PowerOfTwo" {
			continue
		}
		if s.HasZeroPoint() {
			if tied(lo / scale) {
				n.Ties++
				continue // every code of the channel moves along
			}
			if p.ZeroPoints[c] != r.ZeroPoints[c] {
				t.Errorf("channel %d, range [%v, %v]: got zero point %d, want %d", c, lo, hi, p.ZeroPoints[c], r.ZeroPoints[c])
			}
			n.ZeroPoints++
		}
		if s.Method() == "UInt4" {
			continue
		}
		for i := c; i < len(x); i += channels {
			steps := x[i] / scale
			if s.HasOffset() {
				steps = (x[i] - lo) / scale
			}
			if off := codes[i] - r.Codes[i]; off != 0 {
				if !tied(steps) || off > 1 || off < -1 {
					t.Errorf("%v at %d, %v steps: got code %d, want %d", x[i], i, steps, codes[i], r.Codes[i])
				}
				n.Ties++
				continue
			}
			n.Codes++
			// Uniform is rounded once here and twice there, where the terms may be larger than the sum.
			tolerance := 0.0
			if s.HasOffset() {
				tolerance = 2 * ulp(max(math.Abs(float64(lo)), math.Abs(float64(hi)), width))
			}
			if want := float64(r.Numbers[i]); math.Abs(float64(values[i])-want) > tolerance {
				t.Errorf("%v at %d, code %d: got %v, want %v", x[i], i, codes[i], values[i], want)
			}
			n.Numbers++
		}
	}
}

// tied reports whether v is as good as half-way between two integers.
func tied(v float32) bool {
	_, fraction := math.Modf(math.Abs(float64(v)))
	return math.Abs(fraction-0.5) < 1e-5
}
