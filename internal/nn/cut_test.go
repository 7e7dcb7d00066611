package nn_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"euryale/internal/borrow"
	"euryale/internal/nn"
	"euryale/qtensor"
)

// TestCutWeight cuts the file of a weight that threads are about to pack: pages that are gone are an error on
// each of them.
func TestCutWeight(t *testing.T) {
	const in, out = 1024, 2048
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, scheme := range []qtensor.Scheme{qtensor.Symmetric(8), qtensor.Int4(), qtensor.Float16()} {
		for _, transposed := range []bool{false, true} {
			for _, kept := range []int64{0, in * out / 4} {
				path := filepath.Join(t.TempDir(), "weight")
				if err := qtensor.Save(path, qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"w": quantize(t, 1, scheme, in, out)}}); err != nil {
					t.Fatal(err)
				}
				f, err := qtensor.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if !f.Mapped() {
					t.Skip("the file is not mapped")
				}
				err = borrow.View(f, "w", func(q *qtensor.QTensor) error {
					if err := os.Truncate(path, kept); err != nil {
						t.Fatal(err)
					}
					_, err := nn.PackMatrix(q, transposed, 1)
					return err
				})
				if !errors.Is(err, qtensor.ErrChanged) {
					t.Errorf("%v, transposed %v, cut to %d bytes: got error %v, want ErrChanged", scheme, transposed, kept, err)
				}
			}
		}
	}
}
