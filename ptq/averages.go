package ptq

import (
	"fmt"
	"maps"
	"slices"

	"euryale/calib"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// averages are moving averages of values that estimators take ranges of, by value and constant.
type averages map[string]map[calib.MovingAverageMinMax]*calib.MovingAverage

// averages returns those that a plan needs, of nothing yet.
func (s selection) averages() averages {
	all := averages{}
	for _, v := range s.sums.values {
		all.add(v, s.estimator)
	}
	for _, t := range s.targets {
		if t.estimated() {
			all.add(t.input(), t.estimator)
		}
	}
	return all
}

// add adds the average that an estimator takes, if it takes one.
func (a averages) add(value string, e calib.RangeEstimator) {
	c, ok := e.(calib.MovingAverageMinMax)
	if !ok {
		return
	}
	if a[value] == nil {
		a[value] = map[calib.MovingAverageMinMax]*calib.MovingAverage{}
	}
	a[value][c], _ = calib.NewMovingAverage(float64(c)) // checked by Config.check
}

// check reports an average of a value that the samples are not to show, since Config.Profile has it.
func (a averages) check(missing map[string]tensor.Shape) error {
	for _, v := range slices.Sorted(maps.Keys(a)) {
		if _, ok := missing[v]; !ok {
			return fmt.Errorf("Config.Profile: value %q: %w: got a histogram for a moving average, which needs the order of the samples, "+
				"want a Profile without the value", v, calib.ErrOption)
		}
	}
	return nil
}

// observe adds a batch of a value.
func (a averages) observe(value string, x []float32) {
	for _, m := range a[value] {
		m.Observe(x)
	}
}

// params returns the parameters of 8 bits of a value, for the range that an estimator makes.
func (c collected) params(value string, e calib.RangeEstimator) (qtensor.Params, error) {
	constant, ok := e.(calib.MovingAverageMinMax)
	if !ok {
		return c.profile.Params(value, qtensor.Affine(8), e)
	}
	lo, hi, err := c.averages[value][constant].Range()
	if err != nil {
		return qtensor.Params{}, fmt.Errorf("%v: %w", e, err)
	}
	return qtensor.NewParams(qtensor.Affine(8), []float32{lo}, []float32{hi})
}
