package relay

import (
	"context"
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
	AddRecent(ctx context.Context, e RecentEvent) error
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

// remember keeps an event for a map that may still come.
func (s *Service) remember(ctx context.Context, k Key, e *Event) {
	if s.Recent == nil || e.Symbolicated == nil || len(e.Symbolicated.Missing) == 0 {
		return
	}
	raw := *e
	raw.Symbolicated = nil
	r := RecentEvent{KeyID: k.ID, Project: k.Project, At: s.Now(), Missing: e.Symbolicated.Missing, Event: raw}
	if err := s.Recent.AddRecent(ctx, r); err != nil {
		s.Log.DebugContext(ctx, "event not kept for late maps", "err", err) // the event itself goes its way
	}
}
