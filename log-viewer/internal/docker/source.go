package docker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
)

// Rescan is how often the containers are listed when nothing announces new ones.
const Rescan = 30 * time.Second

// Limits of a batch. The chunk that reaches one is still part of it.
const (
	batchEntries = 4000
	batchBytes   = 1 << 20
)

// Appender writes batches; *logs.Service is one.
type Appender interface {
	Append(ctx context.Context, b logs.Batch) (first int64, err error)
}

// CursorReader returns the cursors that were written with batches; a logs.Store
// is one.
type CursorReader interface {
	Cursors(ctx context.Context, prefix string) ([]logs.Cursor, error)
}

// Options describe a source. Those that are zero have a default.
type Options struct {
	Dir       string // the folder of the containers
	Selection Selection
	Poll      time.Duration   // how often files are looked at when nothing announces changes; 0 is 2 s
	TailBytes int64           // of a log that was there before the first start; 0 reads only what is new
	NoWatch   bool            // poll only
	Turned    func(logs.Turn) // is told about containers that stop and start, after their lines until then; nil is nobody
	Now       func() time.Time
	Log       *slog.Logger
}

// Source reads the logs of containers. Its methods but Run may be called at any
// time.
type Source struct {
	opts    Options
	to      Appender
	cursors CursorReader
	count   counters
	pause   atomic.Pointer[string] // why the store takes nothing; nil when it does

	mu     sync.Mutex
	status Status

	// Run alone uses what follows.
	root       *os.Root
	watch      *watcher
	followers  map[string]*follower
	excluded   []Container
	saved      map[string][]byte // cursors of the last run, of containers not seen yet
	birth      time.Time
	dec        decoder
	buf        []byte
	batch      *batch
	spare      chan *batch
	full       chan *batch
	dirError   error
	again      bool                 // a container was not complete, or may have changed unheard
	unfinished map[string]time.Time // when containers without a config were seen first
	scans      int
	seen       bool // there were containers in the folder as it is mounted now
}

// New returns a source that writes to to from the places that cursors has.
func New(o Options, to Appender, cursors CursorReader) *Source {
	if o.Poll <= 0 {
		o.Poll = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Turned == nil {
		o.Turned = func(logs.Turn) {}
	}
	return &Source{opts: o, to: to, cursors: cursors, watch: newWatcherIf(false, "")}
}

// Run reads until ctx ends. What was read and not written by then is read again
// by the next run. It returns an error only when there are no cursors to be had.
func (s *Source) Run(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.commit(ctx); return nil })
	group.Go(func() error { s.watch.run(); return nil })
	group.Go(func() error {
		defer s.watch.close()
		s.loop(ctx)
		return nil
	})
	defer s.end()
	return group.Wait()
}

func (s *Source) end() {
	for _, f := range s.followers {
		f.close()
	}
	if s.root != nil {
		s.root.Close()
		s.root = nil
	}
}

func (s *Source) begin(ctx context.Context) error {
	all, err := s.cursors.Cursors(ctx, cursorPrefix)
	if err != nil {
		return err
	}
	s.saved = map[string][]byte{}
	s.followers = map[string]*follower{}
	s.unfinished = map[string]time.Time{}
	s.watch = newWatcherIf(!s.opts.NoWatch, s.opts.Dir)
	s.buf = make([]byte, chunkBytes)
	s.spare, s.full = make(chan *batch, 2), make(chan *batch)
	s.spare <- &batch{}
	s.batch = &batch{}
	s.birth, s.scans = s.opts.Now(), 0
	first := true
	for _, c := range all {
		if c.Key == birthKey {
			if at, err := time.Parse(time.RFC3339Nano, string(c.State)); err == nil {
				s.birth, first = at, false
			}
			continue
		}
		s.saved[c.Key[len(cursorPrefix):]] = c.State
	}
	if first {
		s.batch.Cursors = append(s.batch.Cursors, logs.Cursor{Key: birthKey, State: []byte(s.birth.UTC().Format(time.RFC3339Nano))})
	}
	return nil
}

// loop reads and hands over batches until ctx ends.
func (s *Source) loop(ctx context.Context) {
	var nextScan, nextPoll time.Time
	for ctx.Err() == nil {
		now := s.opts.Now()
		dirty, listed := s.watch.take()
		if listed || !now.Before(nextScan) {
			s.scan(ctx)
			nextScan = now.Add(Rescan)
			if s.root == nil || s.again {
				nextScan = now.Add(min(s.opts.Poll, Rescan))
			}
		}
		for id := range dirty {
			if f := s.followers[id]; f != nil {
				f.dirty = true
			}
		}
		if !now.Before(nextPoll) {
			for _, f := range s.followers {
				f.dirty = true
			}
			nextPoll = now.Add(s.opts.Poll)
		}
		if !s.round(ctx) {
			return
		}
		s.report(s.excluded, s.dirError)
		if len(s.buf) > chunkBytes {
			s.buf = make([]byte, chunkBytes)
		}
		if !s.wait(ctx, nextScan, nextPoll) {
			return
		}
	}
}

