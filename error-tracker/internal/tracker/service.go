// Package tracker is the domain of the error tracker: it decides which issue an
// event belongs to, what a report does to that issue, and what is kept.
package tracker

import (
	"context"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// Service is the error tracker. The lists and changes that need no rule beyond
// the store's are the Store's own methods, which it carries.
type Service struct {
	Store
	now   func() time.Time
	alert func() // tells the alert workers that their outboxes may hold something new
	reach Reach

	policies policies
	settle   func(context.Context) // stores what was counted in memory
}

// NewService returns a tracker on store. now tells the time; alert is called
// after a report or a request queued an alert, must not block, and may be nil.
func NewService(store Store, now func() time.Time, alert func()) *Service {
	if alert == nil {
		alert = func() {}
	}
	return &Service{Store: store, now: now, alert: alert, settle: func(context.Context) {}}
}

// CountFirst names what is to be called before counters of ingest are read, so
// that those which wait in memory are among them.
func (s *Service) CountFirst(settle func(context.Context)) { s.settle = settle }

// Report stores e under its issue and says what that did. e.ID is chosen when
// it is zero, e.ReceivedAt is set, and e.OccurredAt cleared if it cannot be
// right. Secrets are removed from e by the rules of its project. It returns after
// the event is on disk, or at once with Unwanted if the project does not want it.
func (s *Service) Report(ctx context.Context, e *event.Event) (Outcome, error) {
	return s.report(ctx, e, s.Record)
}

// Correct is Report for an event that may have been reported before in another
// form: what was said of it then gives way, and its issue is chosen anew.
func (s *Service) Correct(ctx context.Context, e *event.Event) (Outcome, error) {
	return s.report(ctx, e, s.Replace)
}

func (s *Service) report(ctx context.Context, e *event.Event, store func(context.Context, *event.Event, grouping.Key) (Outcome, error)) (Outcome, error) {
	if err := validate(e); err != nil {
		return Outcome{}, err
	}
	if e.ID.IsZero() {
		e.ID = event.NewID()
	}
	e.ReceivedAt = s.now().UTC()
	e.OccurredAt = plausible(e.OccurredAt, e.ReceivedAt)
	policy, err := s.policy(ctx, e.Project)
	if err != nil {
		return Outcome{}, err
	}
	if reason := policy.filter.Reason(e); reason != "" {
		return Outcome{Status: Unwanted, EventID: e.ID, ProjectID: policy.settings.ProjectID, Reason: reason}, nil
	}
	policy.scrub.Event(e)
	k, _ := keyOf(e, policy.rules)
	out, err := store(ctx, e, k)
	if err != nil {
		return Outcome{}, err
	}
	if out.Status == Created || out.Status == Reopened || out.Unmuted {
		s.alert()
	}
	return out, nil
}

// TestAlert queues what tells its recipients no more than that it reaches them,
// by a channel and for a project, or for 0 by what the operator has set.
func (s *Service) TestAlert(ctx context.Context, by Channel, project int64) error {
	if err := s.OutboxOf(by).QueueTestAlert(ctx, project, s.now().UTC()); err != nil {
		return err
	}
	s.alert()
	return nil
}

// Merge makes issues part of another one; see Store.Merge.
func (s *Service) Merge(ctx context.Context, target int64, sources []int64) error {
	return s.Store.Merge(ctx, target, sources, s.now().UTC())
}
