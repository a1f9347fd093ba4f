package tracker

import (
	"context"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// Sessions are counted uses of a program: pages that were open, requests that
// were served, runs of an app. They tell which part of them a bug has spoilt.
type Sessions struct {
	Release     string
	Environment string
	Hour        time.Time // in which they began
	Total       int64
	Crashed     int64 // ended by an error that nobody caught
	Errored     int64 // in which something was reported, and that went on
	Abnormal    int64 // ended without the program knowing why
}

// IngestKind is what became of something that a client sent, or had to send.
type IngestKind string

const (
	Accepted IngestKind = "accepted" // stored; of events
	Repeated IngestKind = "repeated" // stored before; of events
	Filtered IngestKind = "filtered" // by a filter that people switched on
	Limited  IngestKind = "limited"  // more than the key may send
	Refused  IngestKind = "refused"  // wrong, or too large
	Failed   IngestKind = "failed"   // right, but could not be stored
	Ignored  IngestKind = "ignored"  // of a type that is not kept
	Lost     IngestKind = "lost"     // by the client, as it says itself
	Sender   IngestKind = "sender"   // the SDK and version of accepted events
	Skewed   IngestKind = "skewed"   // how far the clock of senders is off
)

// IngestKinds are all of them.
var IngestKinds = []IngestKind{Accepted, Repeated, Filtered, Limited, Refused, Failed, Ignored, Lost, Sender, Skewed}

// IngestCount is a number of such things in an hour.
type IngestCount struct {
	Project int64 // 0 when it is not known
	Hour    time.Time
	Kind    IngestKind
	What    string // the reason, type, SDK, …
	Count   int64
}

// MaxIngestWhats is how many different texts of a kind are told apart for each
// project and hour. Others, which come from outside, are counted under OtherWhat.
const (
	MaxIngestWhats = 100
	OtherWhat      = "(other)"
)

// IngestReason names an error for the counters.
func IngestReason(err error) string {
	switch errs.KindOf(err) {
	case errs.TooLarge:
		return "too large"
	case errs.Invalid:
		return "malformed"
	case errs.Timeout:
		return "too slow"
	case errs.Unavailable:
		return "no room"
	}
	return "other"
}

// IngestStore is the part of the store that counts what is not an event.
type IngestStore interface {
	// CountIngest adds counts to those of their hour.
	CountIngest(ctx context.Context, counts []IngestCount) error
	// Ingest adds up the counts since an hour: of one project, or of all for 0.
	// Hour is zero in the result, and Project in that of all. Most first.
	Ingest(ctx context.Context, project int64, since time.Time) ([]IngestCount, error)
	// IngestHours adds up the counts since an hour by hour and kind, of one project
	// or of all for 0. What is empty in the result.
	IngestHours(ctx context.Context, project int64, since time.Time) ([]IngestCount, error)
	// CountSessions adds sessions to those of their project and hour.
	CountSessions(ctx context.Context, project int64, sessions []Sessions) error
	// SessionsByRelease adds up the sessions of a project since an hour, and
	// in one environment if one is named. Hour is zero in the result.
	SessionsByRelease(ctx context.Context, project int64, environment string, since time.Time) ([]Sessions, error)
}
