package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/shared/errs"
	"modernc.org/sqlite"
)

// Bounds of one transaction, so that the first caller of a batch does not wait
// long for the last one: a transaction that has run for maxBatchTime takes no
// further write in.
const (
	maxBatch     = 512
	maxBatchTime = 20 * time.Millisecond
)

// checkpointPages is how many pages are written to the write-ahead log before
// they are moved into the main file.
const checkpointPages = 1000

// writer is the goroutine that owns the writing connection.
type writer struct {
	db    *DB
	conn  *conn
	queue chan *request
	done  chan struct{} // closed when the queue is drained and the goroutine ends

	batch []*request // those of the running transaction
	stats counters

	pageSize int64 // of the file, 0 until it was asked for

	pages  int           // written to the write-ahead log since the last checkpoint began
	moving bool          // a checkpoint runs
	moved  chan struct{} // it has ended

	lastTruncate time.Time
}

// request is one call of Write, Maintain or checkpoint.
type request struct {
	f     func(*Tx) error
	alone func(*conn) error // instead of f: outside of any transaction
	undo  func()            // set by f: see Tx.OnRollback
	state atomic.Int32
	err   error
	done  chan struct{}
}

// States of a request. A caller that gives up and the writer that begins race
// for the one step out of waiting.
const (
	waiting int32 = iota
	running
	abandoned
)

// Write runs f in a transaction and returns after f's changes are on disk.
// Calls that arrive together share a transaction and its fsync, each in a
// savepoint of its own: when f returns an error or panics, only its own changes
// are taken back. f runs on the writer's goroutine, so it must be short, wait
// for nothing, and keep the Tx to itself.
//
// When ctx ends before f ran, f does not run and ctx's error is returned; after
// that ctx has no effect. The error is Unavailable, with the time to wait, when
// the disk has less than the floor left, when the queue is full, when the disk
// fails and when the database is being closed.
func (db *DB) Write(ctx context.Context, f func(tx *Tx) error) error {
	if err := db.floor.check(db); err != nil {
		db.w.stats.refusedDisk.Add(1)
		return err
	}
	return db.submit(ctx, f, nil)
}

// Maintain is Write for work that frees space, like retention: it also runs
// while the disk is under the floor, which is there to keep room for it.
func (db *DB) Maintain(ctx context.Context, f func(tx *Tx) error) error {
	return db.submit(ctx, f, nil)
}

// outside runs f on the writer's connection between transactions.
func (db *DB) outside(ctx context.Context, f func(*conn) error) error {
	return db.submit(ctx, nil, f)
}

func (db *DB) submit(ctx context.Context, f func(*Tx) error, alone func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := db.requests.Get().(*request) //nolint:forcetypeassert // the pool holds nothing else
	r.f, r.alone, r.undo, r.err = f, alone, nil, nil
	r.state.Store(waiting)
	if err := db.send(r); err != nil {
		r.f, r.alone = nil, nil
		db.requests.Put(r)
		return err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err() // the writer drops r when it comes to it
		}
		<-r.done // it is running: a commit away
	}
	err := r.err
	r.f, r.alone, r.undo = nil, nil, nil
	db.requests.Put(r)
	return err
}

func (db *DB) send(r *request) error {
	db.sendMu.RLock()
	defer db.sendMu.RUnlock()
	if db.closing.Load() {
		return errs.RetryIn(errs.Unavailable, retryBusy, "the service is stopping")
	}
	select {
	case db.w.queue <- r:
		return nil
	default:
		db.w.stats.refusedQueue.Add(1)
		return errs.RetryIn(errs.Unavailable, retryQueueFull, "too many writes are waiting, the limit is %d", cap(db.w.queue))
	}
}

func newWriter(db *DB, c *conn) *writer {
	return &writer{
		db:    db,
		conn:  c,
		queue: make(chan *request, db.opts.QueueSize),
		done:  make(chan struct{}),
		batch: make([]*request, 0, maxBatch),
		moved: make(chan struct{}, 1),
	}
}

// idleTruncate is the time without writes after which the write-ahead log is
// emptied, so that a file at rest takes no more than it has to.
const idleTruncate = 10 * time.Second

