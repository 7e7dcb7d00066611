//go:build !linux

package catalogue

import "testing"

func bound(*testing.T) {}
