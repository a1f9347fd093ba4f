//go:build linux || darwin

package sqlitedb

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestALockThatIsReleasedIsFree has a copy of the descriptor, as a process has
// between fork and exec.
func TestALockThatIsReleasedIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	lock, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(lock.f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written
	if second, err := lockFile(path); err == nil {
		second.release()
		t.Fatal("it can be locked twice")
	}
	lock.release()
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again.release()
}
