package main

import (
	"fmt"
	"time"

	"euryale/bench/internal/workload"
	"euryale/bench/limits"
	"euryale/bench/peers/duel"
)

// reading does nothing but read as many bytes as our packed weight has, which limits products of few rows.
// The ratio to it is the share of that rate which a product reaches.
func reading(bytes func(o *workload.Operands) (int, error)) entrant[*workload.Operands] {
	return func(o *workload.Operands, threads int) (duel.Contender, error) {
		if o.M >= manyRows {
			return duel.Contender{}, errLeftOut
		}
		n, err := bytes(o)
		if err != nil {
			return duel.Contender{}, err
		}
		gigabytes := 1e-9 * float64(n)
		meter := limits.Read(n).Meter(threads)
		return duel.Contender{
			Name: fmt.Sprintf("read %.3g MB", 1e3*gigabytes), Aside: true,
			Meter: func(budget time.Duration) float64 { return gigabytes / meter(budget) },
		}, nil
	}
}

// bytesOf returns how many bytes the packed weight of a product has.
func bytesOf(weight weights) func(o *workload.Operands) (int, error) {
	return func(o *workload.Operands) (int, error) {
		w, err := weight(workload.Shape{K: o.K, N: o.N})
		if err != nil {
			return 0, err
		}
		return w.Bytes(), nil
	}
}
