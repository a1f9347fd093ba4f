//go:build linux || darwin

package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// fileLock keeps a second process away from a database. Several processes could
// share one as far as SQLite is concerned, but not with what the services keep
// in memory about it. The system drops the lock when the process ends, however
// it ends.
//
// It is a file of its own because closing any descriptor of the database file
// would drop the locks that SQLite holds on it.
type fileLock struct{ f *os.File }

// lockFile waits up to patience for a lock that is held: a process that was
// killed holds its locks until the system has taken it apart, and whoever starts
// the next one need not wait for that.
func lockFile(ctx context.Context, path string, patience time.Duration) (*fileLock, error) {
	const pause = 20 * time.Millisecond
	end := time.Now().Add(patience)
	for {
		f, err := openLocked(path)
		if err == nil {
			return &fileLock{f}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(end) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// lockedError is EWOULDBLOCK in words.
type lockedError struct{ path string }

func (e *lockedError) Error() string {
	return fmt.Sprintf("another process is using it (%s is locked)", e.path)
}
func (e *lockedError) Unwrap() error { return syscall.EWOULDBLOCK }

// release drops the lock at once. Closing alone would not while a process that
// is just being started has a copy of the descriptor: until it runs its own program.
func (l *fileLock) release() {
	_ = syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN)
	l.f.Close()
}

// openLocked opens or creates a file that nobody else has opened so.
func openLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &lockedError{path}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
