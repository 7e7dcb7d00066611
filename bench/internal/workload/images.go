package workload

import (
	"fmt"
	"slices"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Conv is a convolution of Batch images, as many rows and columns out as in.
type Conv struct{ Channels, Side, Filters, Kernel int }

// Batch is how many images a convolution has.
const Batch = 64

// Convs returns the convolutions that the module is measured by: a first layer, and two from the middle of a
// network.
func Convs() []Conv { return []Conv{{1, 28, 32, 5}, {32, 14, 64, 3}, {32, 14, 64, 5}} }

func (c Conv) String() string {
	return fmt.Sprintf("%dx%dx%dx%d to %d by %dx%d", Batch, c.Channels, c.Side, c.Side, c.Filters, c.Kernel, c.Kernel)
}

// Amount returns the operations in units of 1e9.
func (c Conv) Amount() float64 {
	return 2e-9 * float64(Batch*c.Side*c.Side) * float64(c.Filters*c.Channels*c.Kernel*c.Kernel)
}

// Pad returns the rows and columns of zeros on each side.
func (c Conv) Pad() int { return c.Kernel / 2 }

// Images are what everyone convolves.
type Images struct {
	Conv
	X       []float32      // [image][channel][row][column], from 0 on, as behind a ReLU
	W       []int8         // [filter][channel][row][column], quantized: the element is Scales[filter]·q
	Scales  []float32      // [filter]
	In, Out qtensor.Params // of X and of the result, in 8 bits
}

// NewImages returns operands of a convolution, the same at every call.
func NewImages(c Conv) (*Images, error) {
	o := NewOperands(Shape{Batch * c.Side * c.Side, c.Channels, 1})
	w := NewOperands(Shape{1, c.Channels * c.Kernel * c.Kernel, c.Filters})
	for i, x := range o.X {
		o.X[i] = max(x, -x)
	}
	i := &Images{Conv: c, X: o.X, W: w.W, Scales: w.Scales}
	var err error
	if i.In, err = params(i.X); err != nil {
		return nil, err
	}
	float, err := i.Prepare(nn.Options{})
	if err != nil {
		return nil, err
	}
	y := make([]float32, i.Outputs())
	if err := float.Run(nn.Operand{Float: y}, nn.Operand{Float: i.X}, Batch); err != nil {
		return nil, err
	}
	i.Out, err = params(y)
	return i, err
}

// params returns those of 8 bits, for the range of x.
func params(x []float32) (qtensor.Params, error) {
	return qtensor.NewParams(qtensor.Affine(8), []float32{min(0, slices.Min(x))}, []float32{slices.Max(x)})
}

// Outputs returns how many elements the result has.
func (i *Images) Outputs() int { return Batch * i.Filters * i.Side * i.Side }

// FloatWeights returns the elements of W.
func (i *Images) FloatWeights() []float32 {
	w := make([]float32, len(i.W))
	for at, q := range i.W {
		w[at] = i.Scales[at*i.Filters/len(w)] * float32(q)
	}
	return w
}

// Q returns X quantized by In.
func (i *Images) Q() []uint8 {
	q := make([]uint8, len(i.X))
	for at, x := range i.X {
		q[at] = uint8(x/i.In.Scales[0] + 0.5)
	}
	return q
}

// Static returns the options of a layer with the range of X.
func (i *Images) Static() nn.Options { return nn.Options{Activations: nn.StaticInt8, Params: i.In} }

// Prepare returns the convolution with options.
func (i *Images) Prepare(o nn.Options) (*nn.Layer, error) {
	q := tensor.New(tensor.WithShape(i.Filters, i.Channels, i.Kernel, i.Kernel), tensor.WithBacking(slices.Clone(i.W)))
	w, err := qtensor.FromCodes(q, qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 0), Scales: i.Scales})
	if err != nil {
		return nil, err
	}
	filters, err := nn.PackFilters(w, 1)
	if err != nil {
		return nil, err
	}
	window, err := nn.NewWindow([]int{i.Pad(), i.Pad()}, nil, nil)
	if err != nil {
		return nil, err
	}
	return filters.Prepare(i.Side, i.Side, window, o)
}

// ChannelsLast returns images of (channel, pixel) as (pixel, channel).
func ChannelsLast[T any](x []T, images, channels int) []T {
	y := make([]T, len(x))
	pixels := len(x) / images / channels
	for at := range x {
		c, p := at/pixels%channels, at%pixels
		y[(at/(pixels*channels)*pixels+p)*channels+c] = x[at]
	}
	return y
}
