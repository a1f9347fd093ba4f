// Package sqlitedb is how our services keep data in SQLite: one writer with
// group commit, a small pool of readers, migrations, checks and backups.
//
// A Write that returned nil is on disk and survives a crash of the process and
// a power cut (write-ahead log with synchronous=FULL). One that returned an
// error may or may not have happened and must be harmless to repeat. What the
// disk itself damages later is not detected, because SQLite has no page
// checksums: keep backups. Network file systems are not supported.
package sqlitedb

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how to open a database. The zero value is usable but for
// Migrations, which must hold at least one file.
type Options struct {
	// Migrations holds NNNN_name.sql files, numbered from 0001 without gaps,
	// at its top or in a folder "migrations". Each runs once, in a
	// transaction of its own, and must not end that transaction.
	Migrations fs.FS
	// ApplicationID marks the file as ours in its header, so that a database
	// of another service is refused. 0 means no mark and no check.
	ApplicationID int32

	Log *slog.Logger     // nil discards
	Now func() time.Time // for the limits on time between log lines; nil is time.Now

	// MinFreeBytes is the free disk space under which Write refuses. 0 is the
	// smaller of 64 MiB and an eighth of the disk; less than 0 is no floor.
	MinFreeBytes int64
	// Relaxed lets a Write return before the disk has synced it (synchronous=NORMAL):
	// faster, and still safe from a crash of the process, but a power cut may
	// take back the last seconds. The file stays whole either way.
	Relaxed bool
	// QueueSize bounds the writes that wait for the writer; 0 is 1,024.
	QueueSize int
	// Readers is the most connections that read at a time, and the most
	// Snapshots; 0 is 4.
	Readers int
	// ReadTimeout ends a read, and a read transaction, that takes longer.
	// 0 is 10 s.
	ReadTimeout time.Duration
	// CheckTime bounds the check of the file's structure at the start: a file
	// too large to be checked in that time is opened after as much of the
	// check as the time allowed. 0 is 1 s.
	CheckTime time.Duration
	// LockTime is how long Open and Restore wait for another process to let go
	// of the file before they refuse; 0 is 3 s, less than 0 is not at all.
	LockTime time.Duration
	// MaxWALBytes is the size from which on the write-ahead log is emptied
	// as soon as no reader is in the way; 0 is 16 MiB.
	MaxWALBytes int64

	// PageSize is the size of the pages of a file that is made anew, a power
	// of two from 512 to 65,536; 0 is 4,096. Large values suit large pages.
	PageSize int
	// WriterCacheKiB and ReaderCacheKiB bound the page caches of the writer
	// and of each reader, of which there are Readers in the pool and as many
	// for Snapshots; 0 is 2,048 and 512. In memory they take nearly twice that:
	// a page and what SQLite knows of it are rounded up to a power of two.
	WriterCacheKiB, ReaderCacheKiB int
}

// Sizes of the page caches. They are the larger part of what an idle service
// keeps in memory; the operating system's cache is behind them.
const (
	writerCacheKiB = 2048
	readerCacheKiB = 512
)

const (
	defaultQueueSize   = 1024
	defaultReaders     = 4
	defaultReadTimeout = 10 * time.Second
	defaultCheckTime   = time.Second
	defaultLockTime    = 3 * time.Second
	defaultMaxWAL      = 16 << 20
	idleReaderTime     = time.Minute // after which a reader's memory is given back
)

// DB is one open database file. It is safe for concurrent use.
type DB struct {
	path    string
	opts    Options
	log     *slog.Logger
	read    *sql.DB
	lock    *fileLock
	floor   floor
	w       *writer
	version int

	snapshots snapshots
	requests  sync.Pool // of *request

	closing   atomic.Bool
	sendMu    sync.RWMutex // held for reading while a write is put into the queue
	closeOnce sync.Once
	closeErr  error
}

// Open opens or creates the database at path, with its folder, and brings it to
// the newest migration. It refuses a file that another process has open, that
// is damaged (*DamageError), that belongs to another program, or that a newer
// version of the program wrote; it never changes a file that it refuses.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	o = o.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	migrations, err := loadMigrations(o.Migrations)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	// The folder is made for this file alone: what is in it is nobody else's to read.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	lock, err := lockFile(ctx, path+".lock", o.LockTime)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := &DB{path: path, opts: o, log: o.Log, lock: lock}
	db.requests.New = func() any { return &request{done: make(chan struct{}, 1)} }
	if err := db.open(ctx, migrations); err != nil {
		lock.release()
		return nil, err
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, migrations []migration) error {
	fresh, err := inspect(ctx, db.path, db.opts, len(migrations))
	if err != nil {
		return err
	}
	if fresh {
		if err := createEmpty(db.path); err != nil {
			return err
		}
	}
	db.floor.init(filepath.Dir(db.path), db.opts.MinFreeBytes, db.log, db.opts.Now)
	conn, err := openConn(db.path, db.opts.writerPragmas()...)
	if err != nil {
		return fmt.Errorf("open %s: %w", db.path, Classify(err))
	}
	db.version, err = migrate(ctx, conn, migrations, db.opts.ApplicationID, db.log)
	if err != nil {
		_ = conn.close()
		return fmt.Errorf("open %s: %w", db.path, Classify(err))
	}
	db.read = newReadPool(db.path, db.opts)
	db.snapshots.slots = make(chan struct{}, db.opts.Readers)
	db.w = newWriter(db, conn)
	go db.w.run()
	db.floor.look(db)
	return nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.QueueSize <= 0 {
		o.QueueSize = defaultQueueSize
	}
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = defaultReadTimeout
	}
	if o.CheckTime <= 0 {
		o.CheckTime = defaultCheckTime
	}
	if o.LockTime == 0 {
		o.LockTime = defaultLockTime
	}
	if o.MaxWALBytes <= 0 {
		o.MaxWALBytes = defaultMaxWAL
	}
	if o.WriterCacheKiB <= 0 {
		o.WriterCacheKiB = writerCacheKiB
	}
	if o.ReaderCacheKiB <= 0 {
		o.ReaderCacheKiB = readerCacheKiB
	}
	return o
}

// Path is the absolute path of the main file.
func (db *DB) Path() string { return db.path }

// Version is the number of the newest migration that the file has.
func (db *DB) Version() int { return db.version }

// Read is a pool of connections that cannot write. A query, and a transaction,
// ends with an error after Options.ReadTimeout. A query sees everything that
// was acknowledged before it began. Do not close the pool.
func (db *DB) Read() *sql.DB { return db.read }

// Close refuses new writes, finishes those that are queued, moves the
// write-ahead log into the main file and closes everything. It returns the
// first error; calling it again returns the same.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		db.sendMu.Lock() // after this no Write is putting anything into the queue
		db.closing.Store(true)
		db.sendMu.Unlock()
		db.read.Close()
		db.snapshots.close()
		close(db.w.queue)
		<-db.w.done
		db.closeErr = db.w.conn.close()
		db.lock.release()
	})
	return db.closeErr
}
