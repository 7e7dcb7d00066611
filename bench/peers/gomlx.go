package main

import (
	"fmt"
	"os"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// gomlxFloat multiplies in float32 on GoMLX's backend in pure Go: a graph of one product, compiled once. The
// weight is (n, k): the backend makes small products of that form, and would transpose another at each call.
func gomlxFloat(o *workload.Operands, threads int) (c duel.Contender, err error) {
	b, err := gomlxBackend(threads)
	if err != nil {
		return c, err
	}
	defer func() {
		if err != nil {
			b.Finalize()
			err = fmt.Errorf("gomlx: %w", err)
		}
	}()
	graph := b.Builder("product")
	var parameters []backends.Op
	var operands []backends.Buffer
	operand := func(name string, rows, columns int) (flat []float32, err error) {
		shape := shapes.Make(dtypes.Float32, rows, columns)
		parameter, err := graph.Parameter(name, shape, nil)
		if err != nil {
			return nil, err
		}
		buffer, data, err := b.NewSharedBuffer(0, shape)
		if err != nil {
			return nil, err
		}
		parameters, operands = append(parameters, parameter), append(operands, buffer)
		return data.([]float32), nil
	}
	x, err := operand("x", o.M, o.K)
	if err != nil {
		return c, err
	}
	w, err := operand("w", o.N, o.K)
	if err != nil {
		return c, err
	}
	copy(x, o.X)
	for i, v := range o.FloatWeights() {
		w[i%o.N*o.K+i/o.N] = v
	}
	product, err := graph.DotGeneral(parameters[0], []int{1}, nil, parameters[1], []int{1}, nil)
	if err != nil {
		return c, err
	}
	program, err := graph.Compile([]backends.Op{product}, nil)
	if err != nil {
		return c, err
	}
	y := make([]float32, o.M*o.N)
	clear(y)
	return duel.Contender{
		Name: "gomlx f32",
		Run: func() error {
			results, err := program.Execute(operands, nil, 0)
			if err != nil {
				return err
			}
			if err := b.BufferToFlatData(results[0], y); err != nil {
				return err
			}
			return b.BufferFinalize(results[0])
		},
		Output: func() []float32 { return y },
		Close:  b.Finalize,
	}, nil
}

// gomlxBackend returns a backend of so many threads. Making one prints them to the standard output, where the
// report goes, so that they are diverted to the progress.
func gomlxBackend(threads int) (backends.Backend, error) {
	defer func(out *os.File) { os.Stdout = out }(os.Stdout)
	os.Stdout = os.Stderr
	return simplego.New(fmt.Sprintf("parallelism=%d", threads))
}
