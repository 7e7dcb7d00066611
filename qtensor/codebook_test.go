package qtensor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// codebookSchemes returns schemes of every table, width and sharing, along the given axis.
func codebookSchemes(axis int) (list []qtensor.Scheme) {
	for bits := 2; bits <= 4; bits++ {
		for _, levels := range []qtensor.LevelTable{
			qtensor.LearnedLevels, qtensor.LearnedLevelsNoZero, qtensor.LinearLevels, qtensor.NormalFloatLevels, qtensor.E2M1Levels,
		} {
			s := qtensor.Codebook(bits).WithLevels(levels)
			if bits < 4 && s.PerAxis(0).Validate() != nil {
				continue // tables of 4 bits
			}
			list = append(list, s.PerAxis(axis))
			for _, size := range []int{16, 32, 64, 128} {
				list = append(list, s.PerGroup(axis, size))
			}
		}
	}
	return list
}

// weight returns w8 as the doc of Codebook has it.
func weight(p qtensor.Params, code uint8, block int) int {
	level := int(p.Levels[code])
	if p.GroupMultipliers == nil {
		return level
	}
	return (level*256*int(p.GroupMultipliers[block]) + 1<<14) >> 15
}

// TestCodebook compares quantized and real values with the doc, for axes that lie in all ways, groups that are
// short, and rows, transposed tensors, files and int8.
func TestCodebook(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		shape tensor.Shape
		axis  int
	}{{tensor.Shape{37, 5}, 1}, {tensor.Shape{5, 37}, 0}, {tensor.Shape{3, 4, 5, 3}, 1}, {tensor.Shape{3, 4, 5, 3}, 0}, {tensor.Shape{70}, 0}, {tensor.Shape{130, 2, 1}, 2}} {
		x := make([]float32, c.shape.TotalSize())
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		input := newTensor(x, c.shape...)
		for _, s := range codebookSchemes(c.axis) {
			name := fmt.Sprintf("%v of %v", s, c.shape)
			q := mustQuantize(t, input, s)
			p := q.Params()
			codes := q.Codes().Data().([]uint8)
			values, err := q.Dequantize(tensor.Float32)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r := values.Float32s()
			channels, place := c.shape[c.axis], make([]int, c.shape[c.axis])
			groups := len(p.GroupMultipliers) / channels
			inner := tensor.Shape(c.shape[c.axis+1:]).TotalSize()
			for i, code := range codes {
				channel := i / inner % channels
				block := 0
				if groups > 0 {
					block = channel*groups + place[channel]/s.GroupSize()
				}
				place[channel]++
				w := weight(p, code, block)
				if want := p.Scales[channel] * float32(w); r[i] != want {
					t.Fatalf("%s: element %d is %v, want %v", name, i, r[i], want)
				}
				steps := float64(x[i] / p.Scales[channel])
				for other := range p.Levels {
					if d := float64(weight(p, uint8(other), block)); math.Abs(steps-d) < math.Abs(steps-float64(w)) {
						t.Fatalf("%s: element %d, %v, has code %d of %d, and %d of %v is nearer", name, i, x[i], code, w, other, d)
					}
				}
			}
			sameEverywhere(t, name, q, r)
		}
	}
}

// sameEverywhere compares the real values r of a tensor with those of its rows, its transpose, what a file
// gives back, int8, and codes and parameters put together again.
func sameEverywhere(t *testing.T, name string, q *qtensor.QTensor, r []float32) {
	t.Helper()
	compare := func(how string, got *qtensor.QTensor, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %s: %v", name, how, err)
		}
		values, err := got.Dequantize(tensor.Float32)
		if err != nil || !slices.Equal(values.Float32s(), r) {
			t.Errorf("%s: %s: other values, error %v", name, how, err)
		}
	}
	if q.Scheme().IsCodebook() {
		eight, err := q.Int8()
		compare("Int8", eight, err)
	}
	again, err := qtensor.FromCodes(q.Codes(), q.Params())
	compare("FromCodes", again, err)
	turned, err := q.T()
	if err == nil {
		turned, err = turned.T()
		compare("T twice", turned, err)
	} else if q.Scheme().GroupSize() == 0 || q.Shape().Dims() < 3 {
		t.Errorf("%s: T: %v", name, err)
	}
	var file bytes.Buffer
	if err := qtensor.Write(&file, qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"w": q}}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	f, err := qtensor.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	loaded, err := f.QTensor("w")
	compare("a file", loaded, err)
	rows := make([]int, q.Shape()[0])
	for i := range rows {
		rows[i] = len(rows) - 1 - i
	}
	got, width := make([]float32, len(r)), len(r)/len(rows)
	if err := q.DequantizeRows(got, rows); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, row := range rows {
		if !slices.Equal(got[i*width:][:width], r[row*width:][:width]) {
			t.Errorf("%s: row %d has other values", name, row)
		}
	}
}

