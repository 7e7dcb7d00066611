package strictjson

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// raw reads a value and returns its text.
func (d *decoder) raw() []byte {
	d.next()
	begin := d.at
	for depth := 0; ; {
		switch c := d.data[d.at]; c {
		case '"':
			d.at = endOfString(d.data, d.at)
		case '{', '[':
			depth++
			d.at++
			continue
		case '}', ']':
			depth--
			d.at++
		case ' ', '\t', '\r', '\n', ',', ':':
			d.at++
			continue
		default:
			d.at = endOfScalar(d.data, d.at)
		}
		if depth == 0 {
			return d.data[begin:d.at]
		}
	}
}

// count returns how many elements the array at d.at has, and the bytes of its text.
func (d *decoder) count() (elements, size int) {
	depth, empty := 0, true
	for i := d.at; ; {
		switch d.data[i] {
		case '"':
			i, empty = endOfString(d.data, i), false
			continue
		case '{', '[':
			if depth++; depth > 1 {
				empty = false
			}
		case '}', ']':
			if depth--; depth == 0 {
				if !empty {
					elements++
				}
				return elements, i + 1 - d.at
			}
		case ',':
			if depth == 1 {
				elements++
			}
		case ' ', '\t', '\r', '\n', ':':
		default:
			empty = false
		}
		i++
	}
}

// endOfString returns the index behind the string that starts at i.
func endOfString(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++ // with what is escaped
		}
	}
	return i + 1
}

// endOfScalar returns the index behind the number, the boolean or the null that starts at i.
func endOfScalar(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch data[i] {
		case ' ', '\t', '\r', '\n', ',', ':', ']', '}':
			return i
		}
	}
	return i
}

// InvalidText returns the offset of the first byte of JSON that is not UTF-8, or else of the first \u escape
// that is half of a surrogate pair, or −1. encoding/json would read both as U+FFFD, making different names
// equal.
func InvalidText(h []byte) int {
	for i := 0; i < len(h); {
		if h[i] < utf8.RuneSelf && h[i] != '\\' {
			i++
			continue
		}
		r, n := utf8.DecodeRune(h[i:])
		switch u := codeUnit(h[i:]); {
		case r == utf8.RuneError && n == 1:
			return i
		case r == '\\' && !utf16.IsSurrogate(u):
			n = 2 // with what it escapes, which may be another backslash
		case r == '\\':
			if utf16.DecodeRune(u, codeUnit(h[i+6:])) == utf8.RuneError {
				return i
			}
			n = 12
		}
		i += n
	}
	return -1
}

// codeUnit returns the XXXX of the escape \uXXXX that b starts with, or 0.
func codeUnit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	u, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(u)
}
