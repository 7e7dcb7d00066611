package ptq_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layered is a chain of dense layers with the names.
func layered(names ...string) func(z *zoo) node {
	return func(z *zoo) node {
		h := z.Input("x", 4)
		for _, name := range names {
			h = must(gorgonia.Tanh(must(gorgonia.Mul(h, z.Value(name, 3, 4, 4)))))
		}
		return h
	}
}

// TestRuleFields has what a rule leaves out be the Config's, and what the Config leaves out the default, in
// every combination of fields.
func TestRuleFields(t *testing.T) {
	build, samples := floatNet(layered("a", "b"), tensor.Float32)
	int4, uniform := qtensor.Int4(), qtensor.Uniform(6)
	schemes := []*qtensor.Scheme{nil, &int4, &uniform}
	all := []model.Activations{model.Default, model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8}
	name := func(fields ...*qtensor.Scheme) string {
		for _, s := range fields {
			if s != nil {
				return s.String()
			}
		}
		return "symmetric8@1"
	}
	first := func(fields ...model.Activations) model.Activations {
		for _, a := range fields {
			if a != model.Default {
				return a
			}
		}
		return model.Fixed24
	}
	cases := 0
	for _, weights := range schemes {
		for _, activations := range all {
			for _, of := range schemes {
				for _, by := range all {
					for _, float := range []bool{false, true} {
						cases++
						cfg := ptq.Config{
							Weights: weights, Activations: activations,
							Rules: []ptq.LayerRule{{Pattern: "a", Float: float, Weights: of, Activations: by}},
						}
						_, r, err := quantizeBuild(t.Context(), build, samples, cfg)
						if err != nil {
							t.Fatalf("%v, %v, rule %v, %v, %t: %v", weights, activations, of, by, float, err)
						}
						want := []string{
							name(of, weights) + " " + first(by, activations).String(),
							name(weights) + " " + first(activations).String(),
						}
						if float {
							want[0] = " default"
						}
						for i, l := range r.Layers {
							if got := l.Weights + " " + l.Activations.String(); got != want[i] ||
								l.Quantized != (i > 0 || !float) {
								t.Errorf("%v, %v, rule %v, %v, %t: layer %s is %s, want %s", weights, activations, of,
									by, float, l.Name, got, want[i])
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", cases)
}

// pattern returns one of random parts, and the expression for what it matches.
func pattern(rng *rand.Rand) (glob, expression string) {
	parts := [][2]string{
		{"*", ".*"},
		{"?", "."},
		{"a", "a"},
		{"b", "b"},
		{"/", "/"},
		{".", `\.`},
		{"[ab]", "[ab]"},
		{"[^a]", "[^a]"},
		{`\*`, `\*`},
		{"[a-c]", "[a-c]"},
	}
	for range 1 + rng.IntN(4) {
		p := parts[rng.IntN(len(parts))]
		glob, expression = glob+p[0], expression+p[1]
	}
	return glob, "^(?s:" + expression + ")$"
}

// TestPatterns compares patterns with what regular expressions match, names with a / among them, and wants an
// error for one that matches none.
func TestPatterns(t *testing.T) {
	names := []string{"a", "b", "a/b", "a/b/c", "/", "block1/a.w", "*", "ü/a", "a\nb", "ab"}
	build, samples := floatNet(layered(names...), tensor.Float32)
	rng := rand.New(rand.NewPCG(11, 1))
	const cases = 400
	none := 0
	for range cases {
		glob, expression := pattern(rng)
		re := regexp.MustCompile(expression)
		_, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Rules: []ptq.LayerRule{{Pattern: glob, Float: true}}})
		if !slices.ContainsFunc(names, re.MatchString) {
			none++
			if !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), fmt.Sprintf("%q", glob)) ||
				!strings.Contains(err.Error(), "block1/a.w") {
				t.Errorf("%q, which matches nothing: got error %v", glob, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", glob, err)
			continue
		}
		for _, l := range r.Layers {
			if l.Quantized == re.MatchString(l.Name) {
				t.Errorf("%q, %q: quantized %t", glob, l.Name, l.Quantized)
			}
		}
	}
	t.Logf("%d patterns, of which %d match nothing", cases, none)
}

// TestPatternsRefused has patterns that are none, and ones that match no layer behind ones that do.
func TestPatternsRefused(t *testing.T) {
	build, samples := floatNet(layered("a", "a/b"), tensor.Float32)
	for _, p := range []string{"[", "a[", "[]a]", "[a", "[a-]", "[-]", `\`, `a\`, `[\`, "a/[", "[^]", "*[", "/*/["} {
		for _, rules := range [][]ptq.LayerRule{{{Pattern: p}}, {{Pattern: "*"}, {Pattern: p}}} {
			_, _, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Rules: rules})
			if !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), fmt.Sprintf("%q", p)) {
				t.Errorf("%q: got error %v, want ErrParams", p, err)
			}
		}
	}
	for _, rules := range [][]ptq.LayerRule{
		{{}},
		{{Pattern: "c"}},
		{{Pattern: "*"}, {Pattern: "c"}},
		{{Pattern: "a"}, {Pattern: "A"}},
		{{Pattern: "a", Float: true}, {Pattern: "a/"}},
	} {
		last := rules[len(rules)-1].Pattern
		want := fmt.Sprintf(`rule %d: pattern %q matches no layer, want one of ["a" "a/b"]`, len(rules)-1, last)
		_, _, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Rules: rules})
		if !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got error %v, want %s", rules, err, want)
		}
	}
	// One that is never reached does nothing.
	hidden := ptq.Config{Rules: []ptq.LayerRule{{Pattern: "a*"}, {Pattern: "a/b", Float: true}}}
	if _, r, err := quantizeBuild(t.Context(), build, samples, hidden); err != nil || !r.Layers[1].Quantized {
		t.Errorf("a rule behind another: got %v, error %v", r, err)
	}
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprint("w", i)
	}
	build, samples = floatNet(layered(names...), tensor.Float32)
	_, _, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "v"}}})
	if err == nil || !strings.Contains(err.Error(), "and 10 more") {
		t.Errorf("got error %v, want 20 names and the number of others", err)
	}
	for _, a := range []model.Activations{-1, 5, 1 << 20} {
		for _, cfg := range []ptq.Config{{Activations: a}, {Rules: []ptq.LayerRule{{Pattern: "*", Activations: a}}}} {
			_, _, err := quantizeBuild(t.Context(), build, samples, cfg)
			if !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), a.String()) {
				t.Errorf("%+v: got error %v, want ErrParams", cfg, err)
			}
		}
	}
	for _, s := range []qtensor.Scheme{
		{},
		qtensor.Symmetric(99), qtensor.PerChannelSymmetric(8, -1),
		qtensor.Symmetric(8).PerGroup(0, 0), qtensor.Float16().PerAxis(0),
	} {
		for _, cfg := range []ptq.Config{{Weights: &s}, {Rules: []ptq.LayerRule{{Pattern: "*", Weights: &s}}}} {
			if _, _, err := quantizeBuild(t.Context(), build, samples, cfg); !errors.Is(err, qtensor.ErrScheme) {
				t.Errorf("%v: got error %v, want ErrScheme", s, err)
			}
		}
	}
}
