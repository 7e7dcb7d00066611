package ptq_test

import (
	"os"
	"strings"
	"testing"
)

// The code in README.md is that of Example, line by line, so it compiles and runs.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(readme), "```go\n")
	code, _, closed := strings.Cut(code, "```")
	lines := strings.Split(strings.TrimSpace(code), "\n")
	if !found || !closed || len(lines) < 10 || len(lines) > 20 {
		t.Fatalf("README.md: got an example of %d lines, want 10 to 20", len(lines))
	}
	for _, line := range lines {
		if !strings.Contains(string(example), "\t"+line+"\n") && line != "" {
			t.Errorf("README.md: %q is not in example_test.go", line)
		}
	}
}
