package codebook

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"euryale/internal/gemm"
)

// A Search chooses parameters so that the sum of (x − r)², each by its weight, is small. Its results depend on neither
// threads nor machine. The zero Search is ready for use.
type Search struct {
	// Context ends a search early, with the context's error. nil is a context that never ends.
	Context context.Context
	// Progress, if not nil, is told from time to time which share of the work is done. Calls follow one another.
	Progress func(done float64)
	// Weights, if not nil, has the weight of each place in a row, such as the mean square of the input that the
	// element is multiplied by: Row of them, finite and not negative.
	Weights []float32
}

// Codebook chooses the parameters of a table of 2 to 4 bits for x, which is finite and of layout l.
func (s *Search) Codebook(x []float32, l Layout, bits int, k Kind) (Parameters, error) {
	w, err := s.check(x, l)
	if err != nil {
		return Parameters{}, err
	}
	p := Parameters{Levels: Table(k, bits), Scales: make([]float32, l.Channels)}
	learned := 0.0 // the share of the work
	if p.Levels == nil {
		if k > LearnedNoZero || bits < 2 || bits > 4 {
			return Parameters{}, fmt.Errorf("codebook: there is no %v table of %d bits", k, bits)
		}
		sampled := float64(mostRounds * min(len(x), sampleSize))
		learned = sampled / (sampled + 2*float64(max(1, len(x))))
		if p.Levels, err = s.learn(x, w, l, k, start(k, bits, l.Size), learned); err != nil {
			return Parameters{}, err
		}
	}
	if l.Size > 0 {
		p.Multipliers = make([]int8, l.Channels*l.Groups())
	}
	choosers := sync.Pool{New: func() any { return newChooser(p.Levels) }}
	err = s.share(l, learned, 1, func(channel int) {
		c := choosers.Get().(*chooser)
		defer choosers.Put(c)
		row, n := x[channel*l.Row:(channel+1)*l.Row], l.Groups()
		if l.Size == 0 {
			p.Scales[channel] = asScale(c.scale(row, w, 1))
			return
		}
		p.Scales[channel] = c.choose(p.Multipliers[channel*n:(channel+1)*n], row, w, l.Size)
	})
	if err != nil {
		return Parameters{}, err
	}
	return p, nil
}

// searchTime is about what an element takes.
const searchTime = 200 * time.Nanosecond

// asScale returns a scale as it is stored: 1 in place of 0, and no magnitude below the least.
func asScale(s float64) float32 {
	if s == 0 {
		return 1
	}
	return float32(math.Copysign(max(least, math.Abs(s)), s))
}

// check returns the weights, of which the largest is 1.
func (s *Search) check(x []float32, l Layout) ([]float32, error) {
	if l.Channels < 0 || l.Row < 0 || l.Size < 0 || len(x) != l.Channels*l.Row {
		return nil, fmt.Errorf("codebook: got %d elements for layout %+v", len(x), l)
	}
	if s.Weights == nil {
		return nil, nil
	}
	if len(s.Weights) != l.Row {
		return nil, fmt.Errorf("codebook: got %d weights, want %d, one for each place in a row", len(s.Weights), l.Row)
	}
	top := float32(0)
	for i, w := range s.Weights {
		if !(w >= 0) || w > math.MaxFloat32 {
			return nil, fmt.Errorf("codebook: weight %d is %v, want a finite one that is not negative", i, w)
		}
		top = max(top, w)
	}
	if top == 0 {
		return nil, nil
	}
	scaled := make([]float32, l.Row)
	for i, w := range s.Weights {
		scaled[i] = float32(float64(w) / float64(top))
	}
	return scaled, nil
}

// share calls do for every channel, on all threads, until the context ends. Progress goes from a share of the work to
// another.
func (s *Search) share(l Layout, from, to float64, do func(channel int)) error {
	stop, err := s.stop()
	if err != nil {
		return err
	}
	var done atomic.Int64
	var telling sync.Mutex
	told := from
	gemm.Share(l.Channels, time.Duration(l.Channels*l.Row)*searchTime, func(channel int) {
		select {
		case <-stop:
			return
		default:
		}
		do(channel)
		share := from + (to-from)*float64(done.Add(1))/float64(l.Channels)
		if s.Progress == nil {
			return
		}
		telling.Lock()
		if share >= told+0.01 || share == 1 && told < 1 {
			told = share
			s.Progress(share)
		}
		telling.Unlock()
	})
	_, err = s.stop()
	return err
}

// stop returns what is closed when the context ends, and its error if it has.
func (s *Search) stop() (<-chan struct{}, error) {
	if s.Context == nil {
		return nil, nil
	}
	return s.Context.Done(), s.Context.Err()
}
