package sqlitedb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/monlight/monlight/shared/errs"
)

// Backup writes a copy of the database, as it is when Backup begins, to dst,
// which it replaces in one step when the copy is complete, checked and on
// disk. Writes go on meanwhile. It needs room for one more database.
func (db *DB) Backup(ctx context.Context, dst string) error {
	return Copy(ctx, db.path, dst)
}

// Copy is Backup for a database that this process does not have open; another
// one may be writing to it.
func Copy(ctx context.Context, src, dst string) (err error) {
	src, err = filepath.Abs(src)
	if err != nil {
		return fmt.Errorf("back up %s: %w", src, err)
	}
	if dst, err = filepath.Abs(dst); err != nil {
		return fmt.Errorf("back up %s: %w", src, err)
	}
	if sameFile(src, dst) {
		return errs.New(errs.Invalid, "back up %s: that is the database itself", dst)
	}
	if err := backup(ctx, src, dst); err != nil {
		return fmt.Errorf("back up %s to %s: %w", src, dst, Classify(err))
	}
	return nil
}

func sameFile(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && os.SameFile(fa, fb)
}

func backup(ctx context.Context, src, dst string) error {
	dir := filepath.Dir(dst)
	need := fileSize(src) + fileSize(src+"-wal")
	if need == 0 {
		return errs.New(errs.NotFound, "no database at %s", src)
	}
	if _, free, err := diskSpace(dir); err == nil && free < need {
		return errs.RetryIn(errs.Unavailable, retryDisk, "%s has %d bytes free, %d are needed", dir, free, need)
	}
	// The copy grows beside its place, so that the rename is one step. What an
	// earlier try left there when it was killed is overwritten.
	tmp, err := openLocked(dst + ".part")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // after the rename there is none
	defer tmp.Close()
	if err := tmp.Truncate(0); err != nil {
		return err
	}
	if err := vacuumInto(ctx, src, tmp.Name()); err != nil {
		return err
	}
	if err := checkFile(ctx, tmp.Name()); err != nil {
		return fmt.Errorf("the copy is not good: %w", err)
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), dst); err != nil {
		return err
	}
	return syncDir(dir)
}

// vacuumInto writes into an empty file, which SQLite allows and which keeps
// its mode of 0600.
func vacuumInto(ctx context.Context, src, dst string) (err error) {
	c, err := openDriverConn(dsn(src, true))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	_, err = c.ExecContext(ctx, "VACUUM INTO ?", []driver.NamedValue{{Ordinal: 1, Value: dst}})
	return err
}