// TestCodebookRefused goes through schemes, parameters and options that do not go together.
func TestCodebookRefused(t *testing.T) {
	x := newTensor(make([]float32, 64), 32, 2)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i%7) - 3
	}
	book := qtensor.Codebook(4).PerGroup(1, 16)
	good := mustQuantize(t, x, book).Params()
	with := func(change func(p *qtensor.Params)) error {
		p := good.Clone()
		change(&p)
		_, err := qtensor.QuantizeWith(x, p)
		return err
	}
	search := func(s qtensor.Scheme, o qtensor.Search) error {
		_, err := qtensor.Quantize(x, s, qtensor.WithSearch(o))
		return err
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct{ got, want error }{
		"per tensor":            {qtensor.Codebook(4).Validate(), qtensor.ErrScheme},
		"5 bits":                {qtensor.Codebook(5).PerAxis(0).Validate(), qtensor.ErrScheme},
		"groups of 8":           {qtensor.Codebook(4).PerGroup(0, 8).Validate(), qtensor.ErrScheme},
		"float16 scales":        {book.WithScales(qtensor.ScaleFloat16).Validate(), qtensor.ErrScheme},
		"NormalFloat of 3 bits": {qtensor.Codebook(3).WithLevels(qtensor.NormalFloatLevels).PerAxis(0).Validate(), qtensor.ErrScheme},
		"levels of Int4":        {qtensor.Int4().WithLevels(qtensor.LinearLevels).Validate(), qtensor.ErrScheme},
		"another table":         {book.WithLevels(9).Validate(), qtensor.ErrScheme},
		"NewParams":             {second(qtensor.NewParams(book, []float32{0}, []float32{1})), qtensor.ErrScheme},
		"no levels":             {with(func(p *qtensor.Params) { p.Levels = nil }), qtensor.ErrParams},
		"levels that descend":   {with(func(p *qtensor.Params) { slices.Reverse(p.Levels) }), qtensor.ErrParams},
		"a multiplier of -128":  {with(func(p *qtensor.Params) { p.GroupMultipliers[1] = -128 }), qtensor.ErrParams},
		"a multiplier short":    {with(func(p *qtensor.Params) { p.GroupMultipliers = p.GroupMultipliers[1:] }), qtensor.ErrParams},
		"a scale short":         {with(func(p *qtensor.Params) { p.Scales = p.Scales[1:] }), qtensor.ErrParams},
		"a negative scale":      {with(func(p *qtensor.Params) { p.Scales[0] *= -1 }), qtensor.ErrParams},
		"a NaN scale":           {with(func(p *qtensor.Params) { p.Scales[0] = float32(math.NaN()) }), qtensor.ErrParams},
		"a zero point":          {with(func(p *qtensor.Params) { p.ZeroPoints = []int32{0, 0} }), qtensor.ErrParams},
		"levels of Symmetric":   {qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}, Levels: good.Levels}.Validate(nil), qtensor.ErrParams},
		"search and parameters": {second(qtensor.QuantizeWith(x, good, qtensor.WithSearch(qtensor.Search{}))), qtensor.ErrParams},
		"search for Uniform":    {search(qtensor.Uniform(4), qtensor.Search{}), qtensor.ErrScheme},
		"search for Float16":    {search(qtensor.Float16(), qtensor.Search{}), qtensor.ErrScheme},
		"importance too short":  {search(book, qtensor.Search{Importance: make([]float32, 31)}), qtensor.ErrParams},
		"importance of NaN":     {search(book, qtensor.Search{Importance: slices.Repeat([]float32{float32(math.NaN())}, 32)}), qtensor.ErrParams},
		"negative importance":   {search(qtensor.Int4().PerAxis(1), qtensor.Search{Importance: slices.Repeat([]float32{-1}, 32)}), qtensor.ErrParams},
		"cancelled":             {search(book, qtensor.Search{Context: done}), context.Canceled},
		"Int8 of Int4":          {second(mustQuantize(t, x, qtensor.Int4()).Int8()), qtensor.ErrScheme},
		"Int8 of nothing":       {second((*qtensor.QTensor)(nil).Int8()), qtensor.ErrScheme},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}

// TestSearch searches for what NewParams computes otherwise, and never makes it worse.
func TestSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 256*8)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	input := newTensor(x, 256, 8)
	for bits := 2; bits <= 8; bits++ {
		for _, base := range []qtensor.Scheme{qtensor.Symmetric(bits), qtensor.Affine(bits)} {
			for _, s := range []qtensor.Scheme{base, base.PerAxis(1), base.PerGroup(1, 32), scaled(base.PerGroup(1, 32)), base.PerGroup(0, 3)} {
				plain, err := mustQuantize(t, input, s).Compare(input)
				if err != nil {
					t.Fatal(err)
				}
				q, err := qtensor.Quantize(input, s, qtensor.WithSearch(qtensor.Search{}))
				if err != nil {
					t.Fatalf("%v: %v", s, err)
				}
				found, err := q.Compare(input)
				if err != nil || !(found.SQNR >= plain.SQNR-0.01) {
					t.Errorf("%v: %.2f dB with a search, %.2f without, error %v", s, found.SQNR, plain.SQNR, err)
				}
			}
		}
	}
}
