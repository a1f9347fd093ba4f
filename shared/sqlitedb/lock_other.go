//go:build !linux && !darwin

package sqlitedb

import (
	"context"
	"os"
	"time"
)

// fileLock does nothing where the system has no flock.
type fileLock struct{}

func lockFile(context.Context, string, time.Duration) (*fileLock, error) { return &fileLock{}, nil }

func (l *fileLock) release() {}

func openLocked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
