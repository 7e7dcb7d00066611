// Package calib observes activations on samples, and turns their ranges into the quantization parameters of
// any scheme, as PyTorch's observers do.
//
// ptq.Quantize calibrates a model by itself. This package is for calibration by hand, for profiles that are
// kept or merged, and for range estimators of one's own: ptq.Config takes a Profile and a RangeEstimator.
//
//	c, err := calib.NewCalibrator(map[string]tensor.Shape{"fc1.in": nil}) // a key for each point
//	err = c.Observe("fc1.in", x)                                          // for each batch
//	p := c.Profile()                                                      // Save keeps it
//	params, err := p.Params("fc1.in", qtensor.Affine(8), calib.MinMax())  // for ops.WithStaticInt8
//
// The exports by subject:
//
//   - [Calibrator] records named points of a network. exprgraph.Attach makes one whose points are nodes of a
//     Gorgonia graph.
//   - [Histogram] counts the values that were observed, in fixed memory: in bins of one width ([Bin]).
//   - [Profile] holds histograms by key, is merged with others, and is saved as JSON.
//   - [RangeEstimator] makes a range of a histogram, from which Profile.Params makes qtensor.Params. [MinMax]
//     clips nothing, [Percentile] a share of the values, and [MSE], [Entropy] and [HistogramL2] what makes
//     quantizing lose least: squared error (MSE and HistogramL2), or Kullback-Leibler divergence.
//   - [MovingAverage] follows the range from batch to batch. It needs no histogram, but cannot be merged.
//     [MovingAverageMinMax] has ptq.Quantize take the ranges of one.
//
// Observing and estimating are separate: one Profile serves 8 bits and 4, and any estimator. Profiles of
// several machines merge, in whatever order, into exactly the profile that one machine would have made of all
// samples.
//
// A key is any UTF-8 text but "". NaN and the infinities are counted, and are in no range. Docs name the
// sentinels that an error may wrap: those below, and those of package qtensor. A panic of an io.Reader or
// io.Writer that is passed in, or an impossible count from it, is an error too.
package calib
