package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

const (
	// latePause lets the other maps of an upload arrive before events are looked
	// at again: most stacks are of several files.
	latePause = 2 * time.Second
	lateRetry = 30 * time.Second
	// rememberPause collects events into one transaction. It is shorter than
	// latePause, so that an event is stored when the map is that came just then.
	rememberPause = 250 * time.Millisecond
	maxLate       = 10_000 // maps that wait for their turn
)

// Corrector keeps events for late maps and corrects those for which one arrived;
// *relay.Service is one.
type Corrector interface {
	Remembered() <-chan struct{}
	StoreRemembered(ctx context.Context) error
	Correct(ctx context.Context, project string, arrived relay.MissingMap) (corrected int, err error)
}

// Late looks at recent events again when maps arrive.
type Late struct {
	corrector Corrector
	wanted    func(ctx context.Context) ([]relay.WantedMap, error)
	log       *slog.Logger

	mu      sync.Mutex
	pending map[arrival]bool
	wake    chan struct{}
}

type arrival struct {
	project string
	relay.MissingMap
}

// NewLate returns a Late that begins with Run. wanted lists the maps that events
// wait for: some may have arrived while the service stopped.
func NewLate(c Corrector, wanted func(ctx context.Context) ([]relay.WantedMap, error), log *slog.Logger) *Late {
	return &Late{corrector: c, wanted: wanted, log: log, pending: map[arrival]bool{}, wake: make(chan struct{}, 1)}
}

// Arrived tells that a map was stored. It does not block. When too many maps wait
// for their turn those of the next start are not lost: events are looked at then.
func (l *Late) Arrived(project string, m relay.MissingMap) {
	l.mu.Lock()
	if len(l.pending) < maxLate {
		l.pending[arrival{project, m}] = true
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (l *Late) Run(ctx context.Context) error {
	if wanted, err := l.wanted(ctx); err == nil {
		for _, w := range wanted {
			l.Arrived(w.Project, w.MissingMap)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		}
		if !sleep(ctx, latePause) {
			return nil
		}
		for _, a := range l.take() {
			n, err := l.corrector.Correct(ctx, a.project, a.MissingMap)
			if n > 0 {
				l.log.InfoContext(ctx, "events corrected by a late source map", "project", a.project, "release", a.Release, "file", a.File, "events", n)
			}
			if err != nil && ctx.Err() == nil {
				l.log.ErrorContext(ctx, "job failed", "job", "late source maps", "err", err)
				l.Arrived(a.project, a.MissingMap)
				if !sleep(ctx, lateRetry) {
					return nil
				}
			}
		}
	}
}

// Remember stores the events that wait for maps, until ctx ends.
func (l *Late) Remember(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.corrector.Remembered():
		}
		if !sleep(ctx, rememberPause) {
			return nil
		}
		if err := l.corrector.StoreRemembered(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "events not kept for late maps", "err", err)
		}
	}
}

func (l *Late) take() []arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]arrival, 0, len(l.pending))
	for a := range l.pending {
		list = append(list, a)
	}
	clear(l.pending)
	return list
}
