package main

import (
	"context"

	"euryale/calib"

	"gorgonia.org/gorgonia"
)

// calibrationDigits is how many training digits are shown to the float graph.
const calibrationDigits = 512

// calibrate returns the histogram of what goes into each layer.
func calibrate(ctx context.Context, net network, data subset) (*calib.Profile, error) {
	g, err := floatGraph(net, batchSize)
	if err != nil {
		return nil, err
	}
	points := map[string]*gorgonia.Node{}
	for i, n := range g.inputs {
		points[inputKey(i)] = n
	}
	watch, err := calib.Attach(g.g, points)
	if err != nil {
		return nil, err
	}
	g.start(gorgonia.EvalMode())
	defer g.machine.Close()
	for begin := 0; begin+batchSize <= min(calibrationDigits, data.count()); begin += batchSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := g.run(data.batch(count(begin, batchSize))); err != nil {
			return nil, err
		}
	}
	return watch.Profile(), nil
}

// count returns n numbers from begin on.
func count(begin, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = begin + i
	}
	return s
}
