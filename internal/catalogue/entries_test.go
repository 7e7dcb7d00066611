package catalogue

import (
	"reflect"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"
)

// entries are the exported functions of all packages.
var entries = map[string]any{
	"calib.NewCalibrator":     calib.NewCalibrator,
	"calib.Entropy":           calib.Entropy,
	"calib.HistogramL2":       calib.HistogramL2,
	"calib.LoadProfile":       calib.LoadProfile,
	"calib.MinMax":            calib.MinMax,
	"calib.MSE":               calib.MSE,
	"calib.NewMovingAverage":  calib.NewMovingAverage,
	"calib.PerChannel":        calib.PerChannel,
	"calib.Percentile":        calib.Percentile,
	"calib.ReadProfile":       calib.ReadProfile,
	"calib.WithMovingAverage": calib.WithMovingAverage,

	"exprgraph.AllowGorgonia": exprgraph.AllowGorgonia,
	"exprgraph.Attach":        exprgraph.Attach,
	"exprgraph.Embed":         exprgraph.Embed,
	"exprgraph.Read":          exprgraph.Read,
	"exprgraph.ReadBuild":     exprgraph.ReadBuild,
	"exprgraph.WithBatchAxis": exprgraph.WithBatchAxis,
	"exprgraph.WithoutBatch":  exprgraph.WithoutBatch,
	"exprgraph.WithSample":    exprgraph.WithSample,

	"model.Load":            model.Load,
	"model.New":             model.New,
	"model.Read":            model.Read,
	"model.WithMemoryLimit": model.WithMemoryLimit,

	"ops.Conv2d":              ops.Conv2d,
	"ops.Embedding":           ops.Embedding,
	"ops.FakeQuantize":        ops.FakeQuantize,
	"ops.FakeQuantizeDynamic": ops.FakeQuantizeDynamic,
	"ops.FakeQuantizeLSQ":     ops.FakeQuantizeLSQ,
	"ops.Linear":              ops.Linear,
	"ops.MatMul":              ops.MatMul,
	"ops.Pack":                ops.Pack,
	"ops.PackConv2d":          ops.PackConv2d,
	"ops.WithBias":            ops.WithBias,
	"ops.WithActivations":     ops.WithActivations,
	"ops.WithStaticInt8":      ops.WithStaticInt8,
	"ops.WithReLU":            ops.WithReLU,

	"ptq.Quantize": ptq.Quantize,

	"qtensor.Affine":              qtensor.Affine,
	"qtensor.BFloat16":            qtensor.BFloat16,
	"qtensor.Codebook":            qtensor.Codebook,
	"qtensor.Float16":             qtensor.Float16,
	"qtensor.Float8E4M3FN":        qtensor.Float8E4M3FN,
	"qtensor.Float8E5M2":          qtensor.Float8E5M2,
	"qtensor.FromCodes":           qtensor.FromCodes,
	"qtensor.Int4":                qtensor.Int4,
	"qtensor.MXFP4":               qtensor.MXFP4,
	"qtensor.NewParams":           qtensor.NewParams,
	"qtensor.Open":                qtensor.Open,
	"qtensor.ParseScheme":         qtensor.ParseScheme,
	"qtensor.PerChannelAffine":    qtensor.PerChannelAffine,
	"qtensor.PerChannelSymmetric": qtensor.PerChannelSymmetric,
	"qtensor.PowerOfTwo":          qtensor.PowerOfTwo,
	"qtensor.Quantize":            qtensor.Quantize,
	"qtensor.QuantizeWith":        qtensor.QuantizeWith,
	"qtensor.Read":                qtensor.Read,
	"qtensor.Save":                qtensor.Save,
	"qtensor.Symmetric":           qtensor.Symmetric,
	"qtensor.UInt4":               qtensor.UInt4,
	"qtensor.Uniform":             qtensor.Uniform,
	"qtensor.WithSaturation":      qtensor.WithSaturation,
	"qtensor.WithSearch":          qtensor.WithSearch,
	"qtensor.Write":               qtensor.Write,
}

// exportedTypes are those of all packages; reflection finds their methods.
var exportedTypes = []reflect.Type{
	reflect.TypeFor[calib.Bin](),
	reflect.TypeFor[calib.Histogram](),
	reflect.TypeFor[calib.MovingAverage](),
	reflect.TypeFor[calib.MovingAverageMinMax](),
	reflect.TypeFor[calib.CalibratorOption](),
	reflect.TypeFor[calib.Profile](),
	reflect.TypeFor[calib.RangeEstimator](),
	reflect.TypeFor[calib.Calibrator](),

	reflect.TypeFor[exprgraph.Build](),
	reflect.TypeFor[exprgraph.Graph](),
	reflect.TypeFor[exprgraph.Output](),
	reflect.TypeFor[exprgraph.ReadOption](),
	reflect.TypeFor[exprgraph.Report](),

	reflect.TypeFor[model.Activations](),
	reflect.TypeFor[model.Array](),
	reflect.TypeFor[model.Constant](),
	reflect.TypeFor[model.Dim](),
	reflect.TypeFor[model.Network](),
	reflect.TypeFor[model.Node](),
	reflect.TypeFor[model.Value](),
	reflect.TypeFor[model.Layer](),
	reflect.TypeFor[model.LayerInfo](),
	reflect.TypeFor[model.Model](),
	reflect.TypeFor[model.Op](),
	reflect.TypeFor[model.Option](),
	reflect.TypeFor[model.Timing](),
	reflect.TypeFor[model.Trained](),
	reflect.TypeFor[model.Type](),
	reflect.TypeFor[model.ValueInfo](),

	reflect.TypeFor[ops.Filters](),
	reflect.TypeFor[ops.LayerOption](),
	reflect.TypeFor[ops.Weight](),

	reflect.TypeFor[ptq.Config](),
	reflect.TypeFor[ptq.FoldBatchNormalization](),
	reflect.TypeFor[ptq.LayerReport](),
	reflect.TypeFor[ptq.OutputReport](),
	reflect.TypeFor[ptq.Report](),
	reflect.TypeFor[ptq.LayerRule](),
	reflect.TypeFor[ptq.Pass](),
	reflect.TypeFor[ptq.RoundToNearest](),
	reflect.TypeFor[ptq.Sample](),
	reflect.TypeFor[ptq.ScaleSearch](),
	reflect.TypeFor[ptq.Warning](),
	reflect.TypeFor[ptq.WarningKind](),
	reflect.TypeFor[ptq.Weight](),
	reflect.TypeFor[ptq.WeightQuantizer](),

	reflect.TypeFor[qtensor.Bundle](),
	reflect.TypeFor[qtensor.File](),
	reflect.TypeFor[qtensor.LevelTable](),
	reflect.TypeFor[qtensor.QuantizeOption](),
	reflect.TypeFor[qtensor.Params](),
	reflect.TypeFor[qtensor.QTensor](),
	reflect.TypeFor[qtensor.ScaleType](),
	reflect.TypeFor[qtensor.Scheme](),
	reflect.TypeFor[qtensor.Search](),
	reflect.TypeFor[qtensor.Stats](),
	reflect.TypeFor[qtensor.Storage](),
}

// exceptions are the methods that panic on a nil receiver, with the words of their documentation that say so.
var exceptions = map[string]string{
	"calib.Histogram.Merge":       "A nil h panics",
	"calib.Histogram.Observe":     "A nil h panics",
	"calib.MovingAverage.Observe": "A nil m panics",
}
