package atomicfile

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// maxName is how many bytes of a file's name its temporary files have in theirs: systems allow 255.
const maxName = 150

// prefix returns how the names of temporary files for a file called base begin. A long name is cut, and the
// hash of the whole tells it from others that begin alike.
func prefix(base string) string {
	if len(base) <= maxName {
		return "." + base + ".tmp-"
	}
	cut := maxName
	for cut > maxName-utf8.UTFMax && !utf8.RuneStart(base[cut]) {
		cut--
	}
	return fmt.Sprintf(".%s~%.8x.tmp-", base[:cut], sha256.Sum256([]byte(base)))
}

// isTemporary reports whether name is that of a temporary file whose names begin with prefix: what follows is
// 26 characters of base 32, from rand.Text.
func isTemporary(name, prefix string) bool {
	random, ok := strings.CutPrefix(name, prefix)
	return ok && len(random) == len(rand.Text()) && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// create makes a temporary file in dir for a file called base, and locks it, which says that its writer
// lives. Its permissions are those of a new file, or the owner's alone if it is to take after an old one.
func create(dir, base string, old fs.FileInfo) (*os.File, error) {
	perm := fs.FileMode(0o666)
	if old != nil {
		perm = 0o600
	}
	for range 100 {
		f, err := os.OpenFile(dir+prefix(base)+rand.Text(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if err != nil {
			return nil, err
		}
		if lock(f) && isAt(f, f.Name()) {
			return f, nil
		}
		// Another writer took it for a dead one's before it was locked.
		if err := drop(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s%s: temporary files are removed as soon as they are made", fs.ErrExist, dir, base)
}

// isAt reports whether f is the file at path.
func isAt(f *os.File, path string) bool {
	info, err := f.Stat()
	at, errAt := os.Lstat(path)
	return err == nil && errAt == nil && os.SameFile(info, at)
}

// reap removes the temporary files in dir for a file called base whose writers are dead, as far as it can.
func reap(dir, base string) {
	d, err := os.Open(folder(dir))
	if err != nil {
		return
	}
	defer d.Close()
	begin := prefix(base)
	for {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			if isTemporary(name, begin) {
				removeIfDead(dir + name)
			}
		}
		if err != nil || len(names) == 0 {
			return
		}
	}
}
