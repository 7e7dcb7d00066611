package model_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"euryale/model"
	"euryale/qtensor"
)

// TestChangedInPlace writes to the file of a model that was loaded, its time of writing as it was, and cuts
// it: what reads the file then says so, and what needs no file works.
func TestChangedInPlace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Load reads all of a file")
	}
	for _, cut := range []bool{false, true} {
		for _, warm := range []bool{false, true} {
			m, in := deep(t), batchOf(1, 3, 8)
			loaded, path := reloaded(t, m)
			if warm {
				run(t, loaded, in, "y")
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // more than the grain of the clock of files
			data := bytesOf(t, m)
			data[len(data)-1] ^= 1
			if cut {
				data = data[:len(data)-1]
			}
			if err := errors.Join(os.WriteFile(path, data, 0o666), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
				t.Fatal(err)
			}
			_, ofRun := loaded.Run(context.Background(), in)
			if warm && ofRun != nil || !warm && !errors.Is(ofRun, qtensor.ErrChanged) {
				t.Errorf("cut %v, warm %v: Run: got %v, want ErrChanged unless warm", cut, warm, ofRun)
			}
			for what, err := range map[string]error{"Save": loaded.Save(path + "2"), "Write": loaded.Write(io.Discard)} {
				if !errors.Is(err, qtensor.ErrChanged) || errors.Is(err, io.ErrUnexpectedEOF) != cut {
					t.Errorf("cut %v, warm %v: %s: got %v, want ErrChanged", cut, warm, what, err)
				}
			}
			if _, err := os.Stat(path + "2"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("cut %v, warm %v: a Save that failed leaves a file, %v", cut, warm, err)
			}
		}
	}
}

// TestLoadDescriptors loads more models than a process may have files open, and keeps them.
func TestLoadDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell what is open")
	}
	path := filepath.Join(t.TempDir(), "model")
	if err := deep(t).Save(path); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	before := count()
	models := make([]*model.Model, 3000)
	if testing.Short() {
		models = models[:300]
	}
	for i := range models {
		var err error
		if models[i], err = model.Load(path); err != nil {
			t.Fatalf("load %d: %v", i, err)
		}
	}
	if got := count(); got > before+10 {
		t.Errorf("%d models have %d files open, want none", len(models), got-before)
	}
	in := batchOf(1, 3, 8)
	run(t, models[0], in, "y")
	run(t, models[len(models)-1], in, "y")
}