func (w *writer) run() {
	defer close(w.done)
	defer func() {
		if w.moving {
			<-w.moved
		}
	}()
	idle := time.NewTimer(idleTruncate)
	defer idle.Stop()
	for {
		var r *request
		var open bool
		select {
		case r, open = <-w.queue:
			if !open {
				return
			}
		case <-w.moved:
			w.endCheckpoint()
			w.look()
			continue
		case <-idle.C:
			if fileSize(w.db.path+"-wal") > 0 && !w.truncate() {
				idle.Reset(idleTruncate) // a reader or a full disk is in the way
			}
			continue
		}
		idle.Reset(idleTruncate)
		if r.alone == nil {
			// Those who were answered by the last commit are only now getting
			// ready to write again: let them, and share the next fsync.
			runtime.Gosched()
			r = w.transaction(r)
		}
		if r != nil {
			w.runAlone(r)
		}
		w.checkpoint()
		w.look()
	}
}

// look sees to the sizes of the log and of the free space. When the space is low
// because of the log it is emptied at once: while it is low no write follows that
// would do it.
func (w *writer) look() {
	f := &w.db.floor
	free := f.free()
	if f.near(w.db, free) {
		w.noteSize()
	}
	f.judge(w.db, free)
	if w.boundWAL() {
		f.look(w.db)
	}
}

func (w *writer) runAlone(r *request) {
	if !r.state.CompareAndSwap(waiting, running) {
		return
	}
	r.err = Classify(w.contain(func() error { return r.alone(w.conn) }))
	r.done <- struct{}{}
}

// transaction runs first and those that wait behind it, commits, and answers
// them. It returns a request that it took but that has to run outside.
func (w *writer) transaction(first *request) (next *request) {
	start := time.Now()
	w.batch = w.batch[:0]
	for r := first; r != nil; {
		if r.alone != nil {
			next = r
			break
		}
		if r.state.CompareAndSwap(waiting, running) {
			w.apply(r)
		}
		if len(w.batch) == maxBatch || time.Since(start) > maxBatchTime {
			break
		}
		select {
		case r = <-w.queue: // nil when closed
		default:
			r = nil
		}
	}
	w.commit(start)
	return next
}

// apply runs r.f inside the running transaction, or in a new one. On return r
// has been answered, or is in the batch.
func (w *writer) apply(r *request) {
	alone := len(w.batch) == 0
	begin, undo := "SAVEPOINT f", "ROLLBACK TO f"
	if alone {
		// Nobody else's changes are in the transaction: it can be taken back as a whole.
		begin, undo = "BEGIN IMMEDIATE", "ROLLBACK"
	}
	if err := w.conn.exec(begin); err != nil {
		w.answer(r, Classify(fmt.Errorf("%s: %w", begin, err)))
		return
	}
	tx := Tx{conn: w.conn}
	err := w.contain(func() error {
		defer tx.end()
		return r.f(&tx)
	})
	r.undo = tx.onRollback
	if err == nil {
		if !alone {
			err = w.conn.exec("RELEASE f")
		}
		if err == nil {
			w.batch = append(w.batch, r)
			return
		}
	}
	if r.undo != nil {
		r.undo()
	}
	undoErr := w.conn.exec(undo)
	if undoErr == nil && !alone {
		undoErr = w.conn.exec("RELEASE f")
	}
	if undoErr != nil {
		// SQLite ends a transaction by itself after some errors, like a full
		// disk: then the others' changes are gone as well.
		w.failBatch(err)
		w.reset()
	}
	w.answer(r, Classify(err))
}

func (w *writer) commit(start time.Time) {
	if len(w.batch) == 0 {
		return
	}
	if err := w.conn.exec("COMMIT"); err != nil {
		w.failBatch(fmt.Errorf("COMMIT: %w", err))
		w.reset()
		return
	}
	w.stats.committed(len(w.batch), time.Since(start))
	for _, r := range w.batch {
		r.done <- struct{}{}
	}
	w.batch = w.batch[:0]
}

// failBatch gives err to all whose changes were in the lost transaction.
func (w *writer) failBatch(err error) {
	err = Classify(err)
	for _, r := range w.batch { // all of them, before anyone can write again
		if r.undo != nil {
			r.undo()
		}
	}
	for _, r := range w.batch {
		w.answer(r, err)
	}
	w.batch = w.batch[:0]
}

func (w *writer) answer(r *request, err error) {
	w.stats.failed.Add(1)
	r.err = err
	r.done <- struct{}{}
}

