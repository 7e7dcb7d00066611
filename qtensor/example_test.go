package qtensor_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Quantize a matrix with a scale for each column, and see what it became and what it cost.
func Example() {
	weights := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{
		0.9, -20,
		-1.27, 12.1,
		0.304, 25.4,
	}))
	q, err := qtensor.Quantize(weights, qtensor.PerChannelSymmetric(8, 1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(q)
	fmt.Println("codes", q.Codes().Data(), "scales", q.Params().Scales)

	back, err := q.Dequantize(tensor.Float32)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("back", back.Data())
	cost, err := q.Compare(weights)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("SQNR %.1f dB, nothing off by more than %.1g\n", cost.SQNR, cost.Max)
	// Output:
	// QTensor (3, 2) symmetric8@1, 14 bytes, 18.67 bits per element, 2 scales 0.01 to 0.2
	// codes [90 -100 -127 60 30 127] scales [0.01 0.2]
	// back [0.9 -20 -1.27 12 0.29999998 25.4]
	// SQNR 50.8 dB, nothing off by more than 0.1
}

// The ten methods have one vocabulary, which is also text.
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

// Save tensors by name to one file, and read one of them.
func ExampleSave() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	weight := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, -2, 3, -4, 5, -7}))
	q, err := qtensor.Quantize(weight, qtensor.Int4())
	if err != nil {
		log.Fatal(err)
	}
	err = qtensor.Save(path, qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{"layer": q},
		Float:     map[string]*tensor.Dense{"layer.bias": tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{0, 1, 0}))},
		Meta:      map[string]string{"trained on": "nothing"},
	})
	if err != nil {
		log.Fatal(err)
	}

	f, err := qtensor.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Quantized(), f.Floats(), f.Meta())
	layer, err := f.QTensor("layer")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(layer, layer.Codes().Data())
	// Output:
	// [layer] [layer.bias] map[trained on:nothing]
	// QTensor (2, 3) int4, 7 bytes, 9.33 bits per element, scale 1 [1 -2 3 -4 5 -7]
}
