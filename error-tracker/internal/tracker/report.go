package tracker

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback"
)

// DefaultEnvironment is where an event happened that does not say where.
const DefaultEnvironment = "prod"

// Report is an error as clients of our own protocol tell it: the name of the
// exception, its message and a traceback as text, which make a whole report,
// and beside them whatever the client knows in structure.
type Report struct {
	ExceptionType string
	Message       string
	UserID        string        // who met the error, if Facts.User has no ID
	Frames        []event.Frame // of the exception, for clients that send one stack and no chain
	Replace       bool          // an event of the same ID gives way
	Facts         event.Event   // everything else; Facts.Traceback is the text
}

// Event turns r into an event. The chain of exceptions is the client's own
// where it sent one, else what the text of the traceback says; the type and
// message of the report describe its last exception. An exception type that is
// too long is an Invalid error.
func (r *Report) Event() (*event.Event, error) {
	e := r.Facts
	if err := validProject(&e); err != nil { // first, as the protocol promises
		return nil, err
	}
	if err := validType(r.ExceptionType); err != nil {
		return nil, err
	}
	if len(e.Exceptions) == 0 && len(r.Frames) > 0 {
		e.Exceptions = []event.Exception{{Frames: r.Frames}}
	}
	if len(e.Exceptions) == 0 {
		r.parse(&e)
	}
	last := &e.Exceptions[len(e.Exceptions)-1]
	if last.Type == "" {
		last.Type = r.ExceptionType
	}
	if last.Value == "" {
		last.Value = r.Message
	}
	if e.User.ID == "" {
		e.User.ID = r.UserID
	}
	if e.Environment == "" {
		e.Environment = DefaultEnvironment
	}
	e.Level = Level(e.Level)
	return &e, nil
}

// parse reads the text of the traceback.
func (r *Report) parse(e *event.Event) {
	found := traceback.Chain(e.Traceback, r.ExceptionType, r.Message)
	e.Exceptions = found.Exceptions
	last := &e.Exceptions[len(e.Exceptions)-1]
	if r.ExceptionType != "" {
		last.Type = r.ExceptionType // to the letter
	}
	if r.Message != "" {
		last.Value = r.Message
	}
	if e.Platform == "" {
		e.Platform = found.Platform
	}
}

// Level is one of the five names that an event's level has. Without one, and
// for a name nobody knows, an error is an error.
func Level(name string) string {
	switch name := strings.ToLower(name); name {
	case "fatal", "error", "warning", "info", "debug":
		return name
	case "critical", "emergency", "alert", "panic":
		return "fatal"
	case "warn":
		return "warning"
	case "log", "notice":
		return "info"
	case "trace":
		return "debug"
	}
	return "error"
}
