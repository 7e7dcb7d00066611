package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onednn"
	"euryale/internal/gemm"
)

// entrant makes a contender for so many threads of operands that it may keep but not change.
type entrant[O any] func(o O, threads int) (duel.Contender, error)

// task is what contenders do, ours the first of them.
type task struct {
	subject  duel.Subject
	truth    duel.Truth
	entrants []func(threads int) (duel.Contender, error)
}

// newTask returns the task of entrants with one's operands.
func newTask[O any](subject duel.Subject, o O, truth duel.Truth, entrants []entrant[O]) task {
	t := task{subject: subject, truth: truth}
	for _, enter := range entrants {
		t.entrants = append(t.entrants, func(threads int) (duel.Contender, error) { return enter(o, threads) })
	}
	return t
}

// work is tasks of a kind, made one after the other: their operands are hundreds of megabytes.
type work struct {
	name, family string // the family may be empty
	tasks        func(options workload.Options) iter.Seq[task]
}

// manyRows is where a product is limited by arithmetic and no longer by memory.
const manyRows = 32

// products are tasks of shapes.
func products(truth func(*workload.Operands) duel.Truth, entrants ...entrant[*workload.Operands]) func(workload.Options) iter.Seq[task] {
	return func(options workload.Options) iter.Seq[task] {
		return func(yield func(task) bool) {
			for _, s := range options.Products() {
				o := workload.NewOperands(s)
				subject := duel.Subject{Name: s.String(), Amount: s.Amount(), Unit: s.Unit(), Mean: s.N > 0 && s.M >= manyRows}
				if !yield(newTask(subject, o, truth(o), entrants)) {
					return
				}
			}
		}
	}
}

// conversion is a task of one shape, whatever is asked for.
func conversion(truth func(*workload.Operands) duel.Truth, entrants ...entrant[*workload.Operands]) func(workload.Options) iter.Seq[task] {
	return func(workload.Options) iter.Seq[task] {
		return products(truth, entrants...)(workload.Options{Shapes: []workload.Shape{workload.Conversion()}})
	}
}

var networkEntrants = []entrant[network]{
	oursNetwork, ortNetwork("f32", floatNetwork), ortNetwork("qlinear", integerNetwork), ortNetwork("qdq", simulatedNetwork), oursFloatNetwork,
}

var works = slices.Concat([]work{
	{"int8", "", products(duel.QuantizedProduct, oursInt8, oneDNNInt8, ortInteger("u8s8→s32"), ortIntegerToFloat,
		ortInteger("u8s8→s32 exact", exactSums))},
	{"int8-dynamic", "", products(duel.FloatProduct, oursFloat(gemm.Arithmetic{}), ortDynamic)},
	{"int8-weights-fixed24", "", products(
		duel.FloatProduct,
		oursFloat(gemm.Arithmetic{Bits: 24}), oneDNNFloat, ortFloat, ortBlocks("w8 f32", ofColumns, computeFloat, false),
		ortBlocks("w8 int8", ofColumns, computeInt8, true), gonumFloat, gorgoniaFloat,
	)},
	{"int8-weights-fixed16", "", products(duel.FloatProduct, oursFloat(gemm.Arithmetic{Bits: 16}), oneDNNBFloat16)},
	{"quantize", "", conversion(duel.Floats, oursQuantize, oneDNNQuantize, ortQuantize)},
	{"dequantize", "", conversion(duel.Dequantized, oursDequantize, oneDNNDequantize, ortDequantize)},
	{"conv", "", convolutions(oursConv, ortConv, ortConvInt8)},
	{"conv-codes", "", convolutions(oursConvQuantized, ortConvQuantized(false), ortConvQuantized(true))},
	{"lenet", "", networks(workload.LeNet(), networkEntrants...)},
	{"resnet8", "", networks(workload.ResNet8(), networkEntrants...)},
	{"mobilenet", "", networks(workload.MobileNet(), networkEntrants...)},
}, floats(), fewBits())

func menu() (m workload.Menu) {
	for _, w := range works {
		m.Add(w.name, w.family)
	}
	return m
}

// measure returns the rows of all that options ask for; on an error, those measured before.
func measure(ctx context.Context, options duel.Options, progress io.Writer) (rows []duel.Row, err error) {
	for _, w := range works {
		if !slices.Contains(options.Works, w.name) {
			continue
		}
		for t := range w.tasks(options.Options) {
			for _, threads := range options.Threads {
				fmt.Fprintf(progress, "%s %s, threads %d\n", w.name, t.subject.Name, threads)
				results, err := t.contest(ctx, threads, options, progress)
				if err != nil {
					return rows, fmt.Errorf("%s %s: %w", w.name, t.subject.Name, err)
				}
				rows = append(rows, duel.Rows(w.name, t.subject, threads, results)...)
			}
		}
	}
	return rows, nil
}

// contest measures the contenders. A peer that cannot do the work is named in progress.
func (t task) contest(ctx context.Context, threads int, options duel.Options, progress io.Writer) ([]duel.Result, error) {
	var contenders []duel.Contender
	defer func() {
		for _, c := range contenders {
			if c.Close != nil {
				c.Close()
			}
		}
		runtime.GC() // weights of one shape are hundreds of megabytes
	}()
	for _, enter := range t.entrants {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := enter(threads)
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
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	return duel.Measure(ctx, contenders, t.truth, options.Repeats, options.Burst)
}
