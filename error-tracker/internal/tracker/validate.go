package tracker

import (
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// Limits of an event's fields, in bytes. Longer values of the first two are
// refused; everything else that is too long is cut by the protocol that took it in.
const (
	MaxProject       = 100
	MaxExceptionType = 200
)

func validate(e *event.Event) error {
	if err := validProject(e); err != nil {
		return err
	}
	for i := range e.Exceptions {
		if err := validType(e.Exceptions[i].Type); err != nil {
			return err
		}
	}
	return nil
}

func validProject(e *event.Event) error {
	if n := len(e.Project); n > MaxProject {
		return errs.New(errs.Invalid, "project is %d bytes long, the limit is %d", n, MaxProject)
	}
	return nil
}

func validType(name string) error {
	if n := len(name); n > MaxExceptionType {
		return errs.New(errs.Invalid, "exception_type is %d bytes long, the limit is %d", n, MaxExceptionType)
	}
	return nil
}

// How far a sender's clock may be off before it is not believed.
const (
	maxAhead = time.Minute
	maxAge   = 30 * 24 * time.Hour
)

// plausible is t, or the zero time if a clock that says t at now is wrong.
func plausible(t, now time.Time) time.Time {
	if t.After(now.Add(maxAhead)) || t.Before(now.Add(-maxAge)) {
		return time.Time{}
	}
	return t
}
