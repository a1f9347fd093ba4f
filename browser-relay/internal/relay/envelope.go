package relay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// MaxEnvelope is the most bytes of an Envelope, which is in memory as a whole.
const MaxEnvelope = 1 << 20

// Envelope is what one of Sentry's SDKs sends through the tunnel: a line of JSON, and
// items. The error tracker knows its key; here it has only the right form.
type Envelope struct {
	Project string // digits
	Key     string // letters, digits and hyphens
	EventID string // of the first line; "" if it has none
	SDK     SDK
	Origin  string // of the page, "" if it said none
	Client  string // address of the browser; not kept
	Events  int    // items that are errors or messages
	Useful  bool   // one of its items is something that the error tracker keeps
	Body    []byte // as it came
}

// queue is the queue of its key. The error tracker may refuse or slow down one key,
// which must not hold up the others.
func (e *Envelope) queue() Queue {
	sum := sha256.Sum256([]byte(e.Project + " " + e.Key))
	return Queue{ToEnvelopes, int64(binary.LittleEndian.Uint64(sum[:]) >> 1)}
}

// EnvelopeAnswer is what an SDK is told.
type EnvelopeAnswer struct {
	Body   []byte // of the error tracker; nil when the envelope is on our disk, to be delivered
	Limits string // X-Sentry-Rate-Limits: what is not to be sent for a while; "" is nothing
}

// Tunnel passes an envelope on as Report does with an event, and answers like the
// error tracker. Its refusals are errors of the kinds that it chose; then Limits may
// be set as well.
func (s *Service) Tunnel(ctx context.Context, e Envelope) (EnvelopeAnswer, error) {
	q := e.queue()
	body, err := s.Encoder.Envelope(&e)
	if err != nil {
		return EnvelopeAnswer{}, err
	}
	if r, tried := s.sendNow(ctx, q, Parcel{ToEnvelopes, e.EventID, body}); tried {
		switch r.Outcome {
		case Delivered:
			s.envelopeLimits.Store(&r.Limits)
			s.accepted(Key{}, e.SDK, e.Events, 0)
			s.Traffic.Add(Count{What: CountDelivered, Reason: CountErrors}, e.Events)
			return EnvelopeAnswer{Body: r.Body, Limits: r.Limits}, nil
		case Refused, Limited:
			return EnvelopeAnswer{Limits: r.Limits}, refusal(r)
		}
	}
	answer := EnvelopeAnswer{}
	if known := s.envelopeLimits.Load(); known != nil {
		answer.Limits = *known
	}
	if e.Useful {
		e.Client = ""
		if body, err = s.Encoder.Envelope(&e); err != nil {
			return EnvelopeAnswer{}, err
		}
		// A store that has to choose parcels remembers the queue; senders choose those.
		parcel := cmp.Or(e.EventID, NewEventID())
		entry := Entry{Queue: q, At: s.Now(), Items: e.Events, Parcel: parcel, Body: body}
		if _, err := s.Spool.Append(ctx, []Entry{entry}, nil); err != nil {
			return EnvelopeAnswer{}, err
		}
	}
	s.accepted(Key{}, e.SDK, e.Events, 0)
	return answer, nil
}

// limitedPause is how long a key waits that the error tracker slows down without
// saying for how long.
const limitedPause = 10 * time.Second

// refusal is the error tracker's as an error of ours.
func refusal(r Result) error {
	if r.Outcome == Limited {
		return errs.RetryIn(errs.RateLimited, r.Pause(), "%s", r.Detail)
	}
	kind := errs.Invalid
	switch r.Status {
	case 401, 403:
		kind = errs.Forbidden
	case 409:
		kind = errs.Conflict
	case 413:
		kind = errs.TooLarge
	case 415:
		kind = errs.Unsupported
	}
	return errs.New(kind, "%s", r.Detail)
}

// Pause is how long to wait after a Limited.
func (r *Result) Pause() time.Duration {
	if r.RetryAfter > 0 {
		return min(r.RetryAfter, maxWait)
	}
	return limitedPause
}
