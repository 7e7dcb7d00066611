package nn_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/isa"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

func TestNewWindow(t *testing.T) {
	one := [2]int{1, 1}
	for _, c := range []struct {
		pads []int
		want [4]int
	}{
		{nil, [4]int{}},
		{[]int{1, 2}, [4]int{1, 2, 1, 2}},
		{[]int{1, 2, 3, 4}, [4]int{1, 2, 3, 4}},
		{[]int{0, 0, 0, 1 << 15}, [4]int{0, 0, 0, 1 << 15}},
	} {
		if w, err := nn.NewWindow(c.pads, nil, []int{3, 2}); err != nil || w != (nn.Window{Pad: c.want, Stride: one, Dilation: [2]int{3, 2}}) {
			t.Errorf("pads %v: got %+v, %v, want %v", c.pads, w, err, c.want)
		}
	}
	for _, c := range [][3][]int{
		{{}},
		{{1}},
		{{1, 1, 1}},
		{{1, 1, 1, 1, 1}},
		{{0, -1}},
		{{0, 0, 0, -1}},
		{{0, 0, 0, 1<<15 + 1}},
		{nil, {1, 1, 1, 1}},
		{nil, {1, 0}},
		{nil, nil, {1, 1, 1, 1}},
		{nil, nil, {}},
	} {
		if w, err := nn.NewWindow(c[0], c[1], c[2]); !errors.Is(err, qtensor.ErrShape) || w != (nn.Window{}) {
			t.Errorf("%v: got %+v, %v, want ErrShape", c, w, err)
		}
	}
}

// paddedCase is a convolution with pads of four sizes.
type paddedCase struct {
	samples, groups, in, out, height, width int
	kernel, pads, stride, dilation          []int
}

func (c paddedCase) String() string {
	return fmt.Sprintf("%d images of %d×%d×%d, filters (%d, %d, %d, %d) in %d groups, pads %v, stride %v, dilation %v",
		c.samples, c.groups*c.in, c.height, c.width, c.out, c.in, c.kernel[0], c.kernel[1], c.groups, c.pads, c.stride, c.dilation)
}

// unequal returns a convolution with pads of up to the kernel's size on each side, whose kernel is up to as
// large as the padded image.
func unequal(rng *rand.Rand) paddedCase {
	pick := func(list ...int) int { return list[rng.IntN(len(list))] }
	c := paddedCase{
		samples: 1 + rng.IntN(2), groups: pick(1, 1, 1, 2, 3), in: pick(1, 2, 3, 4, 5, 16, 17),
		kernel: make([]int, 2), pads: make([]int, 4), stride: make([]int, 2), dilation: make([]int, 2),
	}
	c.out = c.groups * pick(1, 3, 16, 18)
	if rng.IntN(4) == 0 { // depthwise
		c.groups, c.in = pick(2, 5, 16, 20), 1
		c.out = c.groups
	}
	sizes := [2]int{1 + rng.IntN(8), 2 + rng.IntN(8)}
	if rng.IntN(3) == 0 {
		sizes[1] += 30
	}
	for i, size := range sizes {
		for span := size + 99; span > size+c.pads[i]+c.pads[i+2]; span = (c.kernel[i]-1)*c.dilation[i] + 1 {
			c.kernel[i], c.stride[i], c.dilation[i] = 1+rng.IntN(5), 1+rng.IntN(3), 1+rng.IntN(3)
			c.pads[i], c.pads[i+2] = rng.IntN(c.kernel[i]+1), rng.IntN(c.kernel[i]+1)
			if rng.IntN(4) == 0 && size < 10 {
				c.kernel[i], c.dilation[i] = size+c.pads[i]+c.pads[i+2], 1
			}
		}
	}
	c.height, c.width = sizes[0], sizes[1]
	return c
}

