// Package borrow gives the packages of this module the quantized values of a tensor where they lie, which
// package qtensor, to which the types belong, keeps to itself.
package borrow

var (
	codesOf func(q any) any
	viewOf  func(file any, name string, use func(q any) error) error
)

// Provide is for package qtensor, which says how Codes and View are done.
func Provide(codes func(q any) any, view func(file any, name string, use func(q any) error) error) {
	codesOf, viewOf = codes, view
}

// Codes returns the quantized values of a *qtensor.QTensor as it stores them, for reading: []int8, []uint8,
// which holds two to an element under 4 bits, or []uint16.
func Codes(q any) any { return codesOf(q) }

// View calls use with a quantized tensor of a *qtensor.File, whose values are the file's own where it is
// mapped: they are there until use returns. Goroutines that read them call debug.SetPanicOnFault, and a fault
// is a panic of use. Errors: those of File.QTensor, and that of use.
func View[Q any](file any, name string, use func(q Q) error) error {
	return viewOf(file, name, func(q any) error { return use(q.(Q)) })
}
