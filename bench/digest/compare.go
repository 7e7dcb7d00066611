package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// lines are sums by key.
type lines map[string]string

// String returns a line `key sha256` for each key, sorted.
func (l lines) String() string {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(l)) {
		fmt.Fprintf(&text, "%s %s\n", key, l[key])
	}
	return text.String()
}

// readLines reads what String wrote. A key that comes twice is an error.
func readLines(r io.Reader) (lines, error) {
	l := lines{}
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		i := strings.LastIndexByte(scanner.Text(), ' ')
		if i <= 0 || len(scanner.Text()) != i+1+64 {
			return nil, fmt.Errorf("got line %q, want `key sha256`", scanner.Text())
		}
		key, sum := scanner.Text()[:i], scanner.Text()[i+1:]
		if l[key] != "" {
			return nil, fmt.Errorf("key %q comes twice", key)
		}
		l[key] = sum
	}
	return l, scanner.Err()
}

// compareFiles works like compare on two files.
func compareFiles(w io.Writer, older, newer string) error {
	var both [2]lines
	for i, path := range []string{older, newer} {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if both[i], err = readLines(f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return compare(w, both[0], both[1])
}

// compare prints the keys that differ or that one side lacks, and how many there are. Any such key is an
// error, and so is the comparison of nothing.
func compare(w io.Writer, older, newer lines) error {
	all := maps.Clone(older)
	maps.Copy(all, newer)
	var compared, differ, gone, added int
	for _, key := range slices.Sorted(maps.Keys(all)) {
		x, inOld := older[key]
		y, inNew := newer[key]
		switch {
		case !inNew:
			gone++
			fmt.Fprintln(w, "missing from the new:", key)
		case !inOld:
			added++
			fmt.Fprintln(w, "missing from the old:", key)
		default:
			compared++
			if x != y {
				differ++
				fmt.Fprintln(w, "differs:", key)
			}
		}
	}
	fmt.Fprintf(w, "compared %d keys: %d differ; %d are missing from the new, %d from the old\n", compared, differ, gone, added)
	if compared == 0 || differ+gone+added > 0 {
		return errors.New("the digests are not the same")
	}
	return nil
}
