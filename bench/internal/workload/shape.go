// Package workload has what the programs that measure are asked to do: shapes, operands, packed weights, and
// the flags that choose among them.
package workload

import (
	"fmt"
	"strconv"
	"strings"
)

// Shape is of a product, m×k times k×n, or with N = 0, of a conversion of M·K elements.
type Shape struct{ M, K, N int }

// Shapes returns the products that the module is measured by.
func Shapes() []Shape {
	return []Shape{
		{1, 4096, 4096},
		{1, 4096, 11008},
		{8, 4096, 4096},
		{32, 1024, 1024},
		{64, 784, 512},
		{512, 1024, 1024},
		{1024, 1024, 1024},
		{512, 4096, 4096},
	}
}

// Beyond is a product whose weight no cache holds, in few bits either.
func Beyond() Shape { return Shape{1, 8192, 22016} }

// Conversion is 64 MiB of float32, beyond the caches.
func Conversion() Shape { return Shape{M: 1, K: 64 << 20 / 4} }

// largest bounds a dimension: products of two stay far within 63 bits, and ten times the largest in use fits.
const largest = 1 << 17

// ParseShape reads m×k×n as in 32x1024x1024.
func ParseShape(s string) (Shape, error) {
	var d [3]int
	parts := strings.Split(s, "x")
	if len(parts) != len(d) {
		return Shape{}, fmt.Errorf("got shape %q, want m x k x n as in 32x1024x1024", s)
	}
	for i, part := range parts {
		var err error
		if d[i], err = strconv.Atoi(part); err != nil || d[i] < 1 || d[i] > largest {
			return Shape{}, fmt.Errorf("got shape %q, want three sizes from 1 to %d", s, largest)
		}
	}
	return Shape{d[0], d[1], d[2]}, nil
}

func (s Shape) String() string {
	if s.N == 0 {
		return fmt.Sprintf("%d floats", s.M*s.K)
	}
	return fmt.Sprintf("%dx%dx%d", s.M, s.K, s.N)
}

// Amount returns the work in units of 1e9: 2·m·k·n operations of a product, 5 bytes for an element that is
// converted between float32 and uint8.
func (s Shape) Amount() float64 {
	if s.N == 0 {
		return 5e-9 * float64(s.M) * float64(s.K)
	}
	return 2e-9 * float64(s.M) * float64(s.K) * float64(s.N)
}

// Unit returns what Amount per second is counted in.
func (s Shape) Unit() string {
	if s.N == 0 {
		return "GB/s"
	}
	return "GOP/s"
}
