package relay

import (
	"context"
	"time"
)

// Target is one of the services behind the relay.
type Target uint8

const (
	ToErrors    Target = iota // the error tracker
	ToMetrics                 // the metrics collector
	ToEnvelopes               // the error tracker's door for Sentry's SDKs
	targets
)

// String is the name of the service.
func (t Target) String() string {
	switch t {
	case ToErrors:
		return "error-tracker"
	case ToEnvelopes:
		return "error-tracker-envelopes"
	}
	return "metrics-collector"
}

// Targets are all targets.
func Targets() []Target { return []Target{ToErrors, ToMetrics, ToEnvelopes} }

// Parcel is what is sent in one request.
type Parcel struct {
	Target Target
	Key    string // makes sending again harmless: the event's ID, or the Idempotency-Key
	Body   []byte
}

// Outcome is what became of a Parcel.
type Outcome uint8

const (
	Delivered     Outcome = iota // it is on the other side's disk
	Refused                      // it will never be taken
	Misconfigured                // our key or address is wrong, says the other side: every parcel will fare so
	Busy                         // the other side wants it later
	Failing                      // the other side had an internal error; it may be this parcel's fault
	Down                         // no answer in time, or none that makes sense
	Limited                      // the key of an envelope sent too much; other keys are not concerned
)

// Result is the answer to a Parcel.
type Result struct {
	Outcome    Outcome
	Created    bool          // 201 rather than 200
	Body       []byte        // of the answer when Delivered: JSON, at most 4 KiB
	RetryAfter time.Duration // wanted by the other side; 0 is not said
	Detail     string        // what went wrong; of an envelope that was Refused or Limited in the words of the error tracker
	Status     int           // of the answer to an envelope
	Limits     string        // X-Sentry-Rate-Limits of the answer to an envelope
}

// Upstream sends parcels.
type Upstream interface {
	// Send sends p, within 5 s at most.
	Send(ctx context.Context, p Parcel) Result
	// SendEvents sends several parcels of events or envelopes for the error tracker, at most
	// MaxEventsAtOnce, in as few requests as that allows. There is a result for
	// each that was sent: those after a failure may not be.
	SendEvents(ctx context.Context, parcels []Parcel) []Result
}

// Limits of SendEvents.
const (
	MaxEventsAtOnce     = 64
	MaxEventBytesAtOnce = 240_000 // of the bodies together, unless it is one
)

// Encoder writes what the services behind understand.
type Encoder interface {
	// Report is the body that reports an event of a project to the error
	// tracker. It fits into the limit of that service: what is too much is cut.
	Report(project string, e *Event) ([]byte, error)
	// Envelope is an envelope with what the error tracker has to know beside it.
	Envelope(e *Envelope) ([]byte, error)
	// Points is metrics of a project as JSON values with commas between them.
	Points(project string, metrics []Metric) ([]byte, error)
	// Batch makes the body of points that were encoded by Points.
	Batch(points [][]byte) []byte
}
