package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"testing"

	"euryale/internal/guard"
	"euryale/internal/isa"
)

// The sets are compared with the specification, the generic functions, bit for bit: a trial draws arguments
// and makes one call, first with the specification and then twice with the set, in guarded memory.

// A trial is a call of one function of a Set. Everything it draws comes from m, in the same order for every
// set of the same operands.
type trial struct {
	name string
	call func(s *Set, m *memory, shape shape)
}

// A shape is a trial's sizes: {n}, {rows, columns} or {rows, panels, steps}.
type shape [3]int

// A bench compares one set with the specification.
type bench struct {
	t         testing.TB
	set, spec *Set
	pages     [10]guard.Memory
	compared  int
}

// newBench returns nil where this machine or this build has no kernels of the tier.
func newBench(t testing.TB, tier isa.Tier) *bench {
	set := Of(tier)
	if !isa.Supported(tier) || set.Tier != tier {
		t.Logf("%v: not compared; supported by this machine: %t, in this build: %t", tier, isa.Supported(tier), set.Tier == tier)
		return nil
	}
	b := &bench{t: t, set: set, spec: &generic}
	if set.Format == U8 {
		b.spec = &genericBytes
	}
	for i := range b.pages {
		b.pages[i] = guard.New(t, 4<<20)
	}
	return b
}

// genericBytes is the specification of sets whose planes are of bytes.
var genericBytes = func() Set {
	s := generic
	s.Format, s.Segments, s.Multiply, s.MultiplyDequantize = U8, true, multiplyU8Generic, dequantizeAfter(multiplyU8Generic, dequantizeSumsGeneric)
	return s
}()

// eachSet runs a test for every tier but the generic one.
func eachSet(t *testing.T, run func(b *bench)) {
	for _, tier := range isa.All()[1:] {
		t.Run(tier.String(), func(t *testing.T) {
			if b := newBench(t, tier); b != nil {
				run(b)
				t.Logf("%v: %d shapes compared", tier, b.compared)
			}
		})
	}
}

// fuzzSets runs a fuzz target that takes one of the trials, a shape and the values of a call, for every set.
func fuzzSets(f *testing.F, trials []trial, shapeOf func(s *Set, x, y, z uint8) shape) {
	var benches []*bench
	for _, tier := range isa.All()[1:] {
		if b := newBench(f, tier); b != nil {
			benches = append(benches, b)
		}
	}
	for i := range trials {
		f.Add(uint8(i), uint8(3*i), uint8(i), uint8(7*i+1), []byte{})
		f.Add(uint8(i), uint8(41), uint8(5), uint8(i), []byte("\x00\x00\x00\x80\x00\x00\x80\x7f\x01\x00\x80\x00\x00\x00\xc0\x3f\x07"))
	}
	f.Fuzz(func(t *testing.T, choice, x, y, z uint8, data []byte) {
		for _, b := range benches {
			b.t = t
			b.compareFrom(trials[int(choice)%len(trials)], shapeOf(b.set, x, y, z), func() rand.Source { return &bytesSource{data: data} })
		}
	})
}

// A bytesSource gives the words of a fuzz input over and over, each time round others.
type bytesSource struct {
	data      []byte
	at, round uint64
}

func (s *bytesSource) Uint64() uint64 {
	var word [8]byte
	if s.at >= uint64(len(s.data)) {
		s.at, s.round = 0, s.round+1
	}
	s.at += uint64(copy(word[:], s.data[s.at:]))
	return binary.LittleEndian.Uint64(word[:]) + s.round*0x9e3779b97f4a7c15
}

// compare makes a number of calls with values that depend on the shape alone.
func (b *bench) compare(tr trial, shape shape, rounds int) {
	b.t.Helper()
	b.compared++
	for round := range rounds {
		seed := uint64(shape[0]) | uint64(shape[1])<<10 | uint64(shape[2])<<20
		b.compareFrom(tr, shape, func() rand.Source { return rand.NewPCG(seed, uint64(round)) })
	}
}

// compareFrom makes a call with values from a source.
func (b *bench) compareFrom(tr trial, shape shape, source func() rand.Source) {
	b.t.Helper()
	want := &memory{Rand: rand.New(source())}
	tr.call(b.spec, want, shape)
	for _, after := range []bool{false, true} {
		got := &memory{Rand: rand.New(source()), pages: b.pages[:], after: after}
		err := got.run(func() { tr.call(b.set, got, shape) })
		if err == nil {
			err = got.differs(want)
		}
		if err != nil {
			b.t.Fatalf("%v: %s of %v, guard page after the slices %t: %v; arguments %v", b.set.Tier, tr.name, shape, after, err, want)
		}
	}
}

