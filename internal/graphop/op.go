// Package graphop has what every Gorgonia op of this module needs, and the interface of fake quantization ops
// to readers of a graph.
package graphop

import (
	"encoding/binary"
	"fmt"
	"hash"
	"sync/atomic"
)

// Base is the methods of a gorgonia.Op that every op of this module shares. An op embeds it by value and adds
// Arity, Type, InferShape and Do.
//
// The identity of an op is an integer that no other op of the process has. Gorgonia takes two ops with one
// hash on the same input for the same op: it keeps one node, silently, and the second op never runs. What
// makes two ops differ (a weight, a bias, an observer) is too big to hash or has no value to hash, so the
// identity stands for it. Copies of a Base have its identity.
type Base struct {
	name string
	id   uint64
}

var lastID atomic.Uint64

// NewBase returns a Base with an identity of its own. The name is for people, and need not be unique.
func NewBase(name string) Base { return Base{name, lastID.Add(1)} }

// ReturnsPtr reports that the result is memory that a later op may overwrite.
func (Base) ReturnsPtr() bool { return true }

// CallsExtern reports that no code outside Go runs.
func (Base) CallsExtern() bool { return false }

// OverwritesInput returns −1: the op leaves its inputs as they are.
func (Base) OverwritesInput() int { return -1 }

// WriteHash writes the name and the identity.
func (b Base) WriteHash(h hash.Hash) {
	_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte(b.name), b.id))
}

// Hashcode returns the low 32 bits of the identity. Gorgonia compares two ops by it alone, so it
// is no digest, which could collide.
func (b Base) Hashcode() uint32 { return uint32(b.id) }

// String returns the name and the identity, as in "observe#7".
func (b Base) String() string { return fmt.Sprintf("%s#%d", b.name, b.id) }
