package ir

import (
	"fmt"
	"slices"

	"euryale/qtensor"
)

// biasOf returns an error for a bias whose shape is not (n).
func biasOf(in []Size, n int) error {
	if len(in) == 3 && !slices.Equal(in[2], Size{n}) {
		return fmt.Errorf("%w: bias is %v, want (%d)", qtensor.ErrShape, in[2], n)
	}
	return nil
}

// gemmRule is that of x·w + b for x of shape (m, k), w of shape (k, n), or (n, k) with transB, and b of shape
// (n).
func gemmRule(r *Resolved, in []Size) (Size, error) {
	x, w := in[0], in[1]
	if len(x) != 2 || len(w) != 2 {
		return nil, fmt.Errorf("%w: got %v and %v, want matrices", qtensor.ErrShape, x, w)
	}
	k, n := w[0], w[1]
	if r.TransB {
		k, n = n, k
	}
	if x[1] != k {
		return nil, fmt.Errorf("%w: x is %v, want (m, %d)", qtensor.ErrShape, x, k)
	}
	return Size{x[0], n}, biasOf(in, n)
}

// matMulRule is that of a·b for the last two axes, the others the same or absent in b.
func matMulRule(_ *Resolved, in []Size) (Size, error) {
	a, b := in[0], in[1]
	p, q := len(a), len(b)
	if p < 2 || q < 2 || a[p-1] != b[q-2] || q > 2 && !slices.Equal(a[:p-2], b[:q-2]) {
		return nil, fmt.Errorf("%w: got %v and %v, want (…, m, k) and (…, k, n) or (k, n)", qtensor.ErrShape, a, b)
	}
	return append(slices.Clone(a[:p-1]), b[q-1]), nil
}

// convRule is that of images (batch, channels, height, width), filters (filters, channels/group, height,
// width) and a bias (filters).
func convRule(r *Resolved, in []Size) (Size, error) {
	x, w := in[0], in[1]
	if r.Groups = r.Group; r.Group == 0 {
		r.Groups = 1
	}
	if len(x) != 4 || len(w) != 4 || w.PerBatch() || x[1] < 0 {
		return nil, fmt.Errorf("%w: got images %v and filters %v, want (batch, channels, height, width) and (filters, channels/group, height, width)", qtensor.ErrShape, x, w)
	}
	if r.Groups < 1 || x[1]%r.Groups != 0 || w[0]%r.Groups != 0 || x[1]/r.Groups != w[1] {
		return nil, fmt.Errorf("%w: got images %v, filters %v and %d groups, want as many channels as groups "+
			"times the filters', and filters that the groups divide", qtensor.ErrShape, x, w, r.Groups)
	}
	sides, err := r.windowsOver(x, w[2:])
	if err != nil {
		return nil, err
	}
	return Size{x[0], w[0], sides[0], sides[1]}, biasOf(in, w[0])
}
