package model_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"euryale/internal/ir"
	"euryale/model"
)

// oneByOne is a model of 512 KB whose every constant is the number which.
func oneByOne(t *testing.T, which float32) *model.Model {
	t.Helper()
	c := &ir.Constant{Shape: []int{1 << 17}, Data: slices.Repeat([]float32{which}, 1<<17)}
	return newModel(t, &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 1 << 17}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes:     []ir.Node{{Op: "Add", Name: "add", Inputs: []string{"x", "c"}, Output: "y"}},
		Constants: map[string]*ir.Constant{"c": c},
	}, nil)
}

// TestKilledSave kills a process that saves one of two models after the other to a file, at random moments:
// 30 times, and 300 with EURYALE_LONG=1. The file holds one of them after each, and the next Save leaves no
// file beside it.
func TestKilledSave(t *testing.T) {
	models := []*model.Model{oneByOne(t, 1), oneByOne(t, 2)}
	if path := os.Getenv("EURYALE_SAVE"); path != "" { // this is the process
		for i := 0; ; i++ {
			if err := models[i%2].Save(path); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				fmt.Print("saved")
			}
		}
	}
	if runtime.GOOS == "windows" {
		t.Skip("a file of a writer that is dead for less than a minute stays")
	}
	kills := 30
	if os.Getenv("EURYALE_LONG") != "" {
		kills = 300
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	beside := func() (names []string) {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Name() != "model" {
				names = append(names, e.Name())
			}
		}
		return names
	}
	left, most, damaged, saved := 0, 0, 0, [2]int{}
	files := [2][]byte{bytesOf(t, models[0]), bytesOf(t, models[1])}
	for range kills {
		killSaver(t, path)
		got, err := os.ReadFile(path)
		switch {
		case err != nil:
			damaged++
		case bytes.Equal(got, files[0]):
			saved[0]++
		case bytes.Equal(got, files[1]):
			saved[1]++
		default:
			damaged++
		}
		if _, err := model.Load(path); err != nil {
			t.Errorf("after a kill: %v", err)
		}
		if n := len(beside()); n > 0 {
			left, most = left+1, max(most, n)
		}
	}
	if err := models[0].Save(path); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills: %d left a temporary file, at most %d were there at once; %v files of the two models, "+
		"%d damaged; %d temporary files after the next Save",
		kills, left, most, saved, damaged, len(beside()))
	if damaged > 0 || len(beside()) > 0 || most > 1 {
		t.Errorf("got %d damaged files, %q beside them, and %d at once, want 0, 0 and 1", damaged, beside(), most)
	}
}

// killSaver starts the process of TestKilledSave, and kills it some time after its first Save to path.
func killSaver(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilledSave$")
	cmd.Env = append(os.Environ(), "EURYALE_SAVE="+path)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, len("saved"))
	if _, err := io.ReadFull(out, text); err != nil || string(text) != "saved" {
		rest, _ := io.ReadAll(out)
		t.Fatalf("got %s%s, %v, want that it saves", text, rest, err)
	}
	time.Sleep(rand.N(10 * time.Millisecond))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("got %v, want a process that was killed", err)
	}
}
