package atomicfile

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// leave makes the temporary file that a writer of base in dir leaves when it is killed, some time ago.
func leave(t *testing.T, dir, base string) string {
	t.Helper()
	f, err := create(dir, base, nil)
	if err == nil {
		err = errors.Join(f.Close(), os.Chtimes(f.Name(), time.Time{}, time.Now().Add(-time.Hour)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// names are those of files that are written: every kind that a system may take for something else.
var names = []string{
	"a", "a.safetensors", ".hidden", "-rf", "with space", "*", "[a-z]?", "a\\b", "line\nbreak", "größe", "模型", "a.tmp-",
	".a.tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	strings.Repeat("n", maxName), strings.Repeat("n", maxName+1), strings.Repeat("n", 254) + "o",
	strings.Repeat("n", 255), strings.Repeat("模", 85), strings.Repeat("o", 149) + "模型", "\xff\xfe",
}

// TestReap leaves temporary files of dead writers beside files of all names: the next writer of a file
// removes its own.
func TestReap(t *testing.T) {
	tried := 0
	for _, base := range names {
		dir := t.TempDir() + string(filepath.Separator)
		if err := put(dir+base, "old"); err != nil {
			t.Logf("%q: %v", base, err) // not a name here
			continue
		}
		tried++
		dead := []string{leave(t, dir, base), leave(t, dir, base), leave(t, dir, base)}
		live, err := create(dir, base, nil)
		if err != nil {
			t.Fatal(err)
		}
		begin := dir + prefix(base)
		untouched := []string{
			dir + base, live.Name(), leave(t, dir, "other"), begin, begin + "ABC",
			begin + strings.Repeat("a", 26), begin + strings.Repeat("A", 27), begin + "x" + strings.Repeat("A", 25),
		}
		for _, path := range untouched[3:] {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		folder, link := begin+rand.Text(), begin+rand.Text()
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		untouched = append(untouched, folder)
		if os.Symlink(base, link) == nil {
			untouched = append(untouched, link)
		}
		if err := put(dir+base, "new"); err != nil {
			t.Errorf("%q: %v", base, err)
		}
		wantFile(t, dir+base, "new")
		for _, path := range dead {
			if !missing(path) {
				t.Errorf("%q: the file of a dead writer stays: %q", base, path)
			}
		}
		for _, path := range untouched {
			if missing(path) {
				t.Errorf("%q: %q is gone", base, path)
			}
		}
		if err := live.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d names of %d", tried, len(names))
	for i, a := range names {
		for _, b := range names[:i] {
			if prefix(a) == prefix(b) {
				t.Errorf("%q and %q have the same temporary files", a, b)
			}
		}
	}
}

// TestReapBesideTheTarget leaves a file where the target of a link is, which the next writer through the link
// removes.
func TestReapBesideTheTarget(t *testing.T) {
	dir, far := t.TempDir(), t.TempDir()+string(filepath.Separator)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(far+"target", link); err != nil {
		t.Skip(err)
	}
	leave(t, far, "target")
	if err := put(link, "new"); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "link")
	wantNames(t, far, "target")
}

// TestWriters has writers of one file at work at once: all succeed, and none of their temporary files is
// left.
func TestWriters(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is being replaced cannot be")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	texts := []string{"first", "second", "third", "fourth"}
	var done sync.WaitGroup
	for _, text := range texts {
		done.Go(func() {
			for range 100 {
				if err := put(path, text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	if got, err := os.ReadFile(path); err != nil || !slices.Contains(texts, string(got)) {
		t.Errorf("got %q, %v, want one of %q", got, err, texts)
	}
	wantNames(t, dir, "a")
}

// TestWriteWhileWriting writes a file while another writer is in the middle of it.
func TestWriteWhileWriting(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a closed file stays for a minute")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	err := Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "outer")
		return errors.Join(err, put(path, "inner"))
	})
	if err != nil {
		t.Error(err)
	}
	wantFile(t, path, "outer")
	wantNames(t, dir, "a")
}
