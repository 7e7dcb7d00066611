//go:build !amd64 || purego

package isa

func detect(Tier) bool { return false }

func detectVBMI() bool { return false }
