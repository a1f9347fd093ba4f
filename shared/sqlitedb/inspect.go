package sqlitedb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	headerSize  = 100 // of every SQLite file, https://www.sqlite.org/fileformat2.html#the_database_header
	headerMagic = "SQLite format 3\x00"
)

// inspect looks at a file before anything may change it: whether it is there,
// whole, ours and not too new. fresh is true when there is nothing yet.
func inspect(ctx context.Context, path string, o Options, newest int) (fresh bool, err error) {
	fresh, err = inspectFile(path)
	if fresh || err != nil {
		return fresh, err
	}
	return false, inspectContent(ctx, path, o, newest)
}

// inspectFile judges by the bytes alone. The file must not be open in this
// process: closing it here would drop the locks on it.
func inspectFile(path string) (fresh bool, err error) {
	wal := fileSize(path + "-wal")
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if wal > 0 {
			return false, &DamageError{path, fmt.Sprintf("the file is missing, but %s-wal holds %d bytes of it", path, wal)}
		}
		return true, nil
	case err != nil:
		return false, fmt.Errorf("open %s: %w", path, err)
	case !fi.Mode().IsRegular():
		return false, fmt.Errorf("open %s: not a regular file", path)
	case fi.Size() == 0:
		// What a crash right after creation leaves, unless there is a log:
		// SQLite would throw that away without a word.
		if wal > 0 {
			return false, &DamageError{path, fmt.Sprintf("the file is empty, but %s-wal holds %d bytes", path, wal)}
		}
		return true, nil
	}
	if finding, err := inspectHeader(path, fi.Size(), wal); err != nil {
		return false, fmt.Errorf("open %s: %w", path, err)
	} else if finding != "" {
		return false, &DamageError{path, finding}
	}
	return false, nil
}

func inspectHeader(path string, size, wal int64) (finding string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var h [headerSize]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Sprintf("it has %d bytes, fewer than the header of a database", size), nil
		}
		return "", err
	}
	if string(h[:16]) != headerMagic {
		return fmt.Sprintf("it is not a SQLite database, it begins with %q", h[:16]), nil
	}
	page := int64(binary.BigEndian.Uint16(h[16:]))
	if page == 1 {
		page = 65536
	}
	if page < 512 || page&(page-1) != 0 {
		return fmt.Sprintf("its header gives a page size of %d", page), nil
	}
	// While there is a log, the newest size of the file is in there, and after
	// a crash in a checkpoint the header can be ahead of the file.
	pages := int64(binary.BigEndian.Uint32(h[28:]))
	if wal == 0 && fileSize(path+"-journal") == 0 && pages*page > size {
		return fmt.Sprintf("it has %d bytes, its header says %d: the end is missing", size, pages*page), nil
	}
	return "", nil
}

// inspectContent reads through a connection that cannot write, and that
// therefore also leaves the log of a damaged file where it is.
func inspectContent(ctx context.Context, path string, o Options, newest int) error {
	// A rollback journal is what a kill right after creation leaves; only a
	// connection that may write can read past it.
	readOnly := fileSize(path+"-journal") == 0
	c, err := openDriverConn(dsn(path, readOnly))
	if err != nil {
		return refuse(path, err)
	}
	defer func() { _ = c.Close() }()
	var version, app, tables int64
	for query, dest := range map[string]*int64{
		"PRAGMA user_version":                &version,
		"PRAGMA application_id":              &app,
		"SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if err := queryInts(ctx, c, query, dest); err != nil {
			return refuse(path, err)
		}
	}
	switch {
	case version > int64(newest):
		return &NewerError{path, int(version), newest}
	case version == 0 && tables > 0:
		return fmt.Errorf("open %s: it is a database of another program (%d tables and indexes, schema version 0): move it away or choose another path", path, tables)
	case version > 0 && o.ApplicationID != 0 && app != int64(o.ApplicationID):
		return fmt.Errorf("open %s: it is a database of another program (application id %#x, want %#x): move it away or choose another path", path, uint32(app), uint32(o.ApplicationID)) //nolint:gosec // shown as bits
	}
	return inspectPages(ctx, c, path, o)
}

// inspectPages walks the pages of all tables for as long as it may. A file of
// some 100 MB is checked as a whole; of a larger one as much as the time
// allows, because a start must not take minutes. Check does all of it.
func inspectPages(ctx context.Context, c driverConn, path string, o Options) error {
	limited, cancel := context.WithTimeout(ctx, o.CheckTime)
	defer cancel()
	findings, err := queryStrings(limited, c, "PRAGMA quick_check(5)")
	outOfTime := isInterrupt(err) && ctx.Err() == nil // ours, not the caller's
	if err != nil && !outOfTime {
		return refuse(path, err)
	}
	return damageOf(path, findings)
}

// damageOf turns what a check found into an error, or nil if it found nothing.
func damageOf(path string, findings []string) error {
	if len(findings) == 0 || len(findings) == 1 && findings[0] == "ok" {
		return nil
	}
	return &DamageError{path, strings.Join(findings, "; ")}
}

// refuse makes a damage report of an error that means damage.
func refuse(path string, err error) error {
	if isDamage(err) {
		return &DamageError{path, err.Error()}
	}
	return fmt.Errorf("open %s: %w", path, Classify(err))
}

// createEmpty makes the file with the mode that SQLite then also gives to its
// log, and makes its name durable.
func createEmpty(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Check reads the whole file and returns a *DamageError if anything is wrong
// with it. It takes about a second for each 100 MB.
func (db *DB) Check(ctx context.Context) error {
	return checkFile(ctx, db.path)
}

func checkFile(ctx context.Context, path string) error {
	c, err := openDriverConn(dsn(path, true))
	if err != nil {
		return refuse(path, err)
	}
	defer func() { _ = c.Close() }()
	findings, err := queryStrings(ctx, c, "PRAGMA integrity_check(20)")
	if err != nil {
		return refuse(path, err)
	}
	return damageOf(path, findings)
}
