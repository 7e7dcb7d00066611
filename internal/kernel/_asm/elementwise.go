package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Kernels that make one float32 of those at the same place of their operands. What is less than a vector at
// the end is loaded and stored with a mask.

// pairs make y of a and b, which they may change, in the order of package kernel's pairOf. one is a vector of 1.
var pairs = []struct {
	name string
	emit func(v vectors, a, b, one, y reg.VecVirtual)
}{
	{"plus", func(_ vectors, a, b, _, y reg.VecVirtual) { VADDPS(b, a, y) }},
	{"minus", func(_ vectors, a, b, _, y reg.VecVirtual) { VSUBPS(b, a, y) }},
	{"times", func(_ vectors, a, b, _, y reg.VecVirtual) { VMULPS(b, a, y) }},
	{"over", func(_ vectors, a, b, _, y reg.VecVirtual) { VDIVPS(b, a, y) }},
	{"smaller", func(v vectors, a, b, _, y reg.VecVirtual) { smaller(v, a, b, y) }},
	{"larger", func(v vectors, a, b, _, y reg.VecVirtual) { larger(v, a, b, y) }},
	{"less", compare(17)},
	{"lessOrEqual", compare(18)},
	{"equal", compare(0)},
}

// larger makes y, which may be a or b, of two maxima, since that of two zeros is the operand that comes last:
// only where both are −0 do both have a sign.
func larger(v vectors, a, b, y reg.VecVirtual) {
	last, first := v.make(), v.make()
	VMAXPS(b, a, last)
	VMAXPS(a, b, first)
	v.and(first, last, last)
	v.ifUnordered(a, b, last)
	v.copy(last, y)
}

func smaller(v vectors, a, b, y reg.VecVirtual) {
	last, first := v.make(), v.make()
	VMINPS(b, a, last)
	VMINPS(a, b, first)
	v.or(first, last, last)
	v.ifUnordered(a, b, last)
	v.copy(last, y)
}

// ifUnordered sets y to a + b where one of them is NaN.
func (v vectors) ifUnordered(a, b, y reg.VecVirtual) {
	sum := v.make()
	VADDPS(b, a, sum)
	v.choose(3, a, b, sum, y)
}

// compare makes 1 or 0 by a predicate of VCMPPS.
func compare(predicate uint64) func(v vectors, a, b, one, y reg.VecVirtual) {
	return func(v vectors, a, b, one, y reg.VecVirtual) {
		if v.bytes == 64 {
			mask := K()
			VCMPPS(Imm(predicate), b, a, mask)
			VMOVAPS_Z(one, mask, y)
			return
		}
		VCMPPS(Imm(predicate), b, a, y)
		VANDPS(one, y, y)
	}
}

// scaled make y of x and of two numbers that all elements share. prepare makes further vectors of the two.
var scaled = []struct {
	name    string
	prepare func(v vectors, b, c reg.VecVirtual) (more []reg.VecVirtual)
	emit    func(v vectors, x, b, c reg.VecVirtual, more []reg.VecVirtual, y reg.VecVirtual)
}{
	{"clamp", clampBits, clamp},
	{"scale", nil, func(_ vectors, x, b, c reg.VecVirtual, _ []reg.VecVirtual, y reg.VecVirtual) {
		VMULPS(b, x, y)
		VADDPS(c, y, y)
	}},
	{"slopes", nil, func(v vectors, x, b, c reg.VecVirtual, _ []reg.VecVirtual, y reg.VecVirtual) {
		zero := v.zero()
		v.copy(c, y)
		v.choose(17, x, zero, b, y)
		VMULPS(y, x, y)
	}},
}

// clampBits returns the bits that a result may have, and those that it must have: above a low end of 0 none
// has a sign, and below a high end of −0 all have it. The sign of a NaN does not count.
func clampBits(v vectors, low, high reg.VecVirtual) []reg.VecVirtual {
	may, must := v.constant("magnitudeBits", 0x7fffffff), v.constant("signBit", 0x80000000)
	v.or(low, may, may)
	v.and(high, must, must)
	return []reg.VecVirtual{may, must}
}

// clamp gets x out of a maximum and a minimum where it is NaN, or zero like an end.
func clamp(v vectors, x, low, high reg.VecVirtual, bits []reg.VecVirtual, y reg.VecVirtual) {
	VMAXPS(x, low, y)
	v.and(bits[0], y, y)
	VMINPS(y, high, y)
	v.or(bits[1], y, y)
}

