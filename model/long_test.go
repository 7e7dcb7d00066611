package model_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// resident returns the bytes of memory that belong to this program alone, and those of files that it has
// mapped; 0 where the system does not tell.
func resident() (own, files int) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "RssAnon: %d kB", &own)
		_, _ = fmt.Sscanf(line, "RssFile: %d kB", &files)
	}
	return own << 10, files << 10
}

// TestGigabyte tells how long a model of 1 GB of weights takes to open and to answer, and its memory, with
// EURYALE_LONG=1.
func TestGigabyte(t *testing.T) {
	if os.Getenv("EURYALE_LONG") == "" {
		t.Skip("EURYALE_LONG is not set")
	}
	const side, count = 8192, 16
	path, output := filepath.Join(t.TempDir(), "model"), fmt.Sprint("layer", count-1)
	func() { // in a function, so that nothing of it stays
		static, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{1})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		values := make([]int8, side*side)
		for i := range values {
			values[i] = int8(rng.Uint32())
		}
		p := qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 1), Scales: slices.Repeat([]float32{1e-4}, side)}
		g := &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: []int{-1, side}}}, Outputs: []ir.Value{{Name: "x"}}, Constants: map[string]*ir.Constant{}}
		layers := map[string]model.Layer{}
		for i := range count {
			name := fmt.Sprint("layer", i)
			q, err := qtensor.FromCodes(tensor.New(tensor.WithShape(side, side), tensor.WithBacking(values)), p)
			if err != nil {
				t.Fatal(err)
			}
			g.Constants[name+".w"] = &ir.Constant{Shape: []int{side, side}}
			g.Nodes = append(g.Nodes, ir.Node{Op: "MatMul", Name: name, Inputs: []string{g.Outputs[0].Name, name + ".w"}, Output: name})
			g.Outputs[0].Name = name
			layers[name] = model.Layer{Weight: q, Activations: model.StaticInt8, Params: static}
		}
		m, err := model.New(g, layers)
		if err == nil {
			err = m.Save(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}()
	debug.FreeOSMemory()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := resident()
	const size = 1 << 10 // of the weights, in MB
	tell := func(what string, since time.Time, limit int) {
		elapsed := time.Since(since)
		own, files := resident()
		debug.FreeOSMemory()
		kept, _ := resident()
		t.Logf("%-17s %10v, memory %4d MB, %4d MB after a collection, %d MB of files", what, elapsed.Round(10*time.Microsecond), (own-before)>>20, (kept-before)>>20, files>>20)
		if kept-before > limit<<20 || files > 64<<20 {
			t.Errorf("%s: got memory of %d MB and %d MB of files, want at most %d and 64", what, (kept-before)>>20, files>>20, limit)
		}
		if most := limit + size*3/10; own-before > most<<20 && what != "Read" {
			t.Errorf("%s: got %d MB of memory and garbage, want at most %d", what, (own-before)>>20, most)
		}
	}
	t.Logf("a file of %d MB", info.Size()>>20)
	start := time.Now()
	m, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	tell("Load", start, 16)
	in := batchOf(1, 1, side)
	start = time.Now()
	want := run(t, m, in, output)
	tell("the first answer", start, size+64)
	start = time.Now()
	got := run(t, m, in, output)
	tell("the second answer", start, size+64)
	if !slices.Equal(got, want) || slices.Max(got) == 0 {
		t.Error("the second answer is another, or zeros")
	}

	debug.FreeOSMemory() // of m too
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	start = time.Now()
	if m, err = model.Read(file, info.Size()); err != nil {
		t.Fatal(err)
	}
	tell("Read", start, size+64)
	start = time.Now()
	if got := run(t, m, in, output); !slices.Equal(got, want) {
		t.Error("a model that was read gives another answer")
	}
	tell("the first answer", start, 2*size+64)
}

// TestLoad asks models for answers from 32 goroutines for as long as EURYALE_LOAD says (1m): every answer has
// the same bits, and memory does not grow.
func TestLoad(t *testing.T) {
	text := os.Getenv("EURYALE_LOAD")
	if text == "" {
		t.Skip("EURYALE_LOAD is not set, to 1m for example")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, compute := range map[string]string{"static-int8": "static-int8", "float32": ""} {
		net := propagations[1] // with layers, pools and rows that are quantized
		var layers map[string]model.Layer
		if compute != "" {
			layers = quantized(t, net.graphOf("y"), batchOf(1, append([]int{16}, net.sample...)...), compute)
		}
		made := newModel(t, net.graphOf("y"), layers)
		m, _ := reloaded(t, made)
		if (len(m.QuantizedValues()) > 0) != (compute != "") {
			t.Errorf("%s: %v are kept quantized", name, m.QuantizedValues())
		}
		underLoad(t, name, m, made, net.sample, length)
	}
}

// underLoad asks m for what the model that made its file answers.
func underLoad(t *testing.T, name string, m, made *model.Model, sample []int, length time.Duration) {
	var ins []map[string]tensor.Tensor
	var wants [][]float32
	for i := range 8 {
		in := batchOf(uint64(i), append([]int{1 + 7*i}, sample...)...)
		ins, wants = append(ins, in), append(wants, run(t, made, in, "y"))
	}
	var answers, wrong atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	var group sync.WaitGroup
	for g := range 32 {
		group.Go(func() {
			for i := g; ; i++ {
				out, err := m.Run(ctx, ins[i%len(ins)])
				if ctx.Err() != nil {
					return
				}
				if answers.Add(1); err != nil || !slices.Equal(out["y"].(*tensor.Dense).Float32s(), wants[i%len(ins)]) {
					wrong.Add(1)
				}
			}
		})
	}
	var used []int // in each hundredth of the time
	tick := time.NewTicker(length / 100)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			used = append(used, memory())
		}
	}
	group.Wait()
	part := len(used) / 6 // ten seconds of a minute
	first, last := slices.Max(used[:part]), slices.Max(used[len(used)-part:])
	t.Logf("%s: %d answers, %d wrong, in %v; memory %.1f MB, at the end %.1f MB", name, answers.Load(), wrong.Load(), length, float64(first)/(1<<20), float64(last)/(1<<20))
	if wrong.Load() > 0 || answers.Load() == 0 {
		t.Errorf("%s: %d answers of %d are wrong", name, wrong.Load(), answers.Load())
	}
	if last > first+first/8+16<<20 {
		t.Errorf("%s: memory grew from %d to %d bytes", name, first, last)
	}
}

// memory returns the bytes that the program has of the system.
func memory() int {
	if own, _ := resident(); own > 0 {
		return own
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.Sys - stats.HeapReleased)
}
