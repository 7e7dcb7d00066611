package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"euryale/examples/mnist/sheet"
	"euryale/internal/atomicfile"
)

// report is what -json prints.
type report struct {
	Data    string       `json:"data"`
	Float   floatResult  `json:"float"`
	Methods []methodLine `json:"methods"`

	test    subset
	weights int
	float   answers
	results []answers // of each method
	methods []method
}

type floatResult struct {
	Accuracy  float64 `json:"accuracy"`
	Bytes     int     `json:"bytes"`             // of the weights without biases, here and below
	PerSecond float64 `json:"images_per_second"` // in batches of 64; the median over the races below
	AtOne     float64 `json:"images_per_second_at_1"`
}

type methodLine struct {
	Method        string  `json:"method"`
	BitsPerWeight float64 `json:"bits_per_weight"`
	Bytes         int     `json:"bytes"`
	Accuracy      float64 `json:"accuracy"`
	Agreement     float64 `json:"agreement"` // the fraction of digits that get float's answer
	SQNR          float64 `json:"logit_sqnr_db"`
	PerSecond     float64 `json:"images_per_second"`
	AtOne         float64 `json:"images_per_second_at_1"`
	TimesFloat    float64 `json:"times_float"` // of the same turns
	TimesAtOne    float64 `json:"times_float_at_1"`
}

func newReport(data *dataset, net network, float answers) *report {
	r := &report{Data: data.name, test: data.test, float: float, weights: net.weights()}
	r.Float = floatResult{Accuracy: r.accuracy(float), Bytes: 4 * r.weights}
	return r
}

// add appends the line of a method.
func (r *report) add(m method, bytes int, a answers) {
	same := 0
	for i := range r.test.count() {
		if a.class(i) == r.float.class(i) {
			same++
		}
	}
	r.results, r.methods = append(r.results, a), append(r.methods, m)
	r.Methods = append(r.Methods, methodLine{
		Method:        m.name,
		BitsPerWeight: 8 * float64(bytes) / float64(r.weights),
		Bytes:         bytes,
		Accuracy:      r.accuracy(a),
		Agreement:     float64(same) / float64(r.test.count()),
		SQNR:          decibels(r.float.logits, a.logits),
		PerSecond:     a.batch.quantized,
		AtOne:         a.once.quantized,
		TimesFloat:    a.batch.ratio,
		TimesAtOne:    a.once.ratio,
	})
	r.Float.PerSecond = r.median(func(a answers) float64 { return a.batch.float })
	r.Float.AtOne = r.median(func(a answers) float64 { return a.once.float })
}

func (r *report) median(of func(answers) float64) float64 {
	var all []float64
	for _, a := range r.results {
		all = append(all, of(a))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (r *report) accuracy(a answers) float64 {
	right := 0
	for i := range r.test.count() {
		if a.class(i) == r.test.label(i) {
			right++
		}
	}
	return float64(right) / float64(r.test.count())
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeTable prints names to the left and figures to the right.
func (r *report) writeTable(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%-20s %-16s %-16s %11s %8s %9s %8s %10s %8s %9s %6s %9s %6s\n",
		"method", "weights", "activations", "bits/weight", "bytes", "accuracy", "change", "agreement", "SQNR dB", "images/s",
		"×float", "at 1", "×float")
	fmt.Fprintf(b, "%-20s %-16s %-16s %11.2f %8d %9.4f %8s %10s %8s %9.0f %6s %9.0f %6s\n",
		"float32", "float32", "float", 32.0, r.Float.Bytes, r.Float.Accuracy, "", "", "", r.Float.PerSecond, "", r.Float.AtOne, "")
	for i, m := range r.Methods {
		weights, activations := r.methods[i].columns()
		fmt.Fprintf(b, "%-20s %-16s %-16s %11.2f %8d %9.4f %+8.4f %10.4f %8.1f %9.0f %6.1f %9.0f %6.1f\n",
			m.Method, weights, activations, m.BitsPerWeight, m.Bytes, m.Accuracy,
			m.Accuracy-r.Float.Accuracy, m.Agreement, m.SQNR,
			m.PerSecond, m.TimesFloat, m.AtOne, m.TimesAtOne)
	}
	fmt.Fprintf(b, "\nbits and bytes: weights as they are stored, with their scales; "+
		"agreement: digits with float's answer; SQNR: of the logits against float's;\n"+
		"images/s: in batches of %d and of 1, each method and float by turns\n", batchSize)
	return b.Flush()
}

// writePicture draws each digit that float and quantized answer differently, once for each answer, under the
// name of the first method that gives it and how many more do.
func (r *report) writePicture(path string) error {
	var items []sheet.Item
	for i := range r.test.count() {
		f := r.float.class(i)
		methods := map[int][]string{} // by answer
		for m, a := range r.results {
			if q := a.class(i); q != f {
				methods[q] = append(methods[q], r.Methods[m].Method)
			}
		}
		for _, q := range slices.Sorted(maps.Keys(methods)) {
			name := methods[q][0]
			if more := len(methods[q]) - 1; more > 0 {
				name = fmt.Sprintf("%s (+%d)", name, more)
			}
			items = append(items, sheet.Item{
				Pixels: r.test.image(i), Rows: side, Cols: side,
				Label: r.test.label(i), Float: f, Quantized: q, Method: name,
			})
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		return sheet.Write(w, r.Data+": float and quantized disagree", items)
	})
}
