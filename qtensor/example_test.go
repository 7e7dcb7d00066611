package qtensor_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Quantize a matrix with a scale for each column, and see what it became and what it cost.
func Example() {
	weights := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{0.9, -20, -1.27, 12.1, 0.304, 25.4}))
	q, err := qtensor.Quantize(weights, qtensor.PerChannelSymmetric(8, 1))
	check(err)
	fmt.Println(q)
	fmt.Println("codes", q.Codes().Data(), "scales", q.Params().Scales)
	back, err := q.Dequantize(tensor.Float32)
	check(err)
	fmt.Println("back", back.Data())
	cost, err := q.Compare(weights)
	check(err)
	fmt.Printf("SQNR %.1f dB, nothing off by more than %.1g\n", cost.SQNR, cost.Max)
	// Output:
	// QTensor (3, 2) symmetric8@1, 14 bytes, 18.67 bits per element, 2 scales 0.01 to 0.2
	// codes [90 -100 -127 60 30 127] scales [0.01 0.2]
	// back [0.9 -20 -1.27 12 0.29999998 25.4]
	// SQNR 50.8 dB, nothing off by more than 0.1
}

// How many elements share a scale decides how many scales there are.
func ExampleScheme() {
	weight := tensor.Shape{128, 512} // (in, out)
	for _, s := range []qtensor.Scheme{
		qtensor.Symmetric(8),
		qtensor.PerChannelSymmetric(8, 1),
		qtensor.Int4().PerGroup(1, 32),
		qtensor.UInt4().PerAxis(1),
	} {
		blocks, err := s.Blocks(weight)
		check(err)
		low, high := s.CodeRange()
		fmt.Printf("%v: %d bits as %v, q in %d to %d, blocks: %d\n", s, s.Bits(), s.Storage(), low, high, blocks)
	}
	// Output:
	// symmetric8: 8 bits as int8, q in -127 to 127, blocks: 1
	// symmetric8@1: 8 bits as int8, q in -127 to 127, blocks: 512
	// int4/g32@1: 4 bits as int4, q in -7 to 7, blocks: 2048
	// uint4@1: 4 bits as uint4, q in 0 to 15, blocks: 512
}

// A scheme is a value, and a text.
func ExampleParseScheme() {
	for _, s := range []qtensor.Scheme{
		qtensor.Affine(8),
		qtensor.PerChannelAffine(8, 1),
		qtensor.Int4().PerGroup(1, 32).WithScales(qtensor.ScaleFloat16),
	} {
		parsed, err := qtensor.ParseScheme(s.String())
		fmt.Println(s, s.Method(), parsed == s, err)
	}
	_, err := qtensor.ParseScheme("affine9")
	fmt.Println(err)
	// Output:
	// affine8 Affine true <nil>
	// affine8@1 PerChannelAffine true <nil>
	// int4/g32@1/f16 Int4 true <nil>
	// qtensor: ParseScheme: "affine9": wrong scheme: got 9 bits, want 2 to 8
}

// The same values under each method.
func ExampleQuantize() {
	x := tensor.New(tensor.WithBacking([]float32{-0.5, 0, 0.25, 1}))
	for _, s := range []qtensor.Scheme{
		qtensor.Symmetric(4), qtensor.Affine(4), qtensor.PowerOfTwo(4), qtensor.Uniform(4), qtensor.Float16(),
	} {
		q, err := qtensor.Quantize(x, s)
		check(err)
		r, err := q.Dequantize(tensor.Float32)
		check(err)
		p := q.Params()
		fmt.Printf("%v: codes %v, s %.3g, z %v, lo %v, r %.3g\n", s, q.Codes().Data(), p.Scales, p.ZeroPoints, p.Offsets, r.Data())
	}
	// Output:
	// symmetric4: codes [-3 0 2 7], s [0.143], z [], lo [], r [-0.429 0 0.286 1]
	// affine4: codes [0 5 7 15], s [0.1], z [5], lo [], r [-0.5 0 0.2 1]
	// poweroftwo4: codes [0 4 6 12], s [0.125], z [4], lo [], r [-0.5 0 0.25 1]
	// uniform4: codes [0 5 7 15], s [0.1], z [], lo [-0.5], r [-0.5 7.45e-09 0.2 1]
	// float16: codes [47104 0 13312 15360], s [], z [], lo [], r [-0.5 0 0.25 1]
}

