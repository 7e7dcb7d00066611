package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// becomes gives this thread alone to another user and group.
func becomes(t *testing.T, id uintptr) {
	t.Helper()
	for _, call := range []struct{ number, a, b, c uintptr }{
		{syscall.SYS_SETGROUPS, 0, 0, 0},
		{syscall.SYS_SETRESGID, id, id, id},
		{syscall.SYS_SETRESUID, id, id, id},
	} {
		if _, _, err := syscall.RawSyscall(call.number, call.a, call.b, call.c); err != 0 {
			t.Error(err)
		}
	}
}

// TestWriteAsAnother replaces files of others as one who may not give files away, and may not write to all of
// them.
func TestWriteAsAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a thread becomes another user's for a superuser")
	}
	dir := t.TempDir()
	t.Chdir(dir) // others do not come here by the folders above
	if err := errors.Join(put("a", "old"), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	wantFile(t, "a", "old")
	as := func(mode fs.FileMode) (err error) {
		if err := os.Chmod("a", mode); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // and ends with the goroutine
			becomes(t, 1234)
			err = put("a", "new")
		}()
		<-done
		return err
	}
	if err := as(0o664); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another's file: got %v, want fs.ErrPermission", err)
	}
	wantFile(t, "a", "old")
	if err := as(0o626); err != nil {
		t.Error(err)
	}
	wantFile(t, "a", "new")
	info, err := os.Stat("a")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Sys().(*syscall.Stat_t); got.Uid != 1234 || got.Gid != 1234 || info.Mode() != 0o666 {
		t.Errorf("got owner %d, group %d, mode %v, want 1234 and what all others may do", got.Uid, got.Gid, info.Mode())
	}
	wantNames(t, dir, "a")
}
