// Mnist reads on standard input what examples/mnist -json prints, and fails unless the float model is any
// good and every method is as small and as accurate as README.md says. Go leaves folders that start with a
// dot out of ./..., so this is no package of the module.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

const (
	minMethods  = 11 // the ten, and int4 in groups
	minAccuracy = 0.95
)

type line struct {
	Method   string
	Bits     float64 `json:"bits_per_weight"`
	Bytes    int
	Accuracy float64
}

// limits returns the largest share of float's bytes and the largest loss of accuracy that a method may have.
func (l line) limits() (share, loss float64) {
	switch {
	case l.Method == "float32-model":
		return 1, 0.0005
	case l.Method == "int4-group32" || l.Method == "qat-4bit":
		return 0.145, 0.01
	case l.Method == "qat-2bit": // a byte each
		return 0.27, 0.02
	case l.Method == "post-2bit": // which is what training is for
		return 0.27, 1
	case l.Bits < 5: // a whole tensor with one scale at 4 bits
		return 0.145, 0.05
	case l.Bits < 9:
		return 0.27, 0.005
	}
	return 0.5, 0.005
}

func check() error {
	var result struct {
		Float   line
		Methods []line
	}
	if err := json.NewDecoder(os.Stdin).Decode(&result); err != nil {
		return err
	}
	var err error
	float := result.Float
	fmt.Printf("%-20s %8d bytes, accuracy %.4f\n", "float", float.Bytes, float.Accuracy)
	if float.Accuracy < minAccuracy {
		err = errors.Join(err, fmt.Errorf("float: got accuracy %v, want at least %v", float.Accuracy, minAccuracy))
	}
	byName := map[string]line{}
	for _, m := range result.Methods {
		byName[m.Method] = m
		share, loss := float64(m.Bytes)/float64(float.Bytes), float.Accuracy-m.Accuracy
		fmt.Printf("%-20s %8d bytes, %.3f of float's, accuracy %.4f, %+.4f\n", m.Method, m.Bytes, share, m.Accuracy, -loss)
		if maxShare, maxLoss := m.limits(); share > maxShare || loss > maxLoss+1e-9 {
			err = errors.Join(err, fmt.Errorf("%s: got %.4f of the bytes and a loss of %.4f, want at most %v and %v", m.Method,
				share, loss, maxShare, maxLoss))
		}
	}
	if len(byName) < minMethods {
		err = errors.Join(err, fmt.Errorf("got %d different methods, want at least %d", len(byName), minMethods))
	}
	post, qat := byName["post-2bit"], byName["qat-2bit"] // of -qat, both or none
	if post != qat && qat.Accuracy <= post.Accuracy {
		err = errors.Join(err, fmt.Errorf("2 bits: got accuracy %v where they were trained and %v where not, want better",
			qat.Accuracy, post.Accuracy))
	}
	return err
}

func main() {
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
