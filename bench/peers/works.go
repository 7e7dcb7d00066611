package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onednn"
	"euryale/internal/gemm"
)

// entrant makes a contender of operands that it may hold on to but not change.
type entrant func(o *workload.Operands, threads int) (duel.Contender, error)

// work is what contenders do, ours the first of them.
type work struct {
	name       string
	conversion bool // has one shape of its own
	truth      func(*workload.Operands) duel.Truth
	entrants   []entrant
}

var works = []work{
	{"int8", false, duel.CodeProduct, []entrant{
		oursCodes, oneDNNCodes, ortInteger("u8s8→s32"), ortIntegerToFloat, ortInteger("u8s8→s32 exact", exactSums),
	}},
	{"int8-dynamic", false, duel.FloatProduct, []entrant{oursFloat(gemm.Arithmetic{}), ortDynamic}},
	{"int8-weights-fixed24", false, duel.FloatProduct, []entrant{
		oursFloat(gemm.Arithmetic{Bits: 24}), oneDNNFloat, ortFloat, ortBlocks("w8 f32", computeFloat), ortBlocks("w8 int8", computeInt8), gonum, stockGorgonia,
	}},
	{"int8-weights-fixed16", false, duel.FloatProduct, []entrant{oursFloat(gemm.Arithmetic{Bits: 16}), oneDNNHalf}},
	{"quantize", true, duel.Floats, []entrant{oursQuantize, oneDNNQuantize, ortQuantize}},
	{"dequantize", true, duel.CodeElements, []entrant{oursDequantize, oneDNNDequantize, ortDequantize}},
}

func workNames() []string {
	names := make([]string, len(works))
	for i, w := range works {
		names[i] = w.name
	}
	return names
}

// measure returns the rows of all that options ask for; on an error, those measured before.
func measure(ctx context.Context, options duel.Options, progress io.Writer) (rows []duel.Row, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, w := range works {
		if !slices.Contains(options.Works, w.name) {
			continue
		}
		shapes := options.Shapes
		if w.conversion {
			shapes = []workload.Shape{workload.Conversion()}
		}
		for _, shape := range shapes {
			o := workload.NewOperands(shape)
			truth := w.truth(o)
			for _, threads := range options.Threads {
				fmt.Fprintf(progress, "%s %v, threads %d\n", w.name, shape, threads)
				runtime.GOMAXPROCS(threads)
				results, err := w.contest(ctx, o, truth, threads, options, progress)
				if err != nil {
					return rows, fmt.Errorf("%s %v: %w", w.name, shape, err)
				}
				rows = append(rows, duel.Rows(w.name, shape, threads, results)...)
			}
		}
	}
	return rows, nil
}

// contest measures the contenders of one shape. A peer that cannot do the work is named in progress.
func (w work) contest(ctx context.Context, o *workload.Operands, truth duel.Truth, threads int, options duel.Options, progress io.Writer) ([]duel.Result, error) {
	var contenders []duel.Contender
	defer func() {
		for _, c := range contenders {
			if c.Close != nil {
				c.Close()
			}
		}
		runtime.GC() // weights of one shape are hundreds of megabytes
	}()
	for _, enter := range w.entrants {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := enter(o, threads)
		switch {
		case errors.Is(err, errLeftOut):
		case errors.Is(err, onednn.ErrUnsupported):
			fmt.Fprintf(progress, "  without %v\n", err)
		case err != nil:
			return nil, err
		default:
			contenders = append(contenders, c)
		}
	}
	return duel.Measure(ctx, contenders, truth, options.Repeats, options.Burst)
}
