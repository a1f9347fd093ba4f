//go:build linux || darwin

package sqlitedb

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// TestALockThatIsReleasedIsFree has a copy of the descriptor, as a process has
// between fork and exec.
func TestALockThatIsReleasedIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	lock, err := lockFile(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(lock.f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written
	if second, err := lockFile(t.Context(), path, 0); err == nil {
		second.release()
		t.Fatal("it can be locked twice")
	}
	lock.release()
	again, err := lockFile(t.Context(), path, 0)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again.release()
}

// TestALockIsWaitedFor has a holder that lets go a moment later, as a process
// that was killed does.
func TestALockIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	first, err := lockFile(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	begun, got := make(chan struct{}), make(chan error)
	go func() {
		close(begun)
		second, err := lockFile(t.Context(), path, time.Hour)
		if err == nil {
			second.release()
		}
		got <- err
	}()
	<-begun
	select {
	case err := <-got:
		t.Fatalf("it was not waited for: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	first.release()
	if err := <-got; err != nil {
		t.Fatalf("after the release: %v", err)
	}
}

func TestWaitingForALockEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	first, err := lockFile(t.Context(), path+".lock", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer first.release()
	o := Options{Migrations: fstest.MapFS{"0001_x.sql": {Data: []byte("CREATE TABLE x (y)")}}, LockTime: 30 * time.Millisecond}
	if _, err := Open(t.Context(), path, o); err == nil || !strings.Contains(err.Error(), "another process is using it") {
		t.Errorf("Open = %v, want that another process is using it", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.LockTime = time.Hour
	if _, err := Open(ctx, path, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a context that is over = %v", err)
	}
}
