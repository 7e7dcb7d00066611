package table

import (
	"strings"
	"testing"
	"text/tabwriter"
)

func TestCell(t *testing.T) {
	for _, text := range []string{"", " ", "fc1", "名", "100%", `"`, "e\u0301", "\u2028"} {
		if got := Cell(text); got != text {
			t.Errorf("%q: got %q, want the same", text, got)
		}
	}
	for _, text := range []string{"\t", "\n", "\v", "\f", "\r", "\x00", "\x7f", "\u0085", "\x1b[2J", "\xff", "a\xffb"} {
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		if _, err := w.Write([]byte(Cell(text) + "\tnext\n")); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got[0] != '"' || !strings.HasSuffix(got, `"  next`+"\n") || strings.Count(got, "\n") != 1 {
			t.Errorf("%q: got the line %q, want the cell quoted", text, got)
		}
	}
}
