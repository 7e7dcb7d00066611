package main

import (
	"context"
	"slices"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rounds is how often float and quantized network take turns. A clock that drifts drifts for both, and the
// median of the ratios within a round counts.
const rounds = 7

// speed is images per second of the float and of a quantized network, in turns, and the ratio.
type speed struct{ float, quantized, ratio float64 }

// race lets the float network, in a TapeMachine, and a quantized one run batches of a
// size, for a turn at a time.
func race(ctx context.Context, net network, quantized runner, data subset, batch int, turn time.Duration) (speed, error) {
	net.bits = 0 // the float network has float weights
	g, err := net.graph(batch)
	if err != nil {
		return speed{}, err
	}
	g.start(gorgonia.EvalMode())
	defer g.machine.Close()
	x := data.batch(count(0, batch))
	runs := []func() (float64, error){perSecond(g.run, x, turn), perSecond(quantized, x, turn)}
	var s [3][]float64
	for range rounds {
		if err := ctx.Err(); err != nil {
			return speed{}, err
		}
		var got [2]float64
		for i, run := range runs {
			var err error
			if got[i], err = run(); err != nil {
				return speed{}, err
			}
			s[i] = append(s[i], got[i])
		}
		s[2] = append(s[2], got[1]/got[0])
	}
	for i := range s {
		slices.Sort(s[i])
	}
	return speed{s[0][rounds/2], s[1][rounds/2], s[2][rounds/2]}, nil
}

// perSecond returns a function that runs a batch over and over for a turn, after once that does not
// count, and returns images per second.
func perSecond(run runner, x *tensor.Dense, turn time.Duration) func() (float64, error) {
	return func() (float64, error) {
		if _, err := run(x); err != nil {
			return 0, err
		}
		start, images := time.Now(), 0
		for {
			if _, err := run(x); err != nil {
				return 0, err
			}
			images += x.Shape()[0]
			if took := time.Since(start); took >= turn {
				return float64(images) / took.Seconds(), nil
			}
		}
	}
}