// wait waits for news, for the next poll, or until an open entry is due.
func (s *Source) wait(ctx context.Context, until ...time.Time) bool {
	next := until[0]
	for _, t := range until {
		if t.Before(next) {
			next = t
		}
	}
	for _, f := range s.followers {
		if due, ok := f.due(); ok && due.Before(next) {
			next = due
		}
	}
	timer := time.NewTimer(max(next.Sub(s.opts.Now()), time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.watch.C:
	case <-timer.C:
	}
	return true
}

// round reads what there is, a chunk from each container in turn. It returns
// false when ctx has ended.
func (s *Source) round(ctx context.Context) bool {
	for more := true; more; {
		more = false
		for id, f := range s.followers {
			if !f.dirty && !f.gone {
				continue
			}
			again, err := s.readOne(f)
			s.note(ctx, f, err)
			f.dirty = again
			more = more || again
			if f.gone && !again {
				s.forget(id, f)
			}
			if len(s.batch.Entries) >= batchEntries || s.batch.bytes >= batchBytes {
				if !s.handOver(ctx) {
					return false
				}
			}
		}
	}
	now := s.opts.Now()
	for _, f := range s.followers {
		f.tick(now)
		s.tell(f, now)
	}
	return s.handOver(ctx)
}

// tell puts what turned in the life of a container behind its lines until then:
// they are all read, and an entry that is still open waits no longer than this.
func (s *Source) tell(f *follower, now time.Time) {
	if len(f.turns) == 0 {
		return
	}
	if _, open := f.due(); open && now.Sub(f.turnedAt) < multiline.Hold {
		return
	}
	s.batch.turns = append(s.batch.turns, f.turns...)
	f.turns = nil
}

// readOne reads a chunk of one container, and opens its log first if need be.
func (s *Source) readOne(f *follower) (more bool, err error) {
	if f.seg == nil {
		cursor := s.saved[f.id]
		err := f.start(cursor, s.opts.TailBytes)
		if f.seg == nil {
			return false, ignore(err)
		}
		delete(s.saved, f.id)
		if err != nil {
			f.warn(err)
		}
	}
	more, err = f.read(s.opts.Now())
	return more && err == nil, ignore(err)
}

// ignore leaves out the errors that are gone by themselves soon: there is no log
// yet, or it is being rotated.
func ignore(err error) error {
	if missing(err) || errors.Is(err, errMoving) {
		return nil
	}
	return err
}

// note keeps an error of a container for its status, and logs it when it is new.
func (s *Source) note(ctx context.Context, f *follower, err error) {
	if f.warning != nil {
		s.opts.Log.WarnContext(ctx, "part of a container log cannot be read", "container", f.name, "err", f.warning)
		f.warning = nil
	}
	text := ""
	if err != nil {
		text = err.Error()
		if text != f.lastErr {
			s.opts.Log.WarnContext(ctx, "container log cannot be read", "container", f.name, "err", err)
		}
	}
	f.lastErr = text
}

// forget ends the reading of a container that is gone, and drops its cursor.
func (s *Source) forget(id string, f *follower) {
	f.flush(s.opts.Now())
	s.tell(f, s.opts.Now())
	f.close()
	delete(s.followers, id)
	delete(s.saved, id)
	s.batch.Cursors = append(s.batch.Cursors, logs.Cursor{Key: cursorKey(id)})
}

// emit takes an entry from a follower.
func (s *Source) emit(f *follower, stream logs.Stream, e multiline.Entry) {
	b := s.batch
	if !f.announced {
		f.announced = true
		b.Sources = append(b.Sources, logs.Source{Name: f.name, Labels: f.labels})
	}
	b.Entries = append(b.Entries, logs.Entry{Time: e.Time, Source: f.name, Stream: stream, Level: level.Of(e.Text, stream), Message: e.Text})
	b.bytes += len(e.Text)
}

// handOver passes the batch on with the cursors of what moved. It waits while
// the one before is being written, and returns false when ctx has ended.
func (s *Source) handOver(ctx context.Context) bool {
	b := s.batch
	for _, f := range s.followers {
		s.keep(f)
	}
	if len(b.Cursors) == 0 && len(b.Entries) == 0 && len(b.turns) == 0 {
		return true
	}
	select {
	case s.full <- b:
	case <-ctx.Done():
		return false
	}
	select {
	case s.batch = <-s.spare:
	case <-ctx.Done():
		return false
	}
	return true
}

// keep puts the cursor of a follower into the batch when it is another than the
// last one. A cursor that is the same as before would not tell whether a batch was written.
func (s *Source) keep(f *follower) {
	if !f.moved || f.seg == nil {
		return
	}
	f.moved = false
	if cursor := f.state().encode(); !bytes.Equal(cursor, f.cursor) {
		f.cursor = cursor
		s.batch.Cursors = append(s.batch.Cursors, logs.Cursor{Key: cursorKey(f.id), State: cursor})
	}
}
