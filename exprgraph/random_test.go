package exprgraph_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/dense"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// outcome is what came of one network.
type outcome struct {
	kind   string
	reason string // of a refusal, without names and numbers; of what is wrong, whole
}

const (
	wasRead       = "read"
	wasRefused    = "refused"
	wasWrong      = "wrong"
	wasReadAsItIs = "read by position, compared at its own batch"
	wasNotCompare = "read, though Gorgonia cannot run it"
)

// readers of a network: from a function that makes graphs, and from the nodes of one graph.
var randomReaders = map[string]func(n *randomNet) (*model.Model, *exprgraph.Report, int, error){
	"ReadBuild": func(n *randomNet) (*model.Model, *exprgraph.Report, int, error) {
		batch := 2 + int(n.seed%5)
		m, r, err := exprgraph.ReadBuild(context.Background(), n.build, exprgraph.WithSample(n.sample(batch)))
		return m, r, batch, err
	},
	"Read": func(n *randomNet) (*model.Model, *exprgraph.Report, int, error) {
		g, err := n.build(n.batch)
		if err != nil {
			return nil, nil, 0, fmt.Errorf("build for batch size %d: %w", n.batch, err)
		}
		opts := []exprgraph.ReadOption{exprgraph.WithSample(n.sample(n.batch))}
		for i, v := range n.values {
			if n.single || v.op != "input" && v.op != "indices" {
				continue
			}
			if axes := batchAxes(v.shape); len(axes) > 0 {
				opts = append(opts, exprgraph.WithBatchAxis(axes[0], fmt.Sprint("v", i)))
			} else {
				opts = append(opts, exprgraph.WithoutBatch(fmt.Sprint("v", i)))
			}
		}
		m, r, err := exprgraph.Read(context.Background(), g.Inputs, g.Outputs, opts...)
		return m, r, n.batch, err
	},
}

// readRandom reads a network, and compares the model with the interpreter at other batches. It returns the
// largest difference as a part of what float32 allows.
func readRandom(n *randomNet, reader string) (o outcome, most float64) {
	defer func() {
		if r := recover(); r != nil {
			o = outcome{wasWrong, fmt.Sprintf("a panic: %v", r)}
		}
	}()
	m, r, batch, err := randomReaders[reader](n)
	switch {
	case err != nil && strings.Contains(err.Error(), "build for batch size"):
		return outcome{wasWrong, fmt.Sprintf("the generator: %v", err)}, 0
	case errors.Is(err, exprgraph.ErrMismatch) && n.allows(batch, err):
		return outcome{wasRefused, "mismatch of what float32 rounds"}, 0
	case err != nil && n.mixes && reader == "Read":
		return outcome{wasRefused, "by position: " + reasonOf(err)}, 0
	case errors.Is(err, exprgraph.ErrUnsupported),
		errors.Is(err, qtensor.ErrParams) && strings.Contains(err.Error(), "twice, want each once"):
		return outcome{wasRefused, reasonOf(err)}, 0
	case err != nil:
		return outcome{wasWrong, err.Error()}, 0
	}
	o.kind = wasRead
	if r.NotCompared != "" {
		o = outcome{wasNotCompare, reasonOf(errors.New(r.NotCompared))}
	}
	batches := []int{1, 2 + int(n.seed%2), 4 + int(n.seed%5)}
	if reader == "Read" && n.mixes { // which the sizes of one graph do not tell
		o, batches = outcome{kind: wasReadAsItIs}, []int{n.batch}
	}
	for _, batch := range batches {
		outputs, err := m.Run(context.Background(), n.sample(batch))
		if errors.Is(err, qtensor.ErrShape) && strings.Contains(err.Error(), "want a multiple of") {
			return outcome{wasRefused, "to run: " + reasonOf(err)}, most
		}
		if err != nil {
			return outcome{wasWrong, fmt.Sprintf("batch %d: %v", batch, err)}, 0
		}
		want := n.interpret(batch)
		for i, info := range m.Outputs() {
			part, err := n.compare(outputs[info.Name], want[i])
			if err != nil {
				return outcome{wasWrong, fmt.Sprintf("batch %d, output %d: %v", batch, i, err)}, 0
			}
			most = max(most, part)
		}
	}
	return o, most
}

// slack is how many times its bound a difference may be: bounds are of first order.
const slack = 2

