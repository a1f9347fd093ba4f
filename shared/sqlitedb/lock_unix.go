//go:build linux || darwin

package sqlitedb

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// fileLock keeps a second process away from a database. Several processes could
// share one as far as SQLite is concerned, but not with what the services keep
// in memory about it. The system drops the lock when the process ends, however
// it ends.
//
// It is a file of its own because closing any descriptor of the database file
// would drop the locks that SQLite holds on it.
type fileLock struct{ f *os.File }

func lockFile(path string) (*fileLock, error) {
	f, err := openLocked(path)
	if err != nil {
		return nil, err
	}
	return &fileLock{f}, nil
}

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
			return nil, fmt.Errorf("another process is using it (%s is locked)", path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
