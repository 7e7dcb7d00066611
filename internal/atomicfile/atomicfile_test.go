package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// entries returns the names in dir.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

var errFull = errors.New("disk full")

// put writes text to the file at path.
func put(path, text string) error {
	return Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// wantFile checks that the file at path holds text.
func wantFile(t *testing.T, path, text string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s: got %q, %v, want %q", path, got, err, text)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := entries(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s: got files %q, want %q", dir, got, want)
	}
}

func permissions(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	first, second := "first", "second"
	if err := put(path, first); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, first)

	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got, want := permissions(t, path), permissions(t, plain); got != want {
		t.Errorf("permissions of a file that did not exist: got %v, want %v", got, want)
	}
	for _, perm := range []fs.FileMode{0o640, 0o600, 0o666, 0o200, 0o777} {
		if err := os.Chmod(path, perm); err != nil {
			t.Fatal(err)
		}
		want := permissions(t, path)
		if err := put(path, second); err != nil {
			t.Fatal(err)
		}
		if got := permissions(t, path); got != want {
			t.Errorf("permissions of a file that existed: got %v, want %v", got, want)
		}
	}
	wantFile(t, path, second)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := put(path, first); !errors.Is(err, fs.ErrPermission) { // also of a superuser
		t.Errorf("a read-only file: got %v, want fs.ErrPermission", err)
	}
	wantFile(t, path, second)
	wantNames(t, dir, "a.safetensors")
}

func TestWriteInTheWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	w := "w"
	if err := put("a", w); err != nil {
		t.Fatal(err)
	}
	wantFile(t, "a", w)
	wantNames(t, dir, "a")
}

func TestWriteFollowsLinks(t *testing.T) {
	old, w := "old", "w"
	tests := []struct {
		name   string
		links  [][2]string // each from, to
		exists bool        // whether the target does
	}{
		{"to a file", [][2]string{{"link", "target"}}, true},
		{"to a file in another directory", [][2]string{{"link", "sub/../sub/target"}}, true},
		{"to nothing", [][2]string{{"link", "target"}}, false},
		{"to a link to nothing", [][2]string{{"link", "sub/next"}, {"sub/next", "target"}}, false},
		{"through a link to a directory", [][2]string{{"link", "far/../target"}, {"far", "sub/deep"}}, true},
	}
	targets := []string{"target", "sub/target", "target", "sub/target", "sub/target"}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			if err := os.MkdirAll("sub/deep", 0o777); err != nil {
				t.Fatal(err)
			}
			for _, link := range test.links {
				if err := os.Symlink(filepath.FromSlash(link[1]), link[0]); err != nil {
					t.Skip(err)
				}
			}
			if test.exists {
				if err := put(targets[i], old); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{"link", filepath.Join(dir, "link")} {
				if err := put(path, w); err != nil {
					t.Fatal(err)
				}
				wantFile(t, targets[i], w)
			}
			for _, link := range test.links {
				if got, err := os.Readlink(link[0]); err != nil || got != filepath.FromSlash(link[1]) {
					t.Errorf("Readlink(%s): got %q, %v, want %q", link[0], got, err, link[1])
				}
			}
		})
	}
}

func TestWriteRefusesLinksInACircle(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.Symlink("b", a), os.Symlink("a", b)); err != nil {
		t.Skip(err)
	}
	if err := put(a, "a"); err == nil {
		t.Error("Write: got no error")
	}
	if got, err := followLinks(a); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("followLinks: got %q, %v, want fs.ErrInvalid", got, err)
	}
	wantNames(t, dir, "a", "b")
}

// TestWriteKeepsTheFile checks that whatever fails, a file that was there is as it was and no other is left.
func TestWriteKeepsTheFile(t *testing.T) {
	old := "old"
	tests := []struct {
		name  string
		write func(path string) error
		want  error
	}{
		{"failure at the first byte", func(path string) error {
			return Write(path, func(io.Writer) error { return errFull })
		}, errFull},
		{"failure in the middle", func(path string) error {
			return Write(path, func(w io.Writer) error {
				_, err := w.Write(make([]byte, 1000))
				return errors.Join(err, errFull)
			})
		}, errFull},
		{"panic", func(path string) (err error) {
			defer func() { err = recover().(error) }()
			return Write(path, func(io.Writer) error { panic(errFull) })
		}, errFull},
		{"failure of Sync and Close", func(path string) error {
			return Write(path, func(w io.Writer) error { return w.(io.Closer).Close() })
		}, os.ErrClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			if err := test.write(path); !errors.Is(err, test.want) {
				t.Errorf("no file before: got %v, want %v", err, test.want)
			}
			wantNames(t, dir)
			if err := put(path, old); err != nil {
				t.Fatal(err)
			}
			if err := test.write(path); !errors.Is(err, test.want) {
				t.Errorf("a file before: got %v, want %v", err, test.want)
			}
			wantFile(t, path, old)
			wantNames(t, dir, "a")
		})
	}
}

func TestWriteFailures(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		want       error // nil for any
	}{
		{"no path", "", nil},
		{"no such directory", filepath.Join(dir, "none", "a"), fs.ErrNotExist},
		{"a directory", sub, fs.ErrInvalid},
		{"below a file", filepath.Join(file, "a"), nil},
	}
	for _, test := range tests {
		err := put(test.path, "w")
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want an error, %v", test.name, err, test.want)
		}
	}
	wantNames(t, dir, "file", "sub")

	// The name is taken by a directory while the temporary file is written, so that it cannot be renamed.
	path := filepath.Join(dir, "taken")
	err := Write(path, func(io.Writer) error { return os.MkdirAll(filepath.Join(path, "x"), 0o777) })
	if err == nil {
		t.Error("name taken by a directory: got no error")
	}
	wantNames(t, dir, "file", "sub", "taken")
}

func TestWriteInAReadOnlyDirectory(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("permissions do not bind here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	old := "old"
	if err := put(path, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	if err := put(path, "w"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want fs.ErrPermission", err)
	}
	wantFile(t, path, old)
	wantNames(t, dir, "a")
}