// exactFilters returns small integers times powers of two.
func (c paddedCase) exactFilters(t *testing.T, rng *rand.Rand, s qtensor.Scheme) *qtensor.QTensor {
	t.Helper()
	shape := tensor.Shape{c.out, c.in, c.kernel[0], c.kernel[1]}
	q, err := qtensor.Quantize(newTensor(gaussians(rng, shape.TotalSize()), shape...), s)
	if err != nil {
		t.Fatal(err)
	}
	p := q.Params()
	p.Min, p.Max = nil, nil
	for i := range p.Scales {
		p.Scales[i] = []float32{0.5, 1, 2}[rng.IntN(3)]
	}
	for i := range p.ZeroPoints {
		p.ZeroPoints[i] = rng.Int32N(8)
	}
	for i := range p.Offsets {
		p.Offsets[i] = float32(rng.IntN(9) - 4)
	}
	values := tensor.New(tensor.Of(q.Codes().Dtype()), tensor.WithShape(shape...))
	for i := range shape.TotalSize() {
		if q := rng.IntN(8); values.Dtype() == tensor.Int8 {
			values.Int8s()[i] = int8(q - 4)
		} else {
			values.Uint8s()[i] = uint8(q)
		}
	}
	if q, err = qtensor.FromCodes(values, p); err != nil {
		t.Fatal(err)
	}
	return q
}

// exactImages returns integers, among them −100 and 155 in each channel, which 8 bits represent with a scale
// of 1 and a zero point of 100.
func (c paddedCase) exactImages(rng *rand.Rand) []float32 {
	pixels := c.height * c.width
	x := make([]float32, c.samples*c.groups*c.in*pixels)
	for i := range x {
		x[i] = float32(rng.IntN(256) - 100)
		switch i % pixels {
		case 0:
			x[i] = -100
		case pixels - 1:
			x[i] = 155
		}
	}
	return x
}

// padded returns c with pads of 0, of images around which these are.
func (c paddedCase) padded(x []float32) (paddedCase, []float32) {
	height, width := c.pads[0]+c.height+c.pads[2], c.pads[1]+c.width+c.pads[3]
	y := make([]float32, c.samples*c.groups*c.in*height*width)
	for i := range c.samples * c.groups * c.in {
		for r := range c.height {
			copy(y[(i*height+c.pads[0]+r)*width+c.pads[1]:], x[(i*c.height+r)*c.width:][:c.width])
		}
	}
	c.height, c.width, c.pads = height, width, nil
	return c, y
}

// convolution returns what the doc of Prepare says, and the shape of an image of it.
func (c paddedCase) convolution(t *testing.T, x []float32, q *qtensor.QTensor, bias []float32, relu bool) ([]float32, tensor.Shape) {
	t.Helper()
	filters, err := q.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	w, size := filters.Float32s(), c.in*c.kernel[0]*c.kernel[1]
	places := func(i, side int) (n int) {
		for begin := 0; begin+(c.kernel[i]-1)*c.dilation[i] < side; begin += c.stride[i] {
			n++
		}
		return n
	}
	height, width := places(0, c.pads[0]+c.height+c.pads[2]), places(1, c.pads[1]+c.width+c.pads[3])
	y := make([]float32, 0, c.samples*c.out*height*width)
	for at := range cap(y) {
		i, j, o, sample := at/width%height, at%width, at/width/height%c.out, at/width/height/c.out
		sum := float64(bias[o])
		for p := range size {
			channel := sample*c.groups*c.in + o/(c.out/c.groups)*c.in + p/c.kernel[1]/c.kernel[0]
			row := i*c.stride[0] + p/c.kernel[1]%c.kernel[0]*c.dilation[0] - c.pads[0]
			column := j*c.stride[1] + p%c.kernel[1]*c.dilation[1] - c.pads[1]
			if row >= 0 && row < c.height && column >= 0 && column < c.width {
				sum += float64(w[o*size+p]) * float64(x[(channel*c.height+row)*c.width+column])
			}
		}
		if relu {
			sum = max(sum, 0)
		}
		if float64(float32(sum)) != sum {
			t.Fatalf("%v: %v is not exact", c, sum)
		}
		y = append(y, float32(sum))
	}
	return y, tensor.Shape{c.out, height, width}
}

