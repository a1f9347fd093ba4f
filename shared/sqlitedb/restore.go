package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Restore replaces the database at path, which no process may have open, by a
// backup that it reads from src. It verifies the backup as a whole first (see
// Verify); if that or anything before it fails, what is at path stays as it is.
func Restore(ctx context.Context, src io.Reader, path string, o Options) (found Contents, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return found, fmt.Errorf("restore %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return found, fmt.Errorf("restore %s: %w", path, err)
	}
	lock, err := lockFile(ctx, path+".lock", o.withDefaults().LockTime)
	if err != nil {
		return found, fmt.Errorf("restore %s: stop the service first: %w", path, err)
	}
	defer lock.release()
	part := path + ".restored"
	defer func() { _ = os.Remove(part) }() // after the rename there is none
	if err := writeSynced(part, src); err != nil {
		return found, fmt.Errorf("restore %s: %w", path, Classify(err))
	}
	if found, err = Verify(ctx, part, o); err != nil {
		return found, err
	}
	// The old log first: SQLite would apply it to the new file. Until the rename
	// there is the old database, as it was at its last checkpoint.
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return found, fmt.Errorf("restore %s: %w", path, err)
		}
	}
	if err := os.Rename(part, path); err != nil {
		return found, fmt.Errorf("restore %s: %w", path, err)
	}
	return found, syncDir(filepath.Dir(path))
}

// writeSynced writes a new file whose content is on disk when it returns.
func writeSynced(path string, src io.Reader) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // beside the database
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, src); err != nil {
		return err
	}
	return f.Sync()
}