// brief says that time is short: with -short, and with the race detector, which slows the specification.
func brief() bool {
	info, ok := debug.ReadBuildInfo()
	return testing.Short() || ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// effort returns about so many rounds, or few in a brief test.
func effort(rounds int) int {
	if brief() {
		return 1 + rounds/20
	}
	return rounds
}

// A memory gives a call its arguments, and keeps them for comparison.
type memory struct {
	*rand.Rand
	pages   []guard.Memory // nil for ordinary memory
	after   bool           // the inaccessible page is after a slice, not before it
	slices  []any          // in the order they were taken
	margins [][]byte       // beyond the slices
	params  []any          // the other arguments, for messages
}

// A margin is what is watched beyond a slice, on the side that has no inaccessible page.
var margin = bytes.Repeat([]byte{0xa5}, 256)

// take returns n elements that fill gives, in memory of their own.
func take[T guard.Element](m *memory, n int, fill func() T) []T {
	x := make([]T, n)
	if m.pages != nil {
		p, size := m.pages[len(m.slices)], binary.Size(x)
		beyond := p[size:]
		x = guard.Before[T](p, n)
		if m.after {
			beyond = p[len(p)-size-len(margin):]
			x = guard.After[T](p, n)
		}
		copy(beyond, margin)
		m.margins = append(m.margins, beyond[:len(margin)])
	}
	for i := range x {
		x[i] = fill()
	}
	m.slices = append(m.slices, x)
	return x
}

// result keeps values that a call returns for comparison.
func result[T guard.Element](m *memory, x ...T) { m.slices = append(m.slices, x) }

// param returns x, and keeps it for messages.
func param[T any](m *memory, x T) T {
	m.params = append(m.params, x)
	return x
}

// oneOf returns any of the values.
func oneOf[T any](m *memory, values ...T) T { return values[m.IntN(len(values))] }

// run makes a call and returns its panic or fault.
func (m *memory) run(call func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = fmt.Errorf("reads or writes at %#x, outside its slices", r.Addr())
		default:
			err = fmt.Errorf("panics: %v", r)
		}
	}()
	call()
	return nil
}

// differs says where the slices differ from those of want, or were written beyond.
func (m *memory) differs(want *memory) error {
	for number, slice := range want.slices {
		at := -1
		switch x := m.slices[number].(type) {
		case []int8:
			at = difference(x, slice.([]int8))
		case []uint8:
			at = difference(x, slice.([]uint8))
		case []uint16:
			at = difference(x, slice.([]uint16))
		case []int32:
			at = difference(x, slice.([]int32))
		case []uint32:
			at = difference(x, slice.([]uint32))
		case []int64:
			at = difference(x, slice.([]int64))
		case []uint64:
			at = difference(x, slice.([]uint64))
		case []float32:
			at = difference(x, slice.([]float32))
		case []float64:
			at = difference(x, slice.([]float64))
		default:
			panic(fmt.Sprintf("slices of %T are not compared", x))
		}
		if at >= 0 {
			return fmt.Errorf("slice %d is %v at %d, want %v", number, reflect.ValueOf(m.slices[number]).Index(at), at, reflect.ValueOf(slice).Index(at))
		}
	}
	for number, beyond := range m.margins {
		if !bytes.Equal(beyond, margin) {
			return fmt.Errorf("wrote beyond slice %d: %x, want a5 throughout", number, beyond)
		}
	}
	return nil
}

// difference returns the first index at which two slices differ in a bit, or −1. One NaN equals another.
func difference[T guard.Element](got, want []T) int {
	for i, w := range want {
		g := got[i] // −0 and 0 are equal, and differ in a bit
		if (g != w || math.Float64bits(float64(g)) != math.Float64bits(float64(w))) && (g == g || w == w) {
			return i
		}
	}
	return -1
}

// String returns how the arguments of a call begin, as it left them.
func (m *memory) String() string {
	s := fmt.Sprint(m.params)
	for number, slice := range m.slices {
		v := reflect.ValueOf(slice)
		s += fmt.Sprintf("\nslice %d, of %d: %v", number, v.Len(), v.Slice(0, min(v.Len(), 64)))
	}
	return s
}
