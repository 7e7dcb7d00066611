package model_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"euryale/internal/ir"
	"euryale/model"
)

// headers returns by name headers of at least size bytes that claim as much memory as they can, each of one
// kind.
func headers() map[string]func(size int) string {
	quote := func(text string) string { q, _ := json.Marshal(text); return string(q) }
	meta := func(structure string) string {
		return `{"__metadata__":{"euryale":` + quote(`{"version":1,"quantized":{}}`) + `,"euryale.model":` + quote(structure) + `}}`
	}
	// many repeats what element returns for 0, 1, … until it has size bytes, where a quote is two of them in
	// a header.
	many := func(size int, element func(i int) string) string {
		var b strings.Builder
		for i, quotes := 0, 0; b.Len()+quotes < size; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			text := element(i)
			quotes += strings.Count(text, `"`)
			b.WriteString(text)
		}
		return b.String()
	}
	same := func(text string) func(int) string { return func(int) string { return text } }
	structure := func(list, of string) string {
		parts := map[string]string{"inputs": `[{"name":"x","shape":[-1,2]}]`, "outputs": `[{"name":"x","shape":[-1,2]}]`, "nodes": "[]", "layers": "{}"}
		parts[list] = of
		return meta(fmt.Sprintf(`{"version":2,"inputs":%s,"outputs":%s,"nodes":%s,"layers":%s}`, parts["inputs"], parts["outputs"], parts["nodes"], parts["layers"]))
	}
	list := func(name string, element func(int) string) func(int) string {
		return func(size int) string { return structure(name, "["+many(size, element)+"]") }
	}
	object := func(name string, element func(int) string) func(int) string {
		return func(size int) string { return structure(name, "{"+many(size, element)+"}") }
	}
	raw := func(element func(int) string) func(int) string {
		return func(size int) string {
			return "{" + many(size, element) + "}"
		}
	}
	in := func(open, of, end string) func(int) string {
		return func(size int) string { return meta(open + of + end) }
	}
	_ = in
	return map[string]func(int) string{
		"empty nodes":          list("nodes", same(`{}`)),
		"nodes of empty names": list("nodes", same(`{"op":"","name":"","inputs":[],"output":""}`)),
		"null nodes":           list("nodes", same(`null`)),
		"minimal nodes":        list("nodes", func(i int) string { return fmt.Sprintf(`{"op":"Abs","name":"%x","inputs":["x"],"output":"%x"}`, i, i) }),
		"a chain of nodes": list("nodes", func(i int) string {
			from := "x"
			if i > 0 {
				from = fmt.Sprintf("%x", i-1)
			}
			return fmt.Sprintf(`{"op":"Abs","name":"%x","inputs":["%s"],"output":"%x"}`, i, from, i)
		}),
		"nodes of many inputs": list("nodes", func(i int) string {
			return fmt.Sprintf(`{"op":"Concat","name":"%x","inputs":["x","x","x","x","x","x","x","x","x","x","x","x"],"output":"%x","axis":1}`, i, i)
		}),
		"a node of many inputs": func(size int) string {
			return structure("nodes", `[{"op":"Concat","name":"a","inputs":[`+many(size, same(`"x"`))+`],"output":"b","axis":1}]`)
		},
		"a node of numbers": func(size int) string {
			return structure("nodes", `[{"op":"Reshape","name":"a","inputs":["x"],"output":"b","shape":[`+many(size, same(`1`))+`]}]`)
		},
		"long names": list("nodes", func(i int) string {
			n := strings.Repeat(fmt.Sprint(i%10), 1000) + fmt.Sprint(i)
			return fmt.Sprintf(`{"op":"Abs","name":"%s","inputs":["x"],"output":"%s"}`, n, n)
		}),
		"one long name": func(size int) string {
			return structure("nodes", `[{"op":"Abs","name":"`+strings.Repeat("n", size)+`","inputs":["x"],"output":"b"}]`)
		},
		"escapes": func(size int) string {
			return structure("nodes", `[{"op":"Abs","name":"`+strings.Repeat(`\u0001`, size/7)+`","inputs":["x"],"output":"b"}]`)
		},
		"inputs":                list("inputs", func(i int) string { return fmt.Sprintf(`{"name":"%x","shape":[-1]}`, i) }),
		"inputs of null shapes": list("inputs", func(i int) string { return fmt.Sprintf(`{"name":"%x","shape":null}`, i) }),
		"outputs":               list("outputs", same(`{"name":"x","shape":[-1,2]}`)),
		"layers":                object("layers", func(i int) string { return fmt.Sprintf(`"%x":{"weight":""}`, i) }),
		"nested arrays":         func(size int) string { return meta(strings.Repeat("[", size)) },
		"nested nodes": func(size int) string {
			return structure("nodes", strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+strings.Repeat(" ", size))
		},
		"nested shapes": list("inputs", same(`{"name":"","shape":[[[[[[]]]]]]}`)),
		"spaces":        func(size int) string { return structure("nodes", "["+strings.Repeat(" ", size)+"]") },
		"empty tensors": raw(func(i int) string { return fmt.Sprintf(`"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i) }),
		"tensors of dimensions": raw(func(i int) string {
			return fmt.Sprintf(`"%x":{"dtype":"U8","shape":[0,0,0,0,0,0,0,0,0],"data_offsets":[0,0]}`, i)
		}),
		"a tensor of numbers": func(size int) string {
			return `{"w":{"dtype":"U8","shape":[` + many(size, same(`0`)) + `],"data_offsets":[0,0]}}`
		},
		"offsets": func(size int) string {
			return `{"w":{"dtype":"U8","shape":[0],"data_offsets":[` + many(size, same(`0`)) + `]}}`
		},
		"empty entries": raw(func(i int) string { return fmt.Sprintf(`"%x":{}`, i) }),
		"metadata": func(size int) string {
			return `{"__metadata__":{` + many(size, func(i int) string { return fmt.Sprintf(`"%x":""`, i) }) + `}}`
		},
		"unknown fields": func(size int) string {
			return meta("{" + many(size, func(i int) string { return fmt.Sprintf(`"%x":0`, i) }) + "}")
		},
		"quantized": func(size int) string {
			n := size / 160
			entries := func(format string) string {
				var b strings.Builder
				for i := range n {
					if i > 0 {
						b.WriteByte(',')
					}
					fmt.Fprintf(&b, format, i)
				}
				return b.String()
			}
			return `{"__metadata__":{"euryale":` + quote(`{"version":1,"quantized":{`+entries(`"%x":{"scheme":"int4","shape":[1]}`)+`}}`) + `},` + entries(`"%x.weight":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`) + `}`
		},
	}
}

// fileOf returns the file of a header, whose tensors have no bytes.
func fileOf(header string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

// peak returns how much more memory f takes at once than there was before, garbage included, and how long it
// took.
func peak(f func()) (uint64, time.Duration) {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, most := stats.HeapAlloc, uint64(0)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			most = max(most, stats.HeapAlloc)
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	begin := time.Now()
	f()
	took := time.Since(begin)
	close(done)
	<-stopped
	return max(most, before) - before, took
}

// TestHeaderMemory reads headers of every kind that claims memory, refused and not: until all checks have
// passed, garbage included, they take at most 16 times their bytes and 64 MiB. They have 2 MB each, and with
// EURYALE_LONG=1 4, 16 and 64 MB.
func TestHeaderMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	sizes := []int{2 << 20}
	if os.Getenv("EURYALE_LONG") != "" {
		sizes = []int{4 << 20, 16 << 20, 64 << 20}
	}
	fine := []string{"a chain of nodes", "minimal nodes", "nodes of many inputs", "long names", "one long name", "escapes", "spaces"}
	kinds, cases := headers(), 0
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		for _, size := range sizes {
			cases++
			file := fileOf(kinds[name](size))
			var err error
			got, took := peak(func() { _, err = model.Read(bytes.NewReader(file), int64(len(file))) })
			limit := 16*uint64(len(file)) + 64<<20
			t.Logf("%-24s %4.1f MB: %4d of %4d MB, %.2f s", name, float64(len(file))/(1<<20), got>>20, limit>>20, took.Seconds())
			if got > limit {
				t.Errorf("%s of %d bytes: got %d bytes of memory, want at most %d", name, len(file), got, limit)
			}
			if (err == nil) != slices.Contains(fine, name) || err != nil && len(err.Error()) > 1000 {
				t.Errorf("%s of %d bytes: got %.1000v", name, len(file), err)
			}
		}
	}
	t.Logf("%d headers", cases)
}

// TestManyNodes loads a model of 100,000 nodes.
func TestManyNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	g := &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 2}}}, Outputs: []ir.Value{{Name: "x", Shape: []int{-1, 2}}}}
	for i := range 100_000 {
		last := g.Outputs[0].Name
		g.Outputs[0].Name = fmt.Sprint("value ", i)
		g.Nodes = append(g.Nodes, ir.Node{Op: "Abs", Name: fmt.Sprint("node ", i), Inputs: []string{last}, Output: g.Outputs[0].Name})
	}
	file := bytesOf(t, newModel(t, g, nil))
	begin := time.Now()
	m, err := model.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes in %v", len(file), time.Since(begin))
	if !bytes.Equal(bytesOf(t, m), file) {
		t.Error("the model that was read makes another file")
	}
}
