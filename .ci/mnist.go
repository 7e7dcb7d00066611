// Mnist reads on standard input what examples/mnist -json prints and fails unless the float model is any good and every
// method was measured. Go leaves folders that start with a dot out of ./..., so this is no package of the module.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const (
	minMethods  = 11
	minAccuracy = 0.9
)

func check() error {
	var result struct {
		Float   struct{ Accuracy float64 }
		Methods []struct {
			Method   string
			Accuracy float64
		}
	}
	if err := json.NewDecoder(os.Stdin).Decode(&result); err != nil {
		return err
	}
	fmt.Printf("%-32s %.4f\n", "float", result.Float.Accuracy)
	names := map[string]bool{}
	for _, m := range result.Methods {
		fmt.Printf("%-32s %.4f\n", m.Method, m.Accuracy)
		names[m.Method] = true
	}
	if result.Float.Accuracy < minAccuracy {
		return fmt.Errorf("float accuracy: got %v, want at least %v", result.Float.Accuracy, minAccuracy)
	}
	if len(names) < minMethods {
		return fmt.Errorf("different methods: got %d, want at least %d", len(names), minMethods)
	}
	return nil
}

func main() {
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, "mnist:", err)
		os.Exit(1)
	}
}
