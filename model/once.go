package model

import (
	"fmt"
	"sync"

	"euryale/internal/gemm"
)

// onceValues is sync.OnceValues where a panic is an error: a run that nobody waits for may be the first.
func onceValues[T any](f func() (T, error)) func() (T, error) {
	return sync.OnceValues(func() (value T, err error) {
		if p := gemm.Catch(func() { value, err = f() }); p != nil {
			err = fmt.Errorf("panic: %w", p)
		}
		return value, err
	})
}
