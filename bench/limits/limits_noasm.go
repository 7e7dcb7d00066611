//go:build !amd64 || purego

package limits

func instructions() []instruction { return nil }

// read reads x, whole blocks of it, so many times.
func read(x []uint64, passes int) { readGeneric(x, passes) }
