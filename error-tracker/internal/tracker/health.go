package tracker

import (
	"context"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// IngestWindow is a stretch of time up to now that ingest is looked at.
type IngestWindow string

const (
	LastHour IngestWindow = "hour" // and what has passed of this one
	LastDay  IngestWindow = "day"
	LastWeek IngestWindow = "week"
)

// Hours is how many hours of the clock the window is made of, with the present
// one. An unknown window is Invalid.
func (w IngestWindow) Hours() (int, error) {
	switch w {
	case LastHour:
		return 2, nil
	case LastDay:
		return 24, nil
	case LastWeek:
		return 7 * 24, nil
	}
	return 0, errs.New(errs.Invalid, "window = %.60q, want hour, day or week", string(w))
}

// IngestHealth tells what became of what clients sent in a window.
type IngestHealth struct {
	Since  time.Time     // the start of an hour
	Counts []IngestCount // by kind and what, most first
	Hours  []IngestHour  // oldest first; every hour of the window
}

// IngestHour is what became of events in an hour.
type IngestHour struct {
	Start     time.Time
	Accepted  int64
	NotStored int64 // filtered, limited, refused or failed
}

// Total adds up one kind.
func (h *IngestHealth) Total(kind IngestKind) (n int64) {
	for i := range h.Counts {
		if h.Counts[i].Kind == kind {
			n += h.Counts[i].Count
		}
	}
	return n
}

// IngestHealth reads the counters of one project, or of all for 0. They are
// those of this moment.
func (s *Service) IngestHealth(ctx context.Context, project int64, w IngestWindow) (*IngestHealth, error) {
	n, err := w.Hours()
	if err != nil {
		return nil, err
	}
	if project != 0 {
		if _, err := s.Project(ctx, project); err != nil {
			return nil, err
		}
	}
	s.settle(ctx)
	h := &IngestHealth{Since: s.now().UTC().Truncate(time.Hour).Add(-time.Duration(n-1) * time.Hour)}
	if h.Counts, err = s.Ingest(ctx, project, h.Since); err != nil {
		return nil, err
	}
	counts, err := s.IngestHours(ctx, project, h.Since)
	if err != nil {
		return nil, err
	}
	for i := range n {
		h.Hours = append(h.Hours, IngestHour{Start: h.Since.Add(time.Duration(i) * time.Hour)})
	}
	for _, c := range counts {
		i := int(c.Hour.Sub(h.Since) / time.Hour)
		if i < 0 || i >= n {
			continue // of a clock that went back
		}
		switch c.Kind {
		case Accepted:
			h.Hours[i].Accepted += c.Count
		case Filtered, Limited, Refused, Failed:
			h.Hours[i].NotStored += c.Count
		case Repeated, Ignored, Lost, Sender, Skewed:
		}
	}
	return h, nil
}
