package codebook

import (
	"slices"
	"testing"
)

func TestTable(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		bits int
		want []int8
	}{
		{Linear, 2, []int8{-128, -64, 0, 64}},
		{Linear, 3, []int8{-128, -96, -64, -32, 0, 32, 64, 96}},
		{Linear, 4, []int8{-128, -112, -96, -80, -64, -48, -32, -16, 0, 16, 32, 48, 64, 80, 96, 112}},
		{Linear, 1, nil},
		{Linear, 5, nil},
		{NormalFloat, 3, nil},
		{E2M1, 2, nil},
		{Learned, 4, nil},
		{LearnedNoZero, 2, nil},
		{E2M1 + 1, 4, nil},
	} {
		if got := Table(c.kind, c.bits); !slices.Equal(got, c.want) {
			t.Errorf("%v, %d bits: got %v, want %v", c.kind, c.bits, got, c.want)
		}
	}
}

func TestCheckLevels(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   Kind
		bits   int
		levels []int8
		ok     bool
	}{
		{"linear", Linear, 4, Table(Linear, 4), true},
		{"NormalFloat", NormalFloat, 4, Table(NormalFloat, 4), true},
		{"E2M1", E2M1, 4, Table(E2M1, 4), true},
		{"learned", Learned, 2, []int8{-127, 0, 1, 127}, true},
		{"no zero", LearnedNoZero, 2, []int8{-127, -1, 1, 127}, true},
		{"a zero that need not be", LearnedNoZero, 2, []int8{-127, 0, 1, 127}, true},
		{"no zero where one must be", Learned, 2, []int8{-127, -1, 1, 127}, false},
		{"below −127", Learned, 2, []int8{-128, 0, 1, 127}, false},
		{"equal levels", Learned, 2, []int8{-127, 0, 0, 127}, false},
		{"descending", LearnedNoZero, 2, []int8{-127, 5, 4, 127}, false},
		{"too few", Learned, 2, []int8{-127, 0, 127}, false},
		{"none", Learned, 2, nil, false},
		{"1 bit", Learned, 1, []int8{0, 127}, false},
		{"5 bits", Learned, 5, make([]int8, 32), false},
		{"a fixed table of other levels", E2M1, 4, Table(NormalFloat, 4), false},
		{"a fixed table of other bits", E2M1, 3, Table(Linear, 3), false},
		{"no kind", E2M1 + 1, 4, Table(Linear, 4), false},
	} {
		if err := CheckLevels(c.kind, c.bits, c.levels); (err == nil) != c.ok {
			t.Errorf("%s: got error %v, want none: %v", c.name, err, c.ok)
		}
	}
}