// TestPads compares convolutions with pads of four sizes, bit for bit, with the equation of Prepare's doc, of
// values that every arithmetic sums exactly, and with convolutions of images that were padded with zeros: of
// every scheme and activations, in groups and depthwise, float32 and quantized, with all kernels.
func TestPads(t *testing.T) {
	tried := 200
	if testing.Short() {
		tried = 20
	}
	rng := rand.New(rand.NewPCG(21, 21))
	options := []nn.Options{fixed24, fixed16, dynamicInt8, over(t, -100, 155)}
	schemes := []qtensor.Scheme{
		qtensor.PerChannelSymmetric(8, 0), qtensor.Symmetric(8), qtensor.Int4().PerAxis(0), qtensor.PerChannelAffine(8, 0),
		qtensor.Uniform(8), qtensor.UInt4(), qtensor.Int4().PerGroup(0, 4), qtensor.Affine(8).PerGroup(0, 6),
	}
	runs := map[string]int{}
	for number := range tried {
		c := unequal(rng)
		x := c.exactImages(rng)
		byHand, xByHand := c.padded(x)
		bias := make([]float32, c.out)
		for i := range bias {
			bias[i] = float32(rng.IntN(4001) - 2000)
		}
		for _, s := range []qtensor.Scheme{schemes[0], schemes[1+number%(len(schemes)-1)]} {
			q := c.exactFilters(t, rng, s)
			filters := mustPackFilters(t, q, c.groups)
			want, shape := c.convolution(t, x, q, bias, number%2 == 0)
			for _, o := range options {
				o.Bias, o.ReLU = bias, number%2 == 0
				layer := func(c paddedCase) *nn.Layer {
					l, err := filters.Prepare(c.height, c.width, window(t, c.pads, c.stride, c.dilation), o)
					if err != nil {
						t.Fatalf("%v: %v", c, err)
					}
					io := nn.ConvIO(o, s, []int{c.groups * c.in, c.height, c.width}, q.Shape(), c.pads, c.groups)
					if !l.Out().Eq(shape) || l.IO() != io {
						t.Fatalf("%v: got results %v with %+v, want %v with %+v", c, l.Out(), l.IO(), shape, io)
					}
					return l
				}
				check := func(how string, l *nn.Layer, c paddedCase, x []float32) {
					eachOperand(t, l, c, x, want, func(tier isa.Tier, y, x nn.Operand, equal func() bool) {
						if err := l.Run(y, x, c.samples); err != nil || !equal() {
							t.Fatalf("%v, %v, %v, %v, %s, quantized x %t, quantized y %t: error %v, or other bits", c, s, o.Activations, tier, how,
								x.Quantized != nil, y.Quantized != nil, err)
						}
						runs[fmt.Sprintf("%v to quantized %t", o.Activations, y.Quantized != nil)]++
					})
				}
				check("padded", layer(c), c, x)
				check("padded by hand", layer(byHand), byHand, xByHand)
			}
		}
	}
	t.Logf("%d geometries, in runs %v", tried, runs)
}

// eachOperand calls do with x as float32 and quantized, and with y as either, as far as l takes and gives
// them, for all kernels. equal reports whether y is what is wanted.
func eachOperand(t *testing.T, l *nn.Layer, c paddedCase, x, want []float32, do func(tier isa.Tier, y, x nn.Operand, equal func() bool)) {
	t.Helper()
	from := []nn.Operand{{Float: x}}
	if io := l.IO(); io.TakesQuantized {
		q := make([]uint8, len(x))
		for i, v := range x {
			q[i] = uint8(v + 100)
		}
		from = append(from, nn.Operand{Quantized: channelsLast(q, c.samples, c.groups*c.in), Params: io.Params})
	}
	params := nn.QuantParams{Scale: 64, Zero: 100, High: 255}
	wantQuantized := make([]uint8, len(want))
	for i, v := range want {
		wantQuantized[i] = uint8(min(max(math.RoundToEven(float64(v)/64)+100, 0), 255))
	}
	wantQuantized = channelsLast(wantQuantized, c.samples, c.out)
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			continue
		}
		restore := isa.Use(tier)
		for _, x := range from {
			y := nn.Operand{Float: slices.Repeat([]float32{7}, len(want))}
			do(tier, y, x, func() bool { return sameBits(y.Float, want) })
			if l.IO().GivesQuantized {
				y := nn.Operand{Quantized: slices.Repeat([]uint8{7}, len(want)), Params: params}
				do(tier, y, x, func() bool { return slices.Equal(y.Quantized, wantQuantized) })
			}
		}
		restore()
	}
}

// sameBits reports whether a and b are equal to the bit.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}
