package main

import (
	"fmt"
	"iter"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
)

// network is what contenders have in common.
type network struct{ *workload.Network }

// networks are tasks of three batches.
func networks(d *workload.Design, entrants ...entrant[network]) func(workload.Options) iter.Seq[task] {
	return func(workload.Options) iter.Seq[task] {
		return func(yield func(task) bool) {
			for _, batch := range []int{1, 32, 64} {
				n, err := workload.NewNetwork(d, batch)
				if err != nil {
					panic(fmt.Sprintf("peers: network: %v", err)) // its operands are made here
				}
				l := network{n}
				float, err := oursFloatNetwork(l, 1)
				if err == nil {
					err = float.Run()
				}
				if err != nil {
					panic(fmt.Sprintf("peers: network: %v", err))
				}
				right := float.Output()
				truth := duel.Sample(batch*workload.Classes, batch*workload.Classes, func(at int) float64 { return float64(right[at]) })
				subject := duel.Subject{Name: fmt.Sprintf("batch %d", batch), Amount: float64(batch), Unit: "images/s", Mean: true}
				if !yield(newTask(subject, l, truth, entrants)) {
					return
				}
			}
		}
	}
}
