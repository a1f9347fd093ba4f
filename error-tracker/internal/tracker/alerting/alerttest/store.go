// Package alerttest is a store of issues and alerts in memory, for tests of
// what composes and delivers mails.
package alerttest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// Store implements tracker.Outbox and what a Composer reads. The zero value is
// empty and ready for use. It may be used by several goroutines.
type Store struct {
	mu     sync.Mutex
	fail   func(method string) error
	issues map[int64]tracker.Issue
	events map[int64]event.Event
	rules  map[string]tracker.AlertRules
	ids    map[string]int64 // of projects
	alerts []tracker.Alert
	mails  []tracker.Mail
	lastID int64
}

var _ tracker.Outbox = (*Store)(nil)

// Fail has f asked before every call of the interface: an error that it returns
// is the call's, and the call does nothing. Methods have their names in tracker.
// nil ends that.
func (s *Store) Fail(f func(method string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// enter locks s, unless the call is to fail.
func (s *Store) enter(method string) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(method); err != nil {
			return err
		}
	}
	s.mu.Lock()
	return nil
}

// Put stores an issue and the event that is both its first and its newest.
func (s *Store) Put(i tracker.Issue, e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.issues == nil {
		s.issues, s.events = map[int64]tracker.Issue{}, map[int64]event.Event{}
	}
	s.issues[i.ID], s.events[i.ID] = i, e
}

// Remove deletes an issue; its alerts stay, as after an ill-timed deletion.
func (s *Store) Remove(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.issues, id)
	delete(s.events, id)
}

// Alert queues an alert.
func (s *Store) Alert(k tracker.AlertKind, issue int64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	s.alerts = append(s.alerts, tracker.Alert{ID: s.lastID, Kind: k, IssueID: issue, ProjectID: s.ids[s.issues[issue].Project], At: at})
}

// Mails returns a copy of all mails, oldest first.
func (s *Store) Mails() []tracker.Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Alerts returns a copy of the pending alerts, oldest first.
func (s *Store) Alerts() []tracker.Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.alerts)
}

// Issue implements tracker.Store.
func (s *Store) Issue(_ context.Context, id int64) (tracker.Issue, error) {
	if err := s.enter("Issue"); err != nil {
		return tracker.Issue{}, err
	}
	defer s.mu.Unlock()
	i, ok := s.issues[id]
	if !ok {
		return i, errs.New(errs.NotFound, "error %d not found", id)
	}
	return i, nil
}

// InProject gives the project of a name its ID; others have 0.
func (s *Store) InProject(name string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids = map[string]int64{}
	}
	s.ids[name] = id
}

// Rules sets what alerts of a project go out.
func (s *Store) Rules(project string, r tracker.AlertRules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules == nil {
		s.rules = map[string]tracker.AlertRules{}
	}
	s.rules[project] = r
}

