//go:build !amd64

package isa

// architecture is the tiers above Generic: none are written for this architecture.
var architecture []Tier
