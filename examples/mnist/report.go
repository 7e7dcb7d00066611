package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

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
}

type floatResult struct {
	Accuracy  float64 `json:"accuracy"`
	Bytes     int     `json:"bytes"` // of the weights, biases apart, here and below
	PerSecond float64 `json:"images_per_second"`
}

type methodLine struct {
	Method        string  `json:"method"`
	BitsPerWeight float64 `json:"bits_per_weight"`
	Bytes         int     `json:"bytes"`
	Accuracy      float64 `json:"accuracy"`
	Agreement     float64 `json:"agreement"` // the fraction of digits that get float's answer
	SQNR          float64 `json:"logit_sqnr_db"`
	PerSecond     float64 `json:"images_per_second"`
}

func newReport(data *dataset, net network, float answers) *report {
	r := &report{Data: data.name, test: data.test, float: float}
	for _, l := range net {
		r.weights += l.weight.Shape().TotalSize()
	}
	r.Float = floatResult{r.accuracy(float), 4 * r.weights, r.perSecond(float)}
	return r
}

// add appends the line of a method.
func (r *report) add(name string, bytes int, a answers) {
	same := 0
	for i := range r.test.count() {
		if a.class(i) == r.float.class(i) {
			same++
		}
	}
	r.results = append(r.results, a)
	r.Methods = append(r.Methods, methodLine{
		Method:        name,
		BitsPerWeight: 8 * float64(bytes) / float64(r.weights),
		Bytes:         bytes,
		Accuracy:      r.accuracy(a),
		Agreement:     float64(same) / float64(r.test.count()),
		SQNR:          decibels(r.float.logits, a.logits),
		PerSecond:     r.perSecond(a),
	})
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

func (r *report) perSecond(a answers) float64 { return float64(r.test.count()) / a.took.Seconds() }

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "method\tbits/weight\tbytes\taccuracy\tchange\tagreement\tlogit SQNR dB\timages/s\t")
	fmt.Fprintf(t, "float32\t%.2f\t%d\t%.4f\t\t\t\t%.0f\t\n", 32.0, r.Float.Bytes, r.Float.Accuracy, r.Float.PerSecond)
	for _, m := range r.Methods {
		fmt.Fprintf(t, "%s\t%.2f\t%d\t%.4f\t%+.4f\t%.4f\t%.1f\t%.0f\t\n",
			m.Method, m.BitsPerWeight, m.Bytes, m.Accuracy, m.Accuracy-r.Float.Accuracy, m.Agreement, m.SQNR, m.PerSecond)
	}
	return t.Flush()
}

// writePicture draws the digits that float and quantized answer differently.
func writePicture(path string, r *report, test subset) error {
	var items []sheet.Item
	for i := range test.count() {
		for m, a := range r.results {
			if f, q := r.float.class(i), a.class(i); f != q {
				items = append(items, sheet.Item{
					Pixels: test.image(i), Rows: side, Cols: side,
					Label: test.label(i), Float: f, Quantized: q, Method: r.Methods[m].Method,
				})
			}
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		return sheet.Write(w, r.Data+": float and quantized disagree", items)
	})
}
