package gemm

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic of one goroutine that goes on in another, which waits for it.
type Panic struct {
	Value any
	Stack []byte // of the goroutine that it was in first
}

// Error returns the value, and where it was.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value, where that is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Catch calls f and returns its panic, nil where there is none.
func Catch(f func()) (p *Panic) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Panic:
			p = r
		default:
			p = &Panic{r, debug.Stack()}
		}
	}()
	f()
	return nil
}