// each make y of x.
var each = []struct {
	name string
	emit func(v vectors, x, y reg.VecVirtual)
}{
	{"sqrt", func(_ vectors, x, y reg.VecVirtual) { VSQRTPS(x, y) }},
	{"floor", func(v vectors, x, y reg.VecVirtual) { v.round(1, x, y) }},
	{"ceil", func(v vectors, x, y reg.VecVirtual) { v.round(2, x, y) }},
	{"abs", func(v vectors, x, y reg.VecVirtual) {
		v.copy(v.constant("magnitudeBits", 0x7fffffff), y)
		v.and(x, y, y)
	}},
}

func elementwise(v vectors) {
	pairwise(v)
	for _, op := range scaled {
		name := op.name + v.isa
		function(name, "y, x *float32, n int, b, c float32", name+" works like "+op.name+"Generic for n > 0 elements.")
		y, x, n, b, c := arg("y"), arg("x"), arg("n"), v.repeat("b"), v.repeat("c")
		var more []reg.VecVirtual
		if op.prepare != nil {
			more = op.prepare(v, b, c)
		}
		v.eachElement(y, x, n, func(from, to reg.VecVirtual) { op.emit(v, from, b, c, more, to) })
	}
	for _, op := range each {
		name := op.name + v.isa
		function(name, "y, x *float32, n int", fmt.Sprintf("%s sets y to the %s of x for n > 0 elements.", name, op.name))
		y, x, n := arg("y"), arg("x"), arg("n")
		v.eachElement(y, x, n, func(from, to reg.VecVirtual) { op.emit(v, from, to) })
	}
}

