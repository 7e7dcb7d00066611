package ptq_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/tensor"
)

// TestAnotherProcess runs a saved model in a process that never had the float graph, and wants the same bits.
func TestAnotherProcess(t *testing.T) {
	const variable = "EURYALE_TEST_MODEL"
	x := draw(tensor.Float32, 77, 1, 5, 2, 12, 12)
	if path := os.Getenv(variable); path != "" {
		m, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range output(t, m, x) {
			fmt.Printf("=%x\n", v)
		}
		return
	}
	s := newSmall(t, tensor.Float32)
	for _, activations := range []model.Activations{model.Fixed24, model.DynamicInt8, model.StaticInt8} {
		m, _, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Activations: activations})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "model")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAnotherProcess$")
		child.Env = append(os.Environ(), variable+"="+path)
		printed, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", activations, err, printed)
		}
		var got, want []string
		for line := range strings.Lines(string(printed)) {
			if number, ok := strings.CutPrefix(line, "="); ok && !strings.HasPrefix(number, "=") {
				got = append(got, strings.TrimSpace(number))
			}
		}
		for _, v := range output(t, m, x) {
			want = append(want, fmt.Sprintf("%x", v))
		}
		if len(want) != 25 || !slices.Equal(got, want) {
			t.Errorf("%v: the other process gives %q, want %q", activations, got, want)
		}
	}
}
