package duel

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// Row is ours beside one peer. Without peers there is one row, whose Peer is empty.
type Row struct {
	Work       string   `json:"work"`
	Shape      string   `json:"shape"`
	Threads    int      `json:"threads"`
	Unit       string   `json:"unit"` // of speeds
	Ours       float64  `json:"ours_speed"`
	OursCores  float64  `json:"ours_cores"`
	OursSQNR   Decibels `json:"ours_sqnr"`
	OursOwn    Decibels `json:"ours_own_sqnr"`
	OursKernel string   `json:"ours_kernel,omitempty"`
	Peer       string   `json:"peer,omitempty"`
	PeerSpeed  float64  `json:"peer_speed,omitempty"`
	PeerCores  float64  `json:"peer_cores,omitempty"`
	PeerSQNR   Decibels `json:"peer_sqnr,omitempty"`
	PeerOwn    Decibels `json:"peer_own_sqnr,omitempty"`
	PeerKernel string   `json:"peer_kernel,omitempty"`
	Ratio      float64  `json:"ratio,omitempty"` // ours/peer: the median over repeats, not the quotient of the medians
	Best       bool     `json:"best,omitempty"`  // the least ratio of the peers that count

	mean bool
}

// Subject is what contenders do.
type Subject struct {
	Name   string
	Amount float64 // of Unit's in one call: Amount per second is the speed
	Unit   string
	Mean   bool // whether it is among those of which the mean is told
}

// Rows returns ours, which is the first result, beside each of the others.
func Rows(work string, s Subject, threads int, results []Result) []Row {
	speed := func(r Result) float64 { return s.Amount / r.Seconds() }
	ours := results[0]
	base := Row{
		Work: work, Shape: s.Name, Threads: threads, Unit: s.Unit, mean: s.Mean,
		Ours: speed(ours), OursCores: ours.Cores, OursSQNR: ours.SQNR, OursOwn: ours.Own, OursKernel: ours.Kernel,
	}
	var rows []Row
	best := -1
	for _, p := range results[1:] {
		r := base
		r.Peer, r.PeerSpeed, r.PeerCores, r.PeerSQNR, r.PeerOwn, r.PeerKernel = p.Name, speed(p), p.Cores, p.SQNR, p.Own, p.Kernel
		r.Ratio = ours.Ratio(p)
		if !p.Aside && (best < 0 || r.Ratio < rows[best].Ratio) {
			best = len(rows)
		}
		rows = append(rows, r)
	}
	if rows == nil {
		return []Row{base}
	}
	if best >= 0 {
		rows[best].Best = true
	}
	return rows
}

// Mean is the geometric mean of the ratios ours/peer over the subjects that ask for it.
type Mean struct {
	Work    string  `json:"work"`
	Threads int     `json:"threads"`
	Peer    string  `json:"peer"` // "best": on each shape the one marked so
	Ratio   float64 `json:"ratio"`
	Least   float64 `json:"least"` // the smallest of the ratios
	Shapes  int     `json:"shapes"`
}

// Means returns the means of rows: by work, threads and peer as they come, the best peer first.
func Means(rows []Row) []Mean {
	var means []Mean
	var ratios [][]float64
	of := func(r Row, peer string) *[]float64 {
		i := slices.IndexFunc(means, func(m Mean) bool { return m.Work == r.Work && m.Threads == r.Threads && m.Peer == peer })
		if i < 0 {
			i = len(means)
			means, ratios = append(means, Mean{Work: r.Work, Threads: r.Threads, Peer: peer}), append(ratios, nil)
		}
		return &ratios[i]
	}
	for _, r := range rows {
		if !r.mean || r.Peer == "" {
			continue
		}
		if best := of(r, "best"); r.Best {
			*best = append(*best, r.Ratio)
		}
		all := of(r, r.Peer)
		*all = append(*all, r.Ratio)
	}
	for i, x := range ratios {
		if means[i].Shapes = len(x); len(x) > 0 {
			means[i].Ratio, means[i].Least = GeoMean(x), slices.Min(x)
		}
	}
	return slices.DeleteFunc(means, func(m Mean) bool { return m.Shapes == 0 })
}

// Report is the result of a run.
type Report struct {
	Versions map[string]string `json:"versions"`
	Rows     []Row             `json:"rows"`
	Means    []Mean            `json:"geomeans"`
}

// WriteJSON writes r in JSON.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteTable writes r as a table for each kind of work.
func (r Report) WriteTable(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(w, "%s %s\n", name, r.Versions[name])
	}
	for begin := 0; begin < len(r.Rows); {
		work := r.Rows[begin].Work
		end := begin
		for end < len(r.Rows) && r.Rows[end].Work == work {
			end++
		}
		if err := table(w, r.Rows[begin:end]); err != nil {
			return err
		}
		r.writeMeans(w, work)
		begin = end
	}
	return nil
}

// table writes the rows of one kind of work.
func table(w io.Writer, rows []Row) error {
	fmt.Fprintf(w, "\n%s\n", rows[0].Work)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "shape\tthreads\twho\t%s\tours/it\tcores\tSQNR dB\town dB\tkernel\n", rows[0].Unit)
	for i, r := range rows {
		if i == 0 || r.Shape != rows[i-1].Shape || r.Threads != rows[i-1].Threads {
			fmt.Fprintf(t, "%s\t%d\tours\t%s\t\t%.2f\t%v\t%v\t%s\n", r.Shape, r.Threads, digits(r.Ours), r.OursCores, r.OursSQNR, r.OursOwn, r.OursKernel)
		}
		if r.Peer == "" {
			continue
		}
		mark := ""
		if r.Best {
			mark = " *"
		}
		fmt.Fprintf(t, "\t\t%s\t%s\t%.3g%s\t%.2f\t%v\t%v\t%s\n",
			r.Peer, digits(r.PeerSpeed), r.Ratio, mark, r.PeerCores, r.PeerSQNR, r.PeerOwn, r.PeerKernel)
	}
	return t.Flush()
}

// digits writes x with four digits, or with all of those before the point.
func digits(x float64) string {
	if x >= 1e4 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.4g", x)
}

// writeMeans writes the means of one kind of work, a line for each count of threads.
func (r Report) writeMeans(w io.Writer, work string) {
	threads := 0
	for _, m := range r.Means {
		if m.Work != work {
			continue
		}
		if m.Threads != threads {
			if threads > 0 {
				fmt.Fprintln(w)
			}
			threads = m.Threads
			fmt.Fprintf(w, "geometric mean of %d, threads %d: ours/%s %.3g (least %.3g)", m.Shapes, threads, m.Peer, m.Ratio, m.Least)
			continue
		}
		fmt.Fprintf(w, ", %s %.3g", m.Peer, m.Ratio)
	}
	if threads > 0 {
		fmt.Fprintln(w)
	}
}