// compare returns the largest difference as a part of its bound.
func (n *randomNet) compare(got tensor.Tensor, want *boundedArray) (most float64, err error) {
	x, err := dense.Float32s(got)
	if err != nil {
		return 0, err
	}
	if !slices.Equal(got.Shape(), tensor.Shape(want.shape)) {
		return 0, fmt.Errorf("got shape %v, want %v", got.Shape(), want.shape)
	}
	for i, w := range want.x {
		if !(math.Abs(w.v) < math.MaxFloat32) {
			return 0, fmt.Errorf("the generator made %v ± %v", w.v, w.e)
		}
		if !(w.e < 1) { // behind a jump, on whose other side an error may be
			continue
		}
		d := math.Abs(float64(x[i]) - w.v)
		if !(d <= slack*w.e) {
			return 0, fmt.Errorf("element %v is %v, want %v ± %.2g", indexOf(i, want.shape), x[i], w.v, w.e)
		}
		if d > 0 {
			most = max(most, d/w.e)
		}
	}
	return most, nil
}

// allows reports whether rounding to float32 alone may explain a mismatch of so many dB.
func (n *randomNet) allows(batch int, mismatch error) bool {
	found := decibels.FindStringSubmatch(mismatch.Error())
	if found == nil {
		return false
	}
	got, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return false
	}
	outputs := n.interpret(batch)
	if n.single {
		outputs = n.outputsFor(1) // Gorgonia ran one sample
	}
	for _, y := range outputs {
		var signal, noise float64
		for _, x := range y.x {
			signal, noise = signal+x.v*x.v, noise+x.e*x.e
		}
		if signal <= slack*slack*noise { // all that is left is rounding
			return true
		}
		if got >= 10*math.Log10(signal/(slack*slack*noise)) {
			return true
		}
	}
	return false
}

var (
	decibels = regexp.MustCompile(`(-?[\d.]+|[+-]Inf) dB`)
	quoted   = regexp.MustCompile(`"[^"]*"`)
	numbers  = regexp.MustCompile(`[\[(]?-?\d[\d, ×B.\-]*[\])]?`)
	named    = regexp.MustCompile(`op (\w+\.)?(\w+)[^:]*:`)
)

// reasonOf returns the words of an error without names and numbers.
func reasonOf(err error) string {
	text := strings.TrimPrefix(err.Error(), "exprgraph: ")
	text = named.ReplaceAllString(quoted.ReplaceAllString(text, "…"), "op $2:")
	return numbers.ReplaceAllString(text, "# ")
}

// randomSeeds returns the first seed and how many.
func randomSeeds(t *testing.T) (first, count uint64) {
	t.Helper()
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		x, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return x
	}
	otherwise := uint64(500)
	if testing.Short() {
		otherwise = 150
	}
	return number("EURYALE_RANDOM_FIRST", 0), number("EURYALE_RANDOM", otherwise)
}

// randomWorkers make graphs at once: one, since Gorgonia counts the groups of Conv2d without a lock.
const randomWorkers = uint64(1)

// TestRandomGraphs reads random networks, and runs their models at batches that were not read. EURYALE_RANDOM
// says how many, and EURYALE_RANDOM_FIRST the seed of the first: EURYALE_RANDOM_FIRST=7 EURYALE_RANDOM=1 is
// seed 7 alone.
func TestRandomGraphs(t *testing.T) {
	first, count := randomSeeds(t)
	for _, kind := range []struct {
		name, reader string
		single       bool
	}{
		{"build", "ReadBuild", false}, {"nodes", "Read", false}, {"one sample", "Read", true},
	} {
		reader := kind.reader
		t.Run(kind.name, func(t *testing.T) {
			counts, reasons, seeds, most := map[string]int{}, map[string]int{}, map[string]uint64{}, 0.0
			var lock sync.Mutex
			var wait sync.WaitGroup
			for worker := range randomWorkers {
				wait.Go(func() {
					for seed := first + worker; seed < first+count; seed += randomWorkers {
						n := drawNetwork(seed, kind.single)
						o, part := readRandom(n, reader)
						lock.Lock()
						counts[o.kind]++
						most = max(most, part)
						switch o.kind {
						case wasWrong:
							if counts[o.kind] <= 10 {
								t.Error(n.shrunk(reader, o).failure(reader))
							} else {
								t.Errorf("seed %d: %s: %s", seed, reader, o.reason)
							}
						case wasRefused, wasNotCompare:
							reason := o.kind + ": " + o.reason
							reasons[reason]++
							seeds[reason] = seed
						}
						lock.Unlock()
					}
				})
			}
			wait.Wait()
			var lines []string
			for reason, n := range reasons {
				lines = append(lines, fmt.Sprintf("%6d %s, as seed %d", n, reason, seeds[reason]))
			}
			slices.Sort(lines)
			slices.Reverse(lines)
			t.Logf("%d networks: %v; differences of at most %.2f of their bounds\n%s", count, counts, most, strings.Join(lines, "\n"))
		})
	}
}