// Settings implements tracker.SettingsStore.
func (s *Store) Settings(_ context.Context, project string) (*tracker.Settings, error) {
	if err := s.enter("Settings"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return &tracker.Settings{Alerts: s.rules[project]}, nil
}

// FirstOccurrence implements tracker.Store.
func (s *Store) FirstOccurrence(_ context.Context, id int64) (tracker.Occurrence, error) {
	if err := s.enter("FirstOccurrence"); err != nil {
		return tracker.Occurrence{}, err
	}
	defer s.mu.Unlock()
	e, ok := s.events[id]
	if !ok {
		return tracker.Occurrence{}, errs.New(errs.NotFound, "error %d not found", id)
	}
	return tracker.Occurrence{ID: id, IssueID: id, First: true, Event: e}, nil
}

// Occurrence implements tracker.Store.
func (s *Store) Occurrence(ctx context.Context, id, _ int64) (o tracker.Occurrence, older, newer int64, err error) {
	o, err = s.FirstOccurrence(ctx, id)
	return o, 0, 0, err
}

// PendingAlerts implements tracker.Outbox.
func (s *Store) PendingAlerts(_ context.Context, limit int) ([]tracker.Alert, error) {
	if err := s.enter("PendingAlerts"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.Clone(s.alerts[:min(limit, len(s.alerts))]), nil
}

// CountPendingAlerts implements tracker.Outbox.
func (s *Store) CountPendingAlerts(context.Context) (int64, error) {
	if err := s.enter("CountPendingAlerts"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return int64(len(s.alerts)), nil
}

// QueueTestAlert implements tracker.Outbox.
func (s *Store) QueueTestAlert(_ context.Context, project int64, at time.Time) error {
	if err := s.enter("QueueTestAlert"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.lastID++
	s.alerts = append(s.alerts, tracker.Alert{ID: s.lastID, Kind: tracker.AlertTest, ProjectID: project, At: at})
	return nil
}

// QueueMails implements tracker.Outbox.
func (s *Store) QueueMails(_ context.Context, alertIDs []int64, mails []tracker.Mail) error {
	if err := s.enter("QueueMails"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	gone := make(map[int64]bool, len(alertIDs))
	for _, id := range alertIDs {
		gone[id] = true
	}
	s.alerts = slices.DeleteFunc(s.alerts, func(a tracker.Alert) bool { return gone[a.ID] })
	for _, m := range mails {
		s.lastID++
		m.ID = s.lastID
		m.CreatedAt = m.CreatedAt.Round(0).Truncate(time.Millisecond) // as a database keeps it
		m.NextAttempt = m.NextAttempt.Round(0).Truncate(time.Millisecond)
		s.mails = append(s.mails, m)
	}
	return nil
}

// LastMailed implements tracker.Outbox.
func (s *Store) LastMailed(_ context.Context, issueID int64, kind string) (time.Time, error) {
	if err := s.enter("LastMailed"); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	var last time.Time
	for _, m := range s.mails {
		if m.IssueID == issueID && m.Kind == kind && m.CreatedAt.After(last) {
			last = m.CreatedAt
		}
	}
	return last, nil
}

func unsent(m tracker.Mail) bool { return m.SentAt.IsZero() && m.FailedAt.IsZero() }

// DueMails implements tracker.Outbox.
func (s *Store) DueMails(_ context.Context, now time.Time, limit int) ([]tracker.Mail, error) {
	if err := s.enter("DueMails"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var due []tracker.Mail
	for _, m := range s.mails {
		if unsent(m) && !m.NextAttempt.After(now) && len(due) < limit {
			due = append(due, m)
		}
	}
	return due, nil
}

// NextMail implements tracker.Outbox.
func (s *Store) NextMail(context.Context) (time.Time, error) {
	if err := s.enter("NextMail"); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	var next time.Time
	for _, m := range s.mails {
		if unsent(m) && (next.IsZero() || m.NextAttempt.Before(next)) {
			next = m.NextAttempt
		}
	}
	return next, nil
}

// MailSent implements tracker.Outbox.
func (s *Store) MailSent(_ context.Context, id int64, at time.Time) error {
	return s.change("MailSent", id, func(m *tracker.Mail) {
		m.Attempts++
		m.SentAt, m.LastError = at, ""
	})
}

// MailFailed implements tracker.Outbox.
func (s *Store) MailFailed(_ context.Context, id int64, at time.Time, reason string, next time.Time, giveUp bool) error {
	return s.change("MailFailed", id, func(m *tracker.Mail) {
		m.Attempts++
		m.LastError, m.NextAttempt = reason, next
		if giveUp {
			m.FailedAt = at
		}
	})
}

// RetryMail implements tracker.Outbox.
func (s *Store) RetryMail(_ context.Context, id int64, now time.Time) error {
	return s.change("RetryMail", id, func(m *tracker.Mail) { m.FailedAt, m.NextAttempt = time.Time{}, now })
}

func (s *Store) change(method string, id int64, f func(*tracker.Mail)) error {
	if err := s.enter(method); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for i := range s.mails {
		if s.mails[i].ID == id {
			f(&s.mails[i])
			return nil
		}
	}
	return errs.New(errs.NotFound, "mail %d not found", id)
}

// RecentMails implements tracker.Outbox.
func (s *Store) RecentMails(_ context.Context, issueID int64, limit int) ([]tracker.Mail, error) {
	return s.recent("RecentMails", tracker.DeliveryQuery{IssueID: issueID}, limit)
}

// Deliveries implements tracker.AlertStore; the channel is as it may be.
func (s *Store) Deliveries(_ context.Context, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error) {
	return s.recent("Deliveries", q, limit)
}

func (s *Store) recent(method string, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error) {
	if err := s.enter(method); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []tracker.Mail
	for _, m := range slices.Backward(s.mails) {
		if (q.IssueID == 0 || m.IssueID == q.IssueID) && (q.ProjectID == 0 || m.ProjectID == q.ProjectID) && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, nil
}
