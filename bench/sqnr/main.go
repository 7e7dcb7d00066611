// Command sqnr measures what each scheme loses on gaussian weights: the signal-to-quantization-noise ratio,
// in dB, of a (1024, 1024) matrix, as a mean over seeds, beside the best figure known of other programs for
// the same format and the target of this module.
//
//	go run ./bench/sqnr [-seeds 3] [-json]
//
// No code with b bits a weight can pass 6.02·b dB (the rate-distortion bound of a gaussian source). Bits
// count the scales and zero points.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"text/tabwriter"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

const side = 1024

// format is a scheme with the figures it is compared with; 0 where there is none.
type format struct {
	name         string
	scheme       qtensor.Scheme
	peer, target float64
	peerName     string
}

// formats returns the schemes of the table. A peer's figure is for its own format on the same source.
func formats() []format {
	half := qtensor.ScaleFloat16
	return []format{
		{name: "uniform 8", scheme: qtensor.Uniform(8)},
		{name: "symmetric 8", scheme: qtensor.Symmetric(8)},
		{name: "affine 8", scheme: qtensor.Affine(8)},
		{name: "power of two 8", scheme: qtensor.PowerOfTwo(8)},
		{name: "int8 per channel", scheme: qtensor.PerChannelSymmetric(8, 1), peer: 42.11, target: 42.1, peerName: "absmax"},
		{name: "uint8 per channel", scheme: qtensor.PerChannelAffine(8, 1)},
		{name: "int8 group 32", scheme: qtensor.Symmetric(8).PerGroup(1, 32).WithScales(half), peer: 45.43, target: 45.4, peerName: "ggml Q8_0"},
		{name: "int4", scheme: qtensor.Int4()},
		{name: "uint4", scheme: qtensor.UInt4()},
		{name: "int4 group 32", scheme: qtensor.Int4().PerGroup(1, 32).WithScales(half), peer: 21.32, target: 21.8, peerName: "ggml Q4_0"},
		{name: "uint4 group 32", scheme: qtensor.UInt4().PerGroup(1, 32).WithScales(half)},
		{name: "float16", scheme: qtensor.Float16(), peer: 73.65, target: 73.65, peerName: "IEEE 754"},
		{name: "bfloat16", scheme: qtensor.BFloat16(), peer: 55.59, target: 55.59, peerName: "nearest even"},
	}
}

// row is a line of the result.
type row struct {
	Format  string  `json:"format"`
	Scheme  string  `json:"scheme"`
	Bits    float64 `json:"bits_per_weight"`
	SQNR    float64 `json:"sqnr_db"`
	Ceiling float64 `json:"ceiling_db"`
	Peer    float64 `json:"peer_db,omitempty"`
	Name    string  `json:"peer,omitempty"`
	Target  float64 `json:"target_db,omitempty"`
}

func main() {
	seeds := flag.Int("seeds", 3, "matrices to average over")
	asJSON := flag.Bool("json", false, "print JSON in place of the table")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sqnr: got argument %q, want flags only\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(os.Stdout, *seeds, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "sqnr:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, seeds int, asJSON bool) error {
	if seeds < 1 {
		return fmt.Errorf("got -seeds %d, want 1 or more", seeds)
	}
	rows, err := measure(seeds)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "format\tbits/weight\tSQNR dB\tceiling\ttarget\tbest known\tof\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%.3f\t%.2f\t%.1f\t%s\t%s\t%s\t\n", r.Format, r.Bits, r.SQNR, r.Ceiling, figure(r.Target), figure(r.Peer), r.Name)
	}
	return t.Flush()
}

// measure returns the mean figures over matrices of the seeds 1 … seeds.
func measure(seeds int) ([]row, error) {
	var rows []row
	for _, f := range formats() {
		rows = append(rows, row{Format: f.name, Scheme: f.scheme.String(), Peer: f.peer, Name: f.peerName, Target: f.target})
	}
	for seed := range seeds {
		x := gaussian(uint64(seed) + 1)
		for i, f := range formats() {
			q, err := qtensor.Quantize(x, f.scheme)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			stats, err := q.Compare(x)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			rows[i].Bits = q.BitsPerElement()
			rows[i].Ceiling = 6.02 * rows[i].Bits
			rows[i].SQNR += stats.SQNR / float64(seeds)
		}
	}
	return rows, nil
}

func gaussian(seed uint64) *tensor.Dense {
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]float32, side*side)
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	return tensor.New(tensor.WithShape(side, side), tensor.WithBacking(data))
}

func figure(x float64) string {
	if x == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}
