package docker

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

// Pauses between attempts to write a batch.
const (
	firstPause = 250 * time.Millisecond
	maxPause   = 5 * time.Second
)

// batch is a logs.Batch that is being filled.
type batch struct {
	logs.Batch
	bytes int
	turns []logs.Turn // told when the batch is written
}

func (b *batch) reset() {
	clear(b.Entries) // let go of the texts
	b.Entries, b.Sources, b.Cursors, b.bytes, b.turns = b.Entries[:0], b.Sources[:0], b.Cursors[:0], 0, b.turns[:0]
}

// commit writes the batches that are handed over until ctx ends.
func (s *Source) commit(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-s.full:
			if (len(b.Entries) > 0 || len(b.Cursors) > 0) && !s.write(ctx, b) {
				return
			}
			for _, t := range b.turns {
				s.opts.Turned(t)
			}
			s.count.Entries.Add(int64(len(b.Entries)))
			b.reset()
			s.spare <- b
		}
	}
}

// write writes a batch, however long that takes. Reading goes no further
// meanwhile, so that nothing is lost while the disk is full. It returns false
// when ctx has ended.
func (s *Source) write(ctx context.Context, b *batch) bool {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		// The end of the source must not cut a transaction short.
		_, err := s.to.Append(context.WithoutCancel(ctx), b.Batch)
		if err == nil {
			s.resumed(ctx)
			return true
		}
		switch errs.KindOf(err) {
		case errs.Invalid, errs.TooLarge:
			s.writeSingly(ctx, b, err)
			s.resumed(ctx)
			return true
		}
		s.paused(ctx, err)
		if e, ok := errors.AsType[*errs.Error](err); ok && e.RetryAfter > 0 {
			pause = min(e.RetryAfter, maxPause)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		if s.written(ctx, b) {
			s.resumed(ctx)
			return true
		}
	}
}

// written tells whether a batch whose writing ended with an error is there
// nevertheless: its cursors are, and they are written with it.
func (s *Source) written(ctx context.Context, b *batch) bool {
	if len(b.Cursors) == 0 {
		return false
	}
	c := b.Cursors[len(b.Cursors)-1] // behind those that are dropped
	stored, err := s.cursors.Cursors(ctx, c.Key)
	if err != nil {
		return false
	}
	for _, x := range stored {
		if x.Key == c.Key {
			return len(c.State) > 0 && bytes.Equal(x.State, c.State)
		}
	}
	return false
}

// writeSingly writes what it can of a batch that was refused as a whole. That
// takes a fault of ours; it must not stop all other logs.
func (s *Source) writeSingly(ctx context.Context, b *batch, cause error) {
	s.opts.Log.ErrorContext(ctx, "batch of log entries refused, writing them one by one", "err", cause)
	sources := b.Sources
	for _, e := range b.Entries {
		one := batch{Batch: logs.Batch{Entries: []logs.Entry{e}, Sources: sources}}
		sources = nil
		if _, err := s.to.Append(context.WithoutCancel(ctx), one.Batch); err != nil {
			s.count.Refused.Add(1)
		}
	}
	if _, err := s.to.Append(context.WithoutCancel(ctx), logs.Batch{Cursors: b.Cursors}); err != nil {
		s.opts.Log.ErrorContext(ctx, "cursors refused", "err", err)
	}
}

// paused says once that the store takes nothing.
func (s *Source) paused(ctx context.Context, err error) {
	text := err.Error()
	if e, ok := errors.AsType[*errs.Error](err); ok {
		text = e.Text
	}
	if s.pause.Swap(&text) == nil {
		s.opts.Log.WarnContext(ctx, "log entries cannot be written, reading waits", "err", err)
	}
}

func (s *Source) resumed(ctx context.Context) {
	if s.pause.Load() != nil {
		s.pause.Store(nil)
		s.opts.Log.InfoContext(ctx, "log entries can be written again, reading goes on")
	}
}
