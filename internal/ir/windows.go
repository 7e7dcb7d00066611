package ir

import (
	"fmt"
	"slices"

	"euryale/qtensor"
)

// MaxSide bounds pads and the sides of kernels, strides and dilations.
const MaxSide = 1 << 15

// Windows is how a kernel goes over an image: pairs are height and width, Pads top, left, bottom and right.
type Windows struct {
	Kernel, Strides, Dilations [2]int
	Pads                       [4]int
}

// setSides copies the numbers of an attribute, each from least to MaxSide. It leaves to as it is where the
// attribute is not given.
func setSides(to []int, name attribute, given []int, least int) error {
	if given == nil {
		return nil
	}
	if len(given) != len(to) || slices.Min(given) < least || slices.Max(given) > MaxSide {
		return fmt.Errorf("%w: %v is %v, want %d numbers from %d to %d", qtensor.ErrParams, name, given, len(to), least, MaxSide)
	}
	copy(to, given)
	return nil
}

// windowsOver sets Windows for a kernel of so many rows and columns, and returns the height and width of the
// result for images, (…, …, height, width).
func (r *Resolved) windowsOver(images Size, kernel []int) (sides [2]int, err error) {
	w := Windows{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}}
	for _, a := range []struct {
		to    []int
		name  attribute
		given []int
		least int
	}{
		{w.Kernel[:], attrKernelShape, kernel, 1},
		{w.Strides[:], attrStrides, r.Strides, 1},
		{w.Pads[:], attrPads, r.Pads, 0},
		{w.Dilations[:], attrDilations, r.Dilations, 1},
	} {
		if err := setSides(a.to, a.name, a.given, a.least); err != nil {
			return sides, err
		}
	}
	if w.Kernel[0] == 0 {
		return sides, fmt.Errorf("%w: got no kernel_shape, want height and width", qtensor.ErrParams)
	}
	r.Windows = w
	return w.over(images)
}

// over returns the height and width of the result for images:
//
//	⌊(size + pads − dilation·(kernel − 1) − 1)/stride⌋ + 1
func (w Windows) over(images Size) (sides [2]int, err error) {
	if len(images) != 4 || images[2] < 0 || images[3] < 0 {
		return sides, fmt.Errorf("%w: images are %v, want (batch, channels, height, width)", qtensor.ErrShape, images)
	}
	for i, n := range images[2:] {
		padded, span := n+w.Pads[i]+w.Pads[i+2], w.Dilations[i]*(w.Kernel[i]-1)+1
		if padded > MaxElements || span > padded {
			return sides, fmt.Errorf("%w: images are %v with pads of %v, want sides from the kernel's %d to %d", qtensor.ErrShape, images, w.Pads, span, MaxElements)
		}
		sides[i] = (padded-span)/w.Strides[i] + 1
	}
	return sides, nil
}

// poolRule is that of a pool of images (batch, channels, height, width).
func poolRule(r *Resolved, in []Size) (Size, error) {
	sides, err := r.windowsOver(in[0], r.Kernel)
	if err != nil {
		return nil, err
	}
	for i, pad := range r.Windows.Pads {
		if pad >= r.Windows.Kernel[i%2] {
			return nil, fmt.Errorf("%w: pads are %v, want less than the kernel's %v", qtensor.ErrParams, r.Windows.Pads, r.Windows.Kernel)
		}
	}
	return Size{in[0][0], in[0][1], sides[0], sides[1]}, nil
}

// globalPoolRule is that of a pool whose only window is all of an image.
func globalPoolRule(r *Resolved, in []Size) (Size, error) {
	if len(in[0]) != 4 || in[0][2] < 0 || in[0][3] < 0 {
		return nil, fmt.Errorf("%w: images are %v, want (batch, channels, height, width)", qtensor.ErrShape, in[0])
	}
	r.Windows = Windows{Kernel: [2]int(in[0][2:]), Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}}
	return Size{in[0][0], in[0][1], 1, 1}, nil
}
