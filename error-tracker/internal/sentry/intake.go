package sentry

import (
	"net/http"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// intake is one request on its way into the tracker.
type intake struct {
	*api

	r      *http.Request
	key    tracker.ProjectKey
	client string // the SDK, as the request says
	sdk    event.SDK
	sentAt time.Time // zero: not told

	texts    []string // of events
	files    []event.Attachment
	sessions []tracker.Sessions
	losses   []loss
	limited  error // the answer to events that were too many
}

// envelope is POST /api/{project}/envelope/. It answers after all that was
// accepted is on disk.
func (a *api) envelope(w http.ResponseWriter, r *http.Request) error {
	c := credentialsOf(r)
	in := &intake{api: a, r: r, client: c.client}
	var err error
	if c.key != "" { // before anything is read
		if in.key, err = a.admit(r, c.key); err != nil {
			return err
		}
	}
	e := newEnvelopeReader(r.Body)
	defer e.close()
	h, err := e.header()
	if err == nil && in.key.ID == 0 {
		if in.key, err = a.admit(r, keyOfDSN(h.dsn)); err != nil {
			return err
		}
	}
	if err == nil {
		in.sentAt, in.sdk = h.sentAt, h.sdk
		err = in.items(e)
	}
	if err != nil {
		a.Counter.Count(in.key.ProjectID, tracker.Refused, tracker.IngestReason(err), 1)
		a.Observe("", err)
		return err
	}
	id, err := in.keep(h.eventID)
	if err != nil {
		return err
	}
	return answer(w, id)
}

// answer is that to everything that was taken in.
func answer(w http.ResponseWriter, id event.ID) error {
	w.Header().Set(rateLimits, notKept)
	if id.IsZero() {
		return problem.JSON(w, http.StatusOK, struct{}{})
	}
	return problem.JSON(w, http.StatusOK, map[string]string{"id": id.String()})
}

// items reads all items of an envelope.
func (in *intake) items(e *envelopeReader) error {
	hold := func(bytes int64) error { return in.Hold(in.r, bytes) }
	kept := 0
	for {
		ok, err := e.next()
		if !ok || err != nil {
			return err
		}
		switch kind := e.item.kind; kind {
		case "event":
			err = in.event(e, hold)
		case "attachment":
			if len(in.files) == maxFiles {
				in.Counter.Count(in.key.ProjectID, tracker.Ignored, "attachment beyond the first ten", 1)
				continue
			}
			var f event.Attachment
			f, err = attach(e, kept, hold)
			kept += len(f.Data)
			in.files = append(in.files, f)
		case "session", "sessions":
			var text string
			if text, err = e.payload(maxSmallItem, hold); err == nil {
				var s []tracker.Sessions
				if s, err = decodeSessions(text, in.Now()); err == nil {
					in.sessions = append(in.sessions, s...)
				}
			}
		case "client_report":
			var text string
			if text, err = e.payload(maxSmallItem, hold); err == nil {
				var l []loss
				if l, err = decodeLosses(text); err == nil {
					in.losses = append(in.losses, l...)
				}
			}
		default:
			in.Counter.Count(in.key.ProjectID, tracker.Ignored, typeName(kind), int64(e.item.count))
		}
		if err != nil {
			return err
		}
	}
}

// typeName is a type of item as counters show it: one of those there are.
func typeName(kind string) string {
	switch kind {
	case "transaction", "span", "profile", "profile_chunk", "replay_event", "replay_recording", "replay_video", "check_in",
		"feedback", "user_report", "log", "trace_metric", "statsd", "metric_meta", "raw_security":
		return kind
	}
	return "unknown type"
}

// event reads an event, unless there are too many.
func (in *intake) event(e *envelopeReader, hold func(int64) error) error {
	if len(in.texts) == maxEvents {
		in.Counter.Count(in.key.ProjectID, tracker.Ignored, "event beyond the first ten", 1)
		return nil
	}
	if err := in.limits.allow(&in.key, in.RateLimit); err != nil {
		in.limited = err
		in.Counter.Count(in.key.ProjectID, tracker.Limited, "rate of the key", 1)
		in.Observe("", err)
		return nil
	}
	text, err := e.payload(MaxEvent, hold)
	if err == nil {
		in.texts = append(in.texts, text)
	}
	return err
}

// keep stores what was read and returns the ID of the first event.
func (in *intake) keep(envelopeID event.ID) (first event.ID, err error) {
	for i, text := range in.texts {
		id, err := in.keepEvent(text, i == 0, envelopeID)
		if err != nil {
			return first, err
		}
		if i == 0 {
			first = id
		}
	}
	if err := in.keepCounts(); err != nil {
		return first, err
	}
	return first, in.limited
}

// keepEvent decodes and stores an event. The first one of an envelope has its
// ID and attachments.
func (in *intake) keepEvent(text string, first bool, envelopeID event.ID) (event.ID, error) {
	release, err := in.Room(in.r.Context(), int64(len(text)))
	if err != nil {
		in.Observe("", err)
		in.failed(err)
		return event.ID{}, err
	}
	defer release()
	p, err := decodeEvent(text)
	if err != nil {
		in.Observe("", err)
		in.failed(err)
		return event.ID{}, err
	}
	if first {
		if !envelopeID.IsZero() {
			p.ID = envelopeID
		}
		p.Attachments = in.files
	}
	if p.kind == "transaction" && len(p.Exceptions) == 0 && p.Message.Text() == "" {
		in.Counter.Count(in.key.ProjectID, tracker.Ignored, "transaction", 1)
		return p.ID, nil
	}
	in.complete(p)
	return in.report(&p.Event)
}

// complete adds to an event what the request tells.
func (in *intake) complete(p *payload) {
	if p.autoIP && p.User.IP == "" {
		// Whoever forwards for others without being trusted is not the user.
		addr, peer := clientip.Addr(in.r), clientip.Parse(in.r.RemoteAddr)
		if addr.IsValid() && (addr != peer || in.r.Header.Get("X-Forwarded-For") == "") {
			p.User.IP = addr.String()
		}
	}
	if p.SDK.Name == "" {
		p.SDK = in.sdk
	}
	in.setClock(&p.Event)
}

// report stores an event.
func (in *intake) report(e *event.Event) (event.ID, error) {
	e.Project = in.key.Project
	out, err := in.Tracker.Report(stay(in.r), e)
	in.Observe(out.Status, err)
	if err != nil {
		in.failed(err)
		return event.ID{}, err
	}
	kind := tracker.Accepted
	switch out.Status {
	case tracker.Unwanted:
		in.Counter.Count(in.key.ProjectID, tracker.Filtered, out.Reason, 1)
		return out.EventID, nil
	case tracker.Duplicate:
		kind = tracker.Repeated
	case tracker.Created, tracker.Incremented, tracker.Reopened:
		in.Counter.Count(in.key.ProjectID, tracker.Sender, in.sender(e), 1)
	}
	in.Counter.Count(in.key.ProjectID, kind, "event", 1)
	return out.EventID, nil
}

func (in *intake) failed(err error) {
	if k := errs.KindOf(err); k == errs.Invalid || k == errs.TooLarge {
		in.Counter.Count(in.key.ProjectID, tracker.Refused, tracker.IngestReason(err), 1)
		return
	}
	in.Counter.Count(in.key.ProjectID, tracker.Failed, tracker.IngestReason(err), 1)
}

// sender is the SDK as counters show it.
func (in *intake) sender(e *event.Event) string {
	if e.SDK.Name != "" {
		return cutText(strings.TrimSpace(e.SDK.Name+" "+e.SDK.Version), 100)
	}
	name, version, _ := strings.Cut(in.client, "/")
	version, _, _ = strings.Cut(version, " ")
	return cutText(orText(strings.TrimSpace(name+" "+version), "unknown"), 100)
}

// maxSkew is how far a clock may be off that is not corrected.
const maxSkew = time.Minute

// setClock corrects the time of an event when the sender's clock is off, as the
// time at which the envelope says it was sent shows.
func (in *intake) setClock(e *event.Event) {
	if in.sentAt.IsZero() {
		return
	}
	skew := in.Now().Sub(in.sentAt)
	if skew.Abs() <= maxSkew {
		return
	}
	in.Counter.Count(in.key.ProjectID, tracker.Skewed, skewText(skew), 1)
	if !e.OccurredAt.IsZero() {
		e.OccurredAt = e.OccurredAt.Add(skew)
	}
	for i := range e.Breadcrumbs {
		if b := &e.Breadcrumbs[i]; !b.At.IsZero() {
			b.At = b.At.Add(skew)
		}
	}
}

func skewText(skew time.Duration) string {
	way := "behind"
	if skew < 0 {
		way = "ahead"
	}
	switch skew = skew.Abs(); {
	case skew < 10*time.Minute:
		return "1 to 10 minutes " + way
	case skew < time.Hour:
		return "10 to 60 minutes " + way
	case skew < 24*time.Hour:
		return "1 to 24 hours " + way
	}
	return "more than a day " + way
}

// keepCounts stores sessions, and what the SDK says it lost.
func (in *intake) keepCounts() error {
	ctx := stay(in.r)
	if len(in.sessions) > 0 {
		if err := in.Tracker.CountSessions(ctx, in.key.ProjectID, in.sessions); err != nil {
			return err
		}
	}
	if len(in.losses) == 0 {
		return nil
	}
	counts := make([]tracker.IngestCount, len(in.losses))
	for i, l := range in.losses {
		counts[i] = tracker.IngestCount{
			Project: in.key.ProjectID, Hour: in.Now().UTC().Truncate(time.Hour), Kind: tracker.Lost, What: l.category + ": " + l.reason, Count: l.count,
		}
	}
	return in.Tracker.CountIngest(ctx, counts)
}