// pairwise goes through rows, each by the loop of its operation. An operand of step 0 is a vector in local memory
// that repeats its number.
func pairwise(v vectors) {
	name := "pairs" + v.isa
	function(name, "y, a, b *float32, n, rows, rowA, rowB, da, db, op int",
		name+" works like the generic kernel of an operation for so many rows of n > 0 elements.")
	y, n, rows, op, left := arg("y"), arg("n"), arg("rows"), arg("op"), GP64()
	operands := []*operand{newOperand(v, "a", "rowA", "da"), newOperand(v, "b", "rowB", "db")}
	whole := GP64()
	MOVQ(n, whole)
	ANDQ(Imm(uint64(v.bytes/4-1)), n)
	rest := v.mask(n)
	XORQ(n, whole)
	to, one := v.make(), v.number("one", 1)
	load := func(load func(from, to Op)) {
		for _, o := range operands {
			load(at(o.at, 0), o.x)
		}
	}
	// forOperation emits body for each operation, and jumps to that of op, by halves, and then on to behind.
	forOperation := func(behind string, body func(label string, emit func())) {
		var from func(first, end int)
		from = func(first, end int) {
			if middle := (first + end) / 2; middle > first {
				upper := pairs[middle].name + "On" + behind
				CMPQ(op, Imm(uint64(middle)))
				JGE(LabelRef(upper))
				from(first, middle)
				Label(upper)
				from(middle, end)
				return
			}
			body(pairs[first].name+behind, func() { pairs[first].emit(v, operands[0].x, operands[1].x, one, to) })
			if first < len(pairs)-1 {
				JMP(LabelRef(behind))
			}
		}
		from(0, len(pairs))
		Label(behind)
	}
	Label("rows")
	for _, o := range operands {
		o.begin()
	}
	MOVQ(whole, left)
	TESTQ(left, left)
	JZ(LabelRef("rest"))
	forOperation("rest", func(label string, emit func()) {
		loop(label, left, v.bytes/4, func() {
			load(move)
			emit()
			VMOVUPS(to, at(y, 0))
			for _, o := range operands {
				ADDQ(o.step, o.at)
			}
			ADDQ(Imm(uint64(v.bytes)), y)
		})
	})
	TESTQ(n, n)
	JZ(LabelRef("next"))
	load(rest.load)
	forOperation("part", func(_ string, emit func()) { emit() })
	rest.store(to, at(y, 0))
	LEAQ(Mem{Base: y, Index: n, Scale: 4}, y)
	Label("next")
	DECQ(rows)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// An operand is where a row begins, and where it is read.
type operand struct {
	v         vectors
	name      string
	row, at   reg.GPVirtual
	step      reg.GPVirtual // bytes from one vector to the next
	following Mem           // elements from one row to the next
	local     Mem
	x         reg.VecVirtual
}

func newOperand(v vectors, name, row, step string) *operand {
	o := &operand{v, name, arg(name), GP64(), arg(step), param(row), AllocLocal(v.bytes), v.make()}
	IMUL3Q(Imm(uint64(v.bytes)), o.step, o.step)
	return o
}

// begin goes to the first element of a row, and has row be where the next begins.
func (o *operand) begin() {
	MOVQ(o.row, o.at)
	TESTQ(o.step, o.step)
	JNZ(LabelRef(o.name + "Apart"))
	VBROADCASTSS(at(o.row, 0), o.x)
	VMOVUPS(o.x, o.local)
	LEAQ(o.local, o.at)
	Label(o.name + "Apart")
	next := GP64()
	MOVQ(o.following, next)
	LEAQ(Mem{Base: o.row, Index: next, Scale: 4}, o.row)
}

func move(from, to Op) { VMOVUPS(from, to) }

// eachElement emits the rest of a function that makes n > 0 elements y of as many x: a vector at a time, and
// what is left with a mask.
func (v vectors) eachElement(y, x, n reg.GPVirtual, emit func(from, to reg.VecVirtual)) {
	from, to, lanes := v.make(), v.make(), uint64(v.bytes/4)
	part := func(load, store func(from, to Op)) {
		load(at(x, 0), from)
		emit(from, to)
		store(to, at(y, 0))
	}
	SUBQ(Imm(lanes), n)
	JLT(LabelRef("rest"))
	Label("vectors")
	part(move, move)
	ADDQ(Imm(uint64(v.bytes)), x)
	ADDQ(Imm(uint64(v.bytes)), y)
	SUBQ(Imm(lanes), n)
	JGE(LabelRef("vectors"))
	Label("rest")
	ADDQ(Imm(lanes), n)
	JZ(LabelRef("done"))
	rest := v.mask(n)
	part(rest.load, rest.store)
	Label("done")
	VZEROUPPER()
	RET()
}

// A mask has moves of the first elements of a vector.
type mask struct {
	v    vectors
	mask reg.Register
}

// mask returns that of the first n elements: of none where n is negative, and of all where it is large.
func (v vectors) mask(n reg.GPVirtual) mask {
	lanes, places := v.constant("lanesFrom0Of"+v.isa, count(0, v.bytes/4)...), v.make()
	VMOVD(n.As32(), places.AsX())
	VPBROADCASTD(places.AsX(), places)
	var m reg.Register = places
	if v.bytes == 64 {
		m = K()
	}
	VPCMPGTD(lanes, places, m)
	return mask{v, m}
}

// load loads them, and 0 for the others.
func (m mask) load(from, x Op) {
	if m.v.bytes == 64 {
		VMOVUPS_Z(from, m.mask, x)
	} else {
		VMASKMOVPS(from, m.mask, x)
	}
}

// loadOver loads them, and what base has for the others.
func (m mask) loadOver(base, from, x Op) {
	if m.v.bytes == 64 {
		VMOVAPS(base, x)
		VMOVUPS(from, m.mask, x)
	} else {
		VMASKMOVPS(from, m.mask, x)
		VBLENDVPS(m.mask, x, base, x)
	}
}

func (m mask) store(x, to Op) {
	if m.v.bytes == 64 {
		VMOVUPS(x, m.mask, to)
	} else {
		VMASKMOVPS(x, m.mask, to)
	}
}

// choose sets y to x where a predicate of VCMPPS is true of a and b.
func (v vectors) choose(predicate uint64, a, b, x, y reg.VecVirtual) {
	if v.bytes == 64 {
		mask := K()
		VCMPPS(Imm(predicate), b, a, mask)
		VMOVAPS(x, mask, y)
		return
	}
	mask := v.make()
	VCMPPS(Imm(predicate), b, a, mask)
	VBLENDVPS(mask, x, y, y)
}

// number returns a vector that repeats a number.
func (v vectors) number(name string, x float32) reg.VecVirtual {
	return v.constant(name+"Float", math.Float32bits(x))
}

func (v vectors) copy(x, y Op) { VMOVAPS(x, y) }

// round rounds down by mode 1, and up by mode 2.
func (v vectors) round(mode uint64, x, y reg.VecVirtual) {
	if v.bytes == 64 {
		VRNDSCALEPS(Imm(mode|8), x, y)
	} else {
		VROUNDPS(Imm(mode|8), x, y)
	}
}
