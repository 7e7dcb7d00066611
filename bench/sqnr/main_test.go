package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// The formats that have reached their target stay there.
func TestTargets(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, 1, true); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{"int8 per channel": true, "int8 group 32": true, "float16": true, "bfloat16": true}
	for _, r := range rows {
		if r.SQNR > r.Ceiling {
			t.Errorf("%s: got %.2f dB, above the bound %.2f", r.Format, r.SQNR, r.Ceiling)
		}
		if reached[r.Format] {
			delete(reached, r.Format)
			if r.SQNR < r.Target-0.05 { // one seed moves by less than that
				t.Errorf("%s: got %.2f dB, want %.2f", r.Format, r.SQNR, r.Target)
			}
		}
	}
	if len(reached) > 0 {
		t.Errorf("missing: %v", reached)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, 1, false); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 1+len(formats()) {
		t.Errorf("got %d lines, want %d:\n%s", lines, 1+len(formats()), out.String())
	}
	if err := run(&out, 0, false); err == nil {
		t.Error("-seeds 0: got no error")
	}
}
