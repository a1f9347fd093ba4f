package logs

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of a batch.
const (
	MaxBatchEntries  = 100_000
	MaxKey           = 255 // bytes
	maxLabel         = 512 // bytes of each label
	maxFilterValues  = 200 // of each part of a filter
	defaultTailQueue = 1000
	defaultMaxTails  = 50
)

// Options are the limits of a Service that may be chosen. Those that are 0 have
// a default.
type Options struct {
	MaxTails  int // live streams at once; 0 is 50
	TailQueue int // entries that wait for a slow reader of a stream; 0 is 1,000
	Now       func() time.Time
	Log       *slog.Logger
}

// Service is the log viewer without its doors: what comes in through one of them
// goes through Append, is kept by the store, and passed on to the live streams.
type Service struct {
	store Store
	opts  Options
	hub   *hub
	tails limiter
	live  counters

	mu       sync.RWMutex
	services map[string]string // source -> Compose service, for those that have one
}

// counters are what a service has seen since it was started.
type counters struct {
	batches, repeated, entries, bytes, refused, failed atomic.Int64
	lastIngest                                         atomic.Int64 // Unix nanoseconds, of the newest entry's own time
	tailDropped, tailRefused                           atomic.Int64
}

// NewService returns the service on a store. It reads from it where the live
// stream begins.
func NewService(ctx context.Context, store Store, o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxTails <= 0 {
		o.MaxTails = defaultMaxTails
	}
	if o.TailQueue <= 0 {
		o.TailQueue = defaultTailQueue
	}
	st, err := store.Stats(ctx)
	if err != nil {
		return nil, err
	}
	sources, err := store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	s := &Service{store: store, opts: o, hub: newHub(store, st.LastID+1, o.Log), services: map[string]string{}}
	s.tails.limit = int64(o.MaxTails)
	s.live.lastIngest.Store(st.Last)
	for _, src := range sources {
		s.learn(src.Source)
	}
	return s, nil
}

var errTooManyTails = errs.RetryIn(errs.Unavailable, 5*time.Second, "Too many SSE connections")

// Append writes b as a whole, as Store.Append does, and passes its entries on to
// the live streams. Entries without a time get the present one. The strings of b
// must not change afterwards; its slices may be used again.
func (s *Service) Append(ctx context.Context, b Batch) (first int64, err error) {
	if err := s.check(b); err != nil {
		s.live.refused.Add(1)
		return 0, err
	}
	newest := int64(0)
	size := int64(0)
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Time == 0 {
			e.Time = s.opts.Now().UnixNano()
		}
		newest = max(newest, e.Time)
		size += int64(len(e.Message))
	}
	for _, src := range b.Sources {
		s.learn(src)
	}
	first, err = s.store.Append(ctx, b)
	if err != nil {
		s.live.failed.Add(1)
		return 0, err
	}
	s.live.batches.Add(1)
	if first == 0 {
		if len(b.Entries) > 0 {
			s.live.repeated.Add(1)
		}
		return 0, nil
	}
	s.live.entries.Add(int64(len(b.Entries)))
	s.live.bytes.Add(size)
	for {
		last := s.live.lastIngest.Load()
		if newest <= last || s.live.lastIngest.CompareAndSwap(last, newest) {
			break
		}
	}
	s.hub.publish(first, b.Entries)
	return first, nil
}

// check refuses what no store should have to think about. Messages are made
// valid and short by whoever makes the entries; see MaxMessage.
func (s *Service) check(b Batch) error {
	if len(b.Entries) > MaxBatchEntries {
		return errs.New(errs.TooLarge, "the batch has %d entries, the limit is %d", len(b.Entries), MaxBatchEntries)
	}
	if len(b.Key) > MaxKey {
		return errs.New(errs.Invalid, "Idempotency-Key has %d bytes, the limit is %d", len(b.Key), MaxKey)
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		switch {
		case len(e.Message) > MaxMessage:
			return errs.New(errs.Invalid, "entry %d: message has %d bytes, the limit is %d", i, len(e.Message), MaxMessage)
		case e.Stream > Stderr:
			return errs.New(errs.Invalid, "entry %d: stream is %d, want stdout or stderr", i, e.Stream)
		case e.Level >= levels:
			return errs.New(errs.Invalid, "entry %d: level is %d, the highest is %d", i, e.Level, levels-1)
		}
		if i == 0 || e.Source != b.Entries[i-1].Source {
			if err := checkName(e.Source); err != nil {
				return errs.New(errs.Invalid, "entry %d: %s", i, err.Error())
			}
		}
		if !utf8.ValidString(e.Message) {
			return errs.New(errs.Invalid, "entry %d: message is not valid UTF-8", i)
		}
	}
	for _, src := range b.Sources {
		if err := checkName(src.Name); err != nil {
			return err
		}
		for _, l := range []string{src.Labels.Kind, src.Labels.Image, src.Labels.Service, src.Labels.Project, src.Labels.Host} {
			if len(l) > maxLabel || !utf8.ValidString(l) {
				return errs.New(errs.Invalid, "a label of source %.40q is not text of at most %d bytes", src.Name, maxLabel)
			}
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errs.New(errs.Invalid, "container is empty")
	case len(name) > MaxSourceName:
		return errs.New(errs.Invalid, "container has %d bytes, the limit is %d", len(name), MaxSourceName)
	case !utf8.ValidString(name):
		return errs.New(errs.Invalid, "container is not valid UTF-8")
	}
	return nil
}

// learn remembers the Compose service of a source, for the filters of tails.
func (s *Service) learn(src Source) {
	if s.composeService(src.Name) == src.Labels.Service {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if src.Labels.Service == "" {
		delete(s.services, src.Name)
	} else {
		s.services[src.Name] = src.Labels.Service
	}
}

func (s *Service) composeService(source string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.services[source]
}

// limiter counts what there may be only so many of at once.
type limiter struct {
	limit int64
	n     atomic.Int64
}

// TryAcquire takes a place and tells whether there was one.
func (l *limiter) TryAcquire() bool {
	if l.n.Add(1) > l.limit {
		l.n.Add(-1)
		return false
	}
	return true
}

// Release gives a place back.
func (l *limiter) Release() { l.n.Add(-1) }
