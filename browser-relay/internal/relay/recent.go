package relay

import (
	"context"
	"sync"
	"time"
)

// RecentEvent is an event whose stack could not be resolved for want of a map.
type RecentEvent struct {
	ID      int64
	KeyID   int64
	Project string
	At      time.Time
	Missing []MissingMap
	Event   Event // as it came
}

// RecentStore keeps events for maps that arrive late, bounded in number and age.
type RecentStore interface {
	// AddRecent stores events, all or none, and forgets the oldest ones beyond
	// MaxRecent.
	AddRecent(ctx context.Context, events []RecentEvent) error
	// RecentFor returns events of a project that miss a map of this release and
	// file, or of this debug ID, newest first, n at most.
	RecentFor(ctx context.Context, project string, m MissingMap, n int) ([]RecentEvent, error)
	RemoveRecent(ctx context.Context, ids []int64) error
	// ForgetRecent drops events from before a time and all but the newest keep.
	ForgetRecent(ctx context.Context, before time.Time, keep int) error
	// MissingMaps lists what is missing, most wanted first, n at most.
	MissingMaps(ctx context.Context, n int) ([]WantedMap, error)
}

// WantedMap is a missing map and how many recent events want it.
type WantedMap struct {
	MissingMap
	Project string
	Events  int64
	Last    time.Time
}

const (
	// MaxRecent is how many events wait for late maps, the newest.
	MaxRecent = 1000
	// maxUnstored bounds the events that are in memory until they are stored, in
	// bytes, and maxUnstoredEvents in number.
	maxUnstored       = 1 << 20
	maxUnstoredEvents = 200
)

// unstored are events for late maps that are not on disk yet: a page does not wait
// for what only a map that is missing may need some day.
type unstored struct {
	mu     sync.Mutex
	events []RecentEvent
	bytes  int
	wake   chan struct{}
}

// remember keeps an event for a map that may still come. When there are too many at
// once some are not: they will not be corrected.
func (s *Service) remember(k Key, e *Event) {
	if s.Recent == nil || e.Symbolicated == nil || len(e.Symbolicated.Missing) == 0 {
		return
	}
	raw := *e
	raw.Symbolicated = nil
	size := 2000 + len(e.Message) + len(e.Stack) + len(e.Context) + 200*len(e.Breadcrumbs)
	for i := range e.Causes {
		size += len(e.Causes[i].Message) + len(e.Causes[i].Stack)
	}
	u := &s.unstored
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bytes+size > maxUnstored || len(u.events) == maxUnstoredEvents {
		return
	}
	u.bytes += size
	u.events = append(u.events, RecentEvent{KeyID: k.ID, Project: k.Project, At: s.Now(), Missing: e.Symbolicated.Missing, Event: raw})
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// Remembered has an element when there are events to store.
func (s *Service) Remembered() <-chan struct{} { return s.unstored.wake }

// StoreRemembered stores the events that wait for it. What cannot be stored is
// dropped: the events themselves went their way.
func (s *Service) StoreRemembered(ctx context.Context) error {
	u := &s.unstored
	u.mu.Lock()
	events := u.events
	u.events, u.bytes = nil, 0
	u.mu.Unlock()
	if len(events) == 0 {
		return nil
	}
	return s.Recent.AddRecent(ctx, events)
}
