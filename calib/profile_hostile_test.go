package calib

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"euryale/internal/safeio"
)

// endless is a reader of head, then of text again and again.
type endless struct {
	head, text string
	read       int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		at := e.read
		from := e.head
		if at >= len(e.head) {
			from, at = e.text, (at-len(e.head))%len(e.text)
		}
		k := copy(p[n:], from[at:])
		n, e.read = n+k, e.read+k
	}
	return n, nil
}

// TestEndlessProfiles reads what never ends, of every kind.
func TestEndlessProfiles(t *testing.T) {
	const limit = 1 << 20
	kinds := map[string]*endless{
		"spaces": {text: " "}, "zeros": {text: "\x00"}, "arrays": {text: "["}, "objects": {text: `{"a":`}, "a string": {head: `"`, text: "a"}, "a number": {text: "1"},
		"profiles": {text: `{"version":1,"tensors":{}}`}, "spaces behind": {head: `{"version":1,"tensors":{}}`, text: "\n"},
		"tensors": {head: `{"version":1,"tensors":{`, text: `"a":{"axis":-1,"histograms":[]},`}, "histograms": {head: `{"version":1,"tensors":{"a":{"axis":0,"histograms":[`, text: `{},`},
	}
	for name, r := range kinds {
		p, err := readProfile(r, limit)
		if p != nil || !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), "more than 1048576 bytes") || r.read > 4*limit {
			t.Errorf("%s: got %v after %d bytes, want ErrProfile", name, err, r.read)
		}
	}
	p := profileOf(t, "x", perTensor, []float32{1, 2}, 2)
	text := text(t, p)
	if got, err := readProfile(strings.NewReader(text), int64(len(text))); err != nil || !slices.Equal(got.Keys(), p.Keys()) {
		t.Errorf("a profile of as many bytes as there may be: %v", err)
	}
	if err := p.write(io.Discard, len(text)); err != nil {
		t.Errorf("a profile of as many bytes as there may be: %v", err)
	}
	if err := p.write(io.Discard, len(text)-1); !errors.Is(err, ErrProfile) {
		t.Errorf("a profile of a byte more: got %v, want ErrProfile", err)
	}
	t.Logf("%d kinds", len(kinds))
}

type lying struct {
	n     int
	panic any
}

func (l lying) Read([]byte) (int, error) { return l.do() }

func (l lying) Write([]byte) (int, error) { return l.do() }

func (l lying) do() (int, error) {
	if l.panic != nil {
		panic(l.panic)
	}
	return l.n, nil
}

// TestLyingProfiles reads and writes by what breaks the contract of package io.
func TestLyingProfiles(t *testing.T) {
	for _, c := range []struct {
		r           io.Reader
		w           io.Writer
		read, write error
	}{
		{nil, nil, fs.ErrInvalid, fs.ErrInvalid},
		{(*bytes.Buffer)(nil), (*bytes.Buffer)(nil), safeio.ErrContract, safeio.ErrContract},
		{lying{n: -1}, lying{n: -1}, safeio.ErrContract, safeio.ErrContract},
		{lying{n: 1 << 30}, lying{n: 1 << 30}, safeio.ErrContract, safeio.ErrContract},
		{lying{}, lying{}, io.ErrNoProgress, io.ErrShortWrite},
		{lying{panic: "mine"}, lying{panic: "mine"}, safeio.ErrContract, safeio.ErrContract},
	} {
		if _, err := ReadProfile(c.r); !errors.Is(err, c.read) {
			t.Errorf("%+v: got %v, want %v", c.r, err, c.read)
		}
		for _, p := range []*Profile{nil, new(Profile), profileOf(t, "x", perTensor, []float32{1, 2}, 2)} {
			if err := p.Write(c.w); !errors.Is(err, c.write) {
				t.Errorf("%+v: got %v, want %v", c.w, err, c.write)
			}
		}
	}
	var of [2]bytes.Buffer
	if err := errors.Join((*Profile)(nil).Write(&of[0]), new(Profile).Write(&of[1])); err != nil || of[0].String() != of[1].String() {
		t.Errorf("nil: got %s, %v, want %s", of[0].String(), err, of[1].String())
	}
}

