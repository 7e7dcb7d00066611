package ptq_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The programs in README.md are those of the examples here, line by line, so they compile and run.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("*example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		examples = append(examples, string(text))
	}
	programs := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(programs) < 3 {
		t.Fatalf("README.md: got %d programs, want 3 or more", len(programs))
	}
	for i, p := range programs {
		program := strings.TrimSpace(p[1])
		if n := strings.Count(program, "\n") + 1; n > 20 {
			t.Errorf("README.md: program %d has %d lines, want at most 20", i, n)
		}
		indented := regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(program, "\t$1")
		if !strings.Contains(strings.Join(examples, "\n"), indented+"\n") {
			t.Errorf("README.md: program %d is in no example:\n%s", i, program)
		}
	}
}
