package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"

	"euryale/examples/mnist/digits"
	"euryale/internal/idx"

	"gorgonia.org/tensor"
)

const (
	side   = 28
	pixels = side * side
	labels = 10
	// The built-in digits are as many as MNIST's test set, which is cut in the same way.
	builtin = 10000
)

// dataset is digits to train on and others to test on.
type dataset struct {
	name        string
	train, test subset
}

// subset is digits begin … end of a set.
type subset struct {
	set        *idx.Set
	begin, end int
}

func (s subset) count() int { return s.end - s.begin }

// image and label return what digit i, counted from 0, looks like and is.
func (s subset) image(i int) []byte { return s.set.Images.Image(s.begin + i) }
func (s subset) label(i int) int    { return int(s.set.Labels[s.begin+i]) }

// batch returns the given digits, (len(which), 784), with pixels in 0 … 1.
func (s subset) batch(which []int) *tensor.Dense {
	x := make([]float32, 0, len(which)*pixels)
	for _, i := range which {
		for _, p := range s.image(i) {
			x = append(x, float32(p)/255)
		}
	}
	return tensor.New(tensor.WithShape(len(which), pixels), tensor.WithBacking(x))
}

// loadData reads the IDX files in dir, or draws digits where dir is empty. Where there is one set only, its
// first 80% trains and the rest tests.
func loadData(dir string, seed uint64) (*dataset, error) {
	if dir == "" {
		set, err := drawDigits(seed)
		if err != nil {
			return nil, err
		}
		return split("built-in digits", set), nil
	}
	train, trainErr := idx.OpenSet(dir, "train")
	test, testErr := idx.OpenSet(dir, "t10k")
	for _, err := range []error{trainErr, testErr} {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, set := range []*idx.Set{train, test} {
		if set != nil && (set.Images.Rows != side || set.Images.Cols != side) {
			return nil, fmt.Errorf("images in %s are %d×%d, want %d×%d", dir, set.Images.Rows, set.Images.Cols, side, side)
		}
		if set != nil && set.Images.Count < 100 {
			return nil, fmt.Errorf("%s has a set of %d images, want at least 100", dir, set.Images.Count)
		}
	}
	switch {
	case trainErr != nil && testErr != nil:
		return nil, fmt.Errorf("no set of digits in %s: %w; %w", dir, trainErr, testErr)
	case trainErr != nil:
		return split("MNIST t10k", test), nil
	case testErr != nil:
		return split("MNIST train", train), nil
	}
	return &dataset{"MNIST", subset{train, 0, train.Images.Count}, subset{test, 0, test.Images.Count}}, nil
}

func split(name string, set *idx.Set) *dataset {
	n := set.Images.Count
	return &dataset{name, subset{set, 0, n * 4 / 5}, subset{set, n * 4 / 5, n}}
}

// drawDigits returns digits drawn from fonts, through the reader that real ones come through.
func drawDigits(seed uint64) (*idx.Set, error) {
	var images, labels bytes.Buffer
	if err := digits.Write(&images, &labels, builtin, seed); err != nil {
		return nil, err
	}
	return idx.ReadSet(&images, &labels)
}

// fingerprint tells training sets apart.
func (s subset) fingerprint() string {
	h := sha256.New()
	for i := range s.count() {
		_, _ = h.Write(s.image(i)) // a hash never fails
		_, _ = h.Write([]byte{byte(s.label(i))})
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