// Values outside of the range that the parameters were made for saturate, and Compare counts them.
func ExampleQuantizeWith() {
	p, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{4.1})
	check(err)
	x := tensor.New(tensor.WithBacking([]float32{-3, -1, 0, 2, 100}))
	q, err := qtensor.QuantizeWith(x, p)
	check(err)
	stats, err := q.Compare(x)
	check(err)
	fmt.Println(q.Codes().Data(), p.Scales, p.ZeroPoints)
	fmt.Printf("%.0f%% clipped\n", 100*stats.Clipped)
	// Output:
	// [0 0 50 150 255] [0.02] [50]
	// 40% clipped
}

// Quantized values of another tool, such as int_repr, q_per_channel_scales and q_per_channel_zero_points of
// PyTorch give them, with a scale for each row of a weight (out, in), transposed to (in, out).
func ExampleFromCodes() {
	codes := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]uint8{0, 128, 255, 10, 20, 30}))
	q, err := qtensor.FromCodes(codes, qtensor.Params{
		Scheme:     qtensor.PerChannelAffine(8, 0),
		Scales:     []float32{0.5, 2},
		ZeroPoints: []int32{128, 20},
	})
	check(err)
	weight, err := q.T()
	check(err)
	r, err := weight.Dequantize(tensor.Float32)
	check(err)
	fmt.Println(weight.Shape(), weight.Scheme(), r.Data())
	// Output:
	// (3, 2) affine8@1 [-64 -20 0 0 63.5 20]
}

// A float16 has no value past 65,504.
func ExampleWithSaturation() {
	x := tensor.New(tensor.WithBacking([]float32{1, -1e6}))
	_, err := qtensor.Quantize(x, qtensor.Float16())
	fmt.Println(errors.Is(err, qtensor.ErrValue))
	q, err := qtensor.Quantize(x, qtensor.Float16(), qtensor.WithSaturation())
	check(err)
	r, err := q.Dequantize(tensor.Float32)
	check(err)
	fmt.Println(r.Data())
	// Output:
	// true
	// [1 -65504]
}

// Save tensors by name to one file, and read one of them.
func ExampleSave() {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	q, err := qtensor.Quantize(tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, -2, 3, -4, 5, -7})), qtensor.Int4())
	check(err)
	check(qtensor.Save(path, qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{"layer": q},
		Float:     map[string]*tensor.Dense{"layer.bias": tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{0, 1, 0}))},
		Meta:      map[string]string{"trained on": "nothing"},
	}))
	f, err := qtensor.Open(path)
	check(err)
	defer f.Close()
	fmt.Println(f.Quantized(), f.Floats(), f.Meta())
	layer, err := f.QTensor("layer")
	check(err)
	fmt.Println(layer, layer.Codes().Data())
	// Output:
	// [layer] [layer.bias] map[trained on:nothing]
	// QTensor (2, 3) int4, 7 bytes, 9.33 bits per element, scale 1 [1 -2 3 -4 5 -7]
}

// Read takes a file from memory, such as one that go:embed has in the program.
func ExampleRead() {
	q, err := qtensor.Quantize(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 127})), qtensor.Symmetric(8))
	check(err)
	var file bytes.Buffer
	check(qtensor.Write(&file, qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"fc1": q}}))

	f, err := qtensor.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	check(err)
	scheme, shape, err := f.Scheme("fc1") // reads no tensor
	fmt.Println(scheme, shape, err)
	read, err := f.QTensor("fc1")
	fmt.Println(read, err)
	// Output:
	// symmetric8 (2, 2) <nil>
	// QTensor (2, 2) symmetric8, 8 bytes, 16.00 bits per element, scale 1 <nil>
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