// reset brings the connection back out of any transaction, by a new connection
// if it has to be.
func (w *writer) reset() {
	if w.idle() {
		return
	}
	if err := w.conn.exec("ROLLBACK"); err == nil || w.idle() {
		return
	}
	fresh, err := openConn(w.db.path, w.db.opts.writerPragmas()...)
	if err != nil {
		// The old one stays: BEGIN on it fails, each caller is told, and the
		// next transaction tries again.
		w.db.log.Error("cannot open the database again", "path", w.db.path, "err", err)
		return
	}
	_ = w.conn.close()
	w.conn = fresh
}

// idle tells whether no transaction is open: then, and only then, BEGIN works.
func (w *writer) idle() bool {
	if err := w.conn.exec("BEGIN"); err != nil {
		return false
	}
	return w.conn.exec("ROLLBACK") == nil
}

// contain turns a panic of f into an error.
func (w *writer) contain(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// checkpoint has the write-ahead log moved into the main file, beside the writes
// that follow, when there is enough in it. SQLite would do it within the commit
// that fills the log, and all whose changes are in that one would wait for it.
func (w *writer) checkpoint() {
	select {
	case <-w.moved:
		w.endCheckpoint()
	default:
	}
	n, _, err := w.conn.c.Status(sqlite.DBStatusCacheWrite, true)
	if err != nil {
		n = 1 // page at least: it comes later, not never
	}
	w.pages += n
	if w.moving || w.pages < checkpointPages || w.db.floor.low.Load() { // then boundWAL does it
		return
	}
	w.moving, w.pages = true, 0
	go func() {
		if err := w.db.Checkpoint(context.Background()); err != nil && !w.db.closing.Load() {
			w.checkpointFailed(err)
		}
		w.moved <- struct{}{}
	}()
}

// endCheckpoint moves what was written beside a checkpoint. That is little, and
// when all is moved the log is written from its beginning again.
func (w *writer) endCheckpoint() {
	w.moving = false
	var busy, log, moved int64
	if err := w.conn.ints(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)", &busy, &log, &moved); err != nil {
		w.checkpointFailed(err)
	}
}

func (w *writer) checkpointFailed(err error) {
	w.stats.checkpointErrors.Add(1)
	w.db.log.Warn("checkpoint failed", "path", w.db.path, "err", err)
}

// noteSize tells the floor how large the database is. When it cannot be asked, the
// size before is near enough.
func (w *writer) noteSize() {
	if w.pageSize == 0 && w.conn.ints(context.Background(), "PRAGMA page_size", &w.pageSize) != nil {
		return
	}
	var pages int64
	if err := w.conn.ints(context.Background(), "PRAGMA page_count", &pages); err == nil {
		w.db.floor.size.Store(pages * w.pageSize)
	}
}

// boundWAL empties the write-ahead log when it is over its bound. A checkpoint
// has it written from its beginning again, but only while no reader looks at an
// older state; after a long read the log is larger than it has to be. On a low disk the log must not
// take what the floor has kept free, or retention would run out of it.
func (w *writer) boundWAL() (emptied bool) {
	const pause = time.Second
	most := w.db.opts.MaxWALBytes
	if w.db.floor.low.Load() {
		if w.moving { // what is written beside it could be all that is free
			<-w.moved
			w.endCheckpoint()
		}
		if most = min(most, w.db.floor.min/4); w.db.floor.unmoved(w.db) > 0 {
			most = 0
		}
	} else if time.Since(w.lastTruncate) < pause {
		return false
	}
	w.lastTruncate = time.Now()
	return fileSize(w.db.path+"-wal") > most && w.truncate()
}

// truncate tells whether it has emptied the write-ahead log.
func (w *writer) truncate() (done bool) {
	done, err := truncateWAL(w.conn)
	if err != nil {
		w.checkpointFailed(err)
	}
	return done
}

// truncateWAL moves the write-ahead log into the main file and empties it, if
// no reader is in the way. It does not wait for them: writes would have to
// wait as well.
func truncateWAL(c *conn) (done bool, err error) {
	if err := c.exec("PRAGMA busy_timeout=0"); err != nil {
		return false, err
	}
	var busy, log, moved int64
	err = c.ints(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)", &busy, &log, &moved)
	return err == nil && busy == 0, errors.Join(err, c.exec("PRAGMA busy_timeout=5000"))
}

func fileSize(path string) int64 {
	fi, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return fi.Size()
}
