package main

import (
	"fmt"

	"euryale/qtensor"
)

// named is a scheme under the name that keys have.
type named struct {
	name   string
	scheme qtensor.Scheme
}

// schemes returns all schemes that there are keys of. The channel axis is the given one.
func schemes(axis int) []named {
	var all []named
	add := func(name string, s qtensor.Scheme) { all = append(all, named{name, s}) }
	mapped := []struct {
		name string
		of   func(bits int) qtensor.Scheme
	}{
		{"uniform", qtensor.Uniform},
		{"symmetric", qtensor.Symmetric},
		{"affine", qtensor.Affine},
		{"power-of-two", qtensor.PowerOfTwo},
	}
	for bits := 2; bits <= 8; bits++ {
		for _, m := range mapped {
			add(fmt.Sprintf("%s%d/tensor", m.name, bits), m.of(bits))
		}
		add(fmt.Sprintf("symmetric%d/channel", bits), qtensor.PerChannelSymmetric(bits, axis))
		add(fmt.Sprintf("affine%d/channel", bits), qtensor.PerChannelAffine(bits, axis))
	}
	for _, bits := range []int{4, 8} {
		add(fmt.Sprintf("uniform%d/channel", bits), qtensor.Uniform(bits).PerAxis(axis))
		add(fmt.Sprintf("power-of-two%d/channel", bits), qtensor.PowerOfTwo(bits).PerAxis(axis))
	}
	add("int4/tensor", qtensor.Int4())
	add("uint4/tensor", qtensor.UInt4())
	add("int4/channel", qtensor.Int4().PerAxis(axis))
	add("uint4/channel", qtensor.UInt4().PerAxis(axis))
	add("float16", qtensor.Float16())
	add("bfloat16", qtensor.BFloat16())
	grouped := []named{
		{"symmetric3", qtensor.Symmetric(3)},
		{"affine5", qtensor.Affine(5)},
		{"int4", qtensor.Int4()},
		{"uint4", qtensor.UInt4()},
	}
	for _, m := range mapped {
		grouped = append(grouped, named{m.name + "8", m.of(8)})
	}
	half := qtensor.ScaleFloat16
	for _, g := range grouped {
		add(g.name+"/groups32", g.scheme.PerGroup(axis, 32))
		add(g.name+"/groups20", g.scheme.PerGroup(axis, 20))
		add(g.name+"/tensor/float16-scales", g.scheme.WithScales(half))
		add(g.name+"/channel/float16-scales", g.scheme.PerAxis(axis).WithScales(half))
		add(g.name+"/groups32/float16-scales", g.scheme.PerGroup(axis, 32).WithScales(half))
	}
	for bits := 2; bits <= 4; bits++ {
		book := qtensor.Codebook(bits)
		add(fmt.Sprintf("codebook%d/channel", bits), book.PerAxis(axis))
		add(fmt.Sprintf("codebook%d/groups32", bits), book.PerGroup(axis, 32))
		add(fmt.Sprintf("codebook%d-nozero/groups16", bits), book.WithLevels(qtensor.LearnedLevelsNoZero).PerGroup(axis, 16))
		add(fmt.Sprintf("codebook%d-linear/groups64", bits), book.WithLevels(qtensor.LinearLevels).PerGroup(axis, 64))
	}
	add("codebook4-nf/groups128", qtensor.Codebook(4).WithLevels(qtensor.NormalFloatLevels).PerGroup(axis, 128))
	add("codebook4-e2m1/groups32", qtensor.Codebook(4).WithLevels(qtensor.E2M1Levels).PerGroup(axis, 32))
	return all
}

// principal are the names of the schemes that most keys are of: each method, and groups.
var principal = map[string]bool{
	"uniform8/tensor":              true,
	"symmetric8/tensor":            true,
	"affine8/tensor":               true,
	"power-of-two8/tensor":         true,
	"int4/channel":                 true,
	"uint4/tensor":                 true,
	"float16":                      true,
	"bfloat16":                     true,
	"symmetric8/channel":           true,
	"affine8/channel":              true,
	"symmetric8/groups32":          true,
	"affine8/groups32":             true,
	"int4/groups32/float16-scales": true,
	"uint4/groups20":               true,
	"codebook4/groups32":           true,
	"codebook2-nozero/groups16":    true,
}

// principals returns the schemes of those names, for weights of products.
func principals() []named {
	var some []named
	for _, s := range schemes(1) {
		if principal[s.name] {
			some = append(some, s)
		}
	}
	return some
}
