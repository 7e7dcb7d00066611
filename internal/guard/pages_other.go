//go:build !linux

package guard

import (
	"os"
	"testing"
)

func pages(_ testing.TB, n int) Memory {
	page := os.Getpagesize()
	return make(Memory, (max(n, 1)+page-1)/page*page)
}
