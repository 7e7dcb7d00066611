// Package digits draws labelled digits in the likeness of MNIST, white strokes on black in 28 × 28 grey
// pixels, so that an example trains and measures a model with nothing to download.
//
// The shapes are those of the Go fonts. Each digit is rotated, slanted, stretched, bent, moved, made thinner
// or bolder, blurred, dimmed and covered with noise, all at random.
//
// The same seed gives the same bytes on every platform. Every value that decides a pixel is
// therefore an integer: a compiler may fuse x·y + z of floating-point numbers into one
// rounding on one machine and not on another.
package digits

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"euryale/internal/idx"
)

const (
	side     = 28        // pixels along an edge of an image
	classes  = 10        // digits
	maxCount = 1_000_000 // images: 784 MB, below the largest int of 32 bits
)

// ErrCount is wrapped when a number of digits is below 1 or above 1,000,000.
var ErrCount = errors.New("number of digits out of range")

// Write writes n digits as two IDX files in MNIST's format: images of shape (n, 28, 28), 0 black to 255
// white, and their labels. Every label occurs n/10 times, rounded down or up, in random order. The bytes
// depend on n and seed alone. Errors wrap ErrCount or come from the writers.
func Write(images, labels io.Writer, n int, seed uint64) error {
	if n < 1 || n > maxCount {
		return fmt.Errorf("digits: Write: %w: got %d, want 1 to %d", ErrCount, n, maxCount)
	}
	shapes, err := loadShapes()
	if err != nil {
		return fmt.Errorf("digits: Write: %w", err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	drawn := make([]byte, n)
	for i := range drawn {
		drawn[i] = byte(i % classes)
	}
	rng.Shuffle(n, func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })

	pictures := &idx.Images{Count: n, Rows: side, Cols: side, Pixels: make([]byte, n*side*side)}
	pen := newPen(rng)
	for i, digit := range drawn {
		styles := shapes[digit]
		pen.draw(pictures.Image(i), styles[rng.IntN(len(styles))])
	}
	if err := idx.WriteImages(images, pictures); err != nil {
		return fmt.Errorf("digits: Write: %w", err)
	}
	if err := idx.WriteLabels(labels, drawn); err != nil {
		return fmt.Errorf("digits: Write: %w", err)
	}
	return nil
}
