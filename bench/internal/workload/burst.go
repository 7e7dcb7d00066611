package workload

import (
	"context"
	"time"
)

// Burst calls run for at least the given time, once at the least, and returns how long all of it took and a
// call. Errors: ctx's, between two calls, and those of run.
func Burst(ctx context.Context, run func() error, least time.Duration) (took time.Duration, seconds float64, err error) {
	begin, calls := time.Now(), 0
	for ; calls == 0 || took < least; calls++ {
		if err := Call(ctx, run); err != nil {
			return 0, 0, err
		}
		took = time.Since(begin)
	}
	return took, took.Seconds() / float64(calls), nil
}

// Call calls run unless ctx has ended, which then is the error.
func Call(ctx context.Context, run func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return run()
}
