//go:build amd64 && !purego

package isa

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestDenied starts a process that may not ask for tiles, and wants the next tier in use there.
func TestDenied(t *testing.T) {
	const stage = "EURYALE_TEST_DENIED"
	switch os.Getenv(stage) {
	case "install":
		if err := denyTiles(); err != nil {
			t.Fatal(err)
		}
		t.Setenv(stage, "report")
		t.Fatal(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	case "report":
		t.Logf("in use: %v", Current())
		return
	}
	if !Supported(AMX) {
		t.Skip("this machine has no AMX to deny")
	}
	command := exec.Command("/proc/self/exe", "-test.run=^TestDenied$", "-test.v")
	command.Env = append(os.Environ(), Variable+"=", stage+"=install")
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "in use: "+AVX512VNNI.String()) {
		t.Errorf("%v, want %v in use:\n%s", err, AVX512VNNI, out)
	}
}

// denyTiles makes every later arch_prctl(ARCH_REQ_XCOMP_PERM) of this process and of what
// it becomes fail with EPERM.
func denyTiles() error {
	const (
		number, argument = 0, 16 // offsets in struct seccomp_data
		setModeFilter    = 1
		syncThreads      = 1
	)
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: skip}
	}
	result := func(value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
	}
	filter := []unix.SockFilter{
		load(number), unless(unix.SYS_ARCH_PRCTL, 3),
		load(argument), unless(0x1023, 1),
		result(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)),
		result(unix.SECCOMP_RET_ALLOW),
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, syncThreads, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	return nil
}
