package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"

	"euryale/bench/internal/workload"
	"euryale/bench/limits"
	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// manyRows is where reading the weight alone says nothing about how fast a product can be.
const manyRows = 32

// limitShare is how much shorter a limit's burst is than a work's.
const limitShare = 5

// measure returns the limits, and the rows of all that o asks for; on an error, those measured before.
func measure(ctx context.Context, o options, progress io.Writer) (r report, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r = report{Go: runtime.Version(), Arch: runtime.GOARCH, Limits: []limitRow{}, Rows: []row{}}
	if r.Limits, err = measureLimits(ctx, o, progress); err != nil {
		return r, err
	}
	todo := plan(o)
	for i, c := range todo {
		fmt.Fprintf(progress, "%d/%d %v\n", i+1, len(todo), c)
		row, err := c.measure(ctx, o)
		if err != nil {
			return r, fmt.Errorf("%v: %w", c, err)
		}
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}

// measureLimits returns what the machine can do with each count of threads.
func measureLimits(ctx context.Context, o options, progress io.Writer) ([]limitRow, error) {
	rows := []limitRow{}
	all := slices.Concat(limits.Peaks(), limits.Levels(), []limits.Limit{limits.Copy(copied)})
	for _, threads := range o.Threads {
		runtime.GOMAXPROCS(threads)
		fmt.Fprintf(progress, "limits, threads %d\n", threads)
		for _, l := range all {
			meter := l.Meter(threads)
			rates := make([]float64, o.Repeats)
			for i := range rates {
				if err := ctx.Err(); err != nil {
					return rows, fmt.Errorf("limits: %w", err)
				}
				rates[i] = meter(o.Burst / limitShare)
			}
			rows = append(rows, limitRow{
				Name: l.Name, Kind: l.Kind, Unit: l.Kind.Unit(), Bytes: l.Bytes, Threads: threads,
				Rate: workload.Median(rates), tier: l.Tier,
			})
		}
	}
	return rows, nil
}

// copied is how many bytes a conversion is compared with the copying of.
const copied = 64 << 20

// measurement is a row to be measured.
type measurement struct {
	work
	shape   shape
	tier    isa.Tier
	threads int
}

func (c measurement) String() string {
	return fmt.Sprintf("%s %v, %v, threads %d", c.name, c.shape, c.tier, c.threads)
}

// plan returns what o asks for, in the order of the tables.
func plan(o options) (todo []measurement) {
	for _, w := range works {
		if !slices.Contains(o.Works, w.name) {
			continue
		}
		for _, shape := range w.shapes(o) {
			for _, tier := range o.tiers {
				for _, n := range o.Threads {
					todo = append(todo, measurement{w, shape, tier, n})
				}
			}
		}
	}
	return todo
}

// measure alternates between the work and the limits that it is compared with: what slows the machine down
// for a while slows both.
func (c measurement) measure(ctx context.Context, o options) (row, error) {
	defer isa.Use(c.tier)()
	runtime.GOMAXPROCS(c.threads)
	t, err := c.prepare(c.shape)
	if err != nil {
		return row{}, err
	}
	bounds := c.bounds(t)
	meters := make([]limits.Meter, len(bounds))
	for i, b := range bounds {
		meters[i] = b.limit.Meter(c.threads)
	}
	runtime.GC() // memory of earlier rows
	seconds := make([]float64, o.Repeats)
	for i := range seconds {
		if err := workload.Call(ctx, t.run); err != nil { // it wakes threads and fills caches, and does not count
			return row{}, err
		}
		var err error
		if _, seconds[i], err = workload.Burst(ctx, t.run, o.Burst); err != nil {
			return row{}, err
		}
		for j, meter := range meters {
			bounds[j].rates = append(bounds[j].rates, meter(o.Burst/limitShare))
		}
	}
	return c.row(t.bytes, seconds, bounds), nil
}

// bound is a limit that a work is compared with.
type bound struct {
	name   string
	limit  limits.Limit
	factor float64   // how much of the work a unit of the limit allows, in GOP, or in GB of a conversion
	rates  []float64 // of the limit, one for each repeat
}

// bounds returns the limits that may hold t back: those of a roofline. Kernels in Go have no peak, and
// reading says nothing of them where rows are many.
func (c measurement) bounds(t task) (list []bound) {
	if c.bits == 0 {
		return []bound{{name: "copy", limit: limits.Copy(copied), factor: 1}}
	}
	peaks := limits.Peaks()
	i := slices.IndexFunc(peaks, func(l limits.Limit) bool { return c.tier != isa.Generic && l.Tier == c.tier })
	if i >= 0 {
		planes := c.planes()
		list = append(list, bound{name: perPlanes(peaks[i].Name, planes), limit: peaks[i], factor: 1 / float64(planes)})
	}
	product, ok := c.shape.(workload.Shape)
	if few := ok && product.M < manyRows; i >= 0 || few {
		list = append(list, bound{name: "read", limit: limits.Read(t.bytes), factor: 1e9 * c.shape.Amount() / float64(t.bytes)})
	}
	return list
}

// perPlanes returns what an instruction is called where kernels use it so many times for one product.
func perPlanes(name string, planes int) string {
	if planes == 1 {
		return name
	}
	return fmt.Sprintf("%s/%d", name, planes)
}

// planes returns how many products the kernels make of one.
func (c measurement) planes() int { return kernel.Of(c.tier).Format.Operand(c.bits).Planes }

// row returns the medians of what was measured: seconds of a call, and of bounds the rates beside each.
func (c measurement) row(bytes int, seconds []float64, bounds []bound) row {
	median := workload.Median(seconds)
	r := row{
		Work: c.name, Shape: c.shape.String(), Tier: c.tier.String(), Threads: c.threads,
		GBPS: 1e-9 * float64(bytes) / median,
	}
	if c.bits > 0 {
		r.GOPS = c.shape.Amount() / median
		r.intensity, r.planes = 1e9*c.shape.Amount()/float64(bytes), c.planes()
	}
	amount := c.shape.Amount()
	if c.bits == 0 {
		amount = 1e-9 * float64(bytes)
	}
	lowest := 0.
	for _, b := range bounds {
		if height := b.factor * workload.Median(b.rates); r.Limit == "" || height < lowest {
			lowest, r.Limit, r.Percent = height, b.name, b.percent(amount, seconds)
		}
	}
	return r
}

// percent returns how much of the limit an amount of work in so many seconds takes: the median over the
// repeats, not the quotient of two medians.
func (b bound) percent(amount float64, seconds []float64) float64 {
	percents := make([]float64, len(seconds))
	for i, s := range seconds {
		percents[i] = 100 * amount / s / (b.factor * b.rates[i])
	}
	return workload.Median(percents)
}