// TestProfileMemory reads profiles that stand for as much memory as they can: it is at most 16 times their
// bytes and 64 MiB.
func TestProfileMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const far = `{"count":2,"non_finite":0,"min":0,"max":4095,"exponent":0,"bins":[[0,1],[4095,1]]}`
	const none = `{"count":0,"non_finite":0,"min":0,"max":0,"exponent":0,"bins":[]}`
	many := func(size int, open, element, end string) string {
		return open + strings.Repeat(element+",", size/(len(element)+1)) + element + end
	}
	const open, end = `{"version":1,"tensors":{"a":{"axis":0,"histograms":[`, `]}}}`
	keys := func(size int) string {
		var b strings.Builder
		b.WriteString(`{"version":1,"tensors":{"":{}`)
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, `,"%x":{"axis":-1,"histograms":[%s]}`, i, none)
		}
		return strings.Replace(b.String()+"}}", `"":{},`, "", 1)
	}
	for _, c := range []struct {
		name string
		text func(size int) string
		fine bool
	}{
		{"histograms of far values", func(size int) string { return many(size, open, far, end) }, true},
		{"histograms of nothing", func(size int) string { return many(size, open, none, end) }, true},
		{"keys", keys, true},
		{"numbers for histograms", func(size int) string { return many(size, open, "0", end) }, false},
		{"empty histograms", func(size int) string { return many(size, open, "{}", end) }, false},
		{"runs", func(size int) string {
			return open + many(size, strings.TrimSuffix(none, "]}"), "[]", "]}") + end
		}, false},
		{"numbers", func(size int) string {
			return open + many(size, strings.TrimSuffix(none, "]}")+"[", "0", "]]}") + end
		}, false},
		{"arrays in arrays", func(size int) string { return strings.Repeat("[", size) }, false},
		{"a key", func(size int) string { return `{"version":1,"tensors":{"` + strings.Repeat("a", size) + `":{}}}` }, false},
	} {
		text := c.text(4 << 20)
		most, done, stopped := uint64(0), make(chan struct{}), make(chan struct{})
		heap := func() uint64 {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return stats.HeapAlloc
		}
		runtime.GC()
		before := heap()
		go func() {
			defer close(stopped)
			for {
				most = max(most, heap())
				select {
				case <-done:
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		}()
		p, err := ReadProfile(strings.NewReader(text))
		close(done)
		<-stopped
		got, limit := max(most, before)-before, 16*uint64(len(text))+64<<20
		t.Logf("%-25s %.1f MB: %d of %d MB", c.name, float64(len(text))/(1<<20), got>>20, limit>>20)
		if (err == nil) != c.fine || err != nil && !errors.Is(err, ErrProfile) || got > limit {
			t.Errorf("%s of %d bytes: got %.300v and %d bytes of memory, want at most %d", c.name, len(text), err, got, limit)
		}
		if c.fine {
			var b bytes.Buffer
			if err := p.Write(&b); err != nil || b.Len() < len(text) {
				t.Errorf("%s: written again: %d bytes of %d, %v", c.name, b.Len(), len(text), err)
			}
		}
	}
}

// TestReadThenObserve adds to histograms that were read, and merges them, in every order: what they saw is
// the same.
func TestReadThenObserve(t *testing.T) {
	for name, values := range samples {
		data, err := histogramOf(values).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for other, more := range samples {
			want := histogramOf(slices.Concat(values, more))
			read := func() *Histogram {
				h := new(Histogram)
				if err := h.UnmarshalJSON(data); err != nil {
					t.Fatal(err)
				}
				return h
			}
			observed, into, from := read(), read(), histogramOf(more)
			observed.Observe(more)
			into.Merge(histogramOf(more))
			from.Merge(read())
			for how, h := range map[string]*Histogram{"observed": observed, "merged into": into, "merged": from} {
				if h.unpack(); !reflect.DeepEqual(h, want) {
					t.Errorf("%s, then %s, %s: got %d values in [%v, %v], want %d in [%v, %v], or other bins", name, other, how,
						h.Count(), h.Min(), h.Max(), want.Count(), want.Min(), want.Max())
				}
			}
		}
	}
}

func TestLoadProfileRefuses(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]error{dir: fs.ErrInvalid, os.DevNull: fs.ErrInvalid, filepath.Join(dir, "none"): fs.ErrNotExist} {
		if _, err := LoadProfile(path); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
	}
}
