// Package table is what tables of text have in common.
package table

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cell returns text as a cell of a tabwriter's table: quoted where it has what ends a cell or a line, or what
// does not print.
func Cell(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	return strconv.Quote(text)
}
