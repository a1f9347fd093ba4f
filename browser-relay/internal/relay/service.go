package relay

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

const (
	// quick is how long a page's request waits for the services behind before
	// its event is kept and the page is let go.
	quick = 1500 * time.Millisecond
	// maxDirect bounds the requests that wait so at once; further ones are kept
	// right away.
	maxDirect = 64
)

// Options are the parts of a Service; Symbolicator and Recent may be nil.
type Options struct {
	Keys         *Keyring
	Spool        *Spool
	Traffic      *Traffic
	Courier      *Courier
	Encoder      Encoder
	Symbolicator Symbolicator
	Recent       RecentStore
	Log          *slog.Logger
	Now          func() time.Time
}

// Service takes what pages send and sees that it gets where it belongs.
type Service struct {
	Options
	series   *seriesGuard
	direct   [targets]chan struct{}
	unstored unstored

	envelopeLimits atomic.Pointer[string] // what the error tracker told SDKs last
}

// NewService returns a Service.
func NewService(o Options) *Service {
	s := &Service{Options: o, series: newSeriesGuard(o.Now)}
	s.unstored.wake = make(chan struct{}, 1)
	for i := range s.direct {
		s.direct[i] = make(chan struct{}, maxDirect)
	}
	return s
}

// Answer is what a page is told about one event.
type Answer struct {
	Kept    bool   // on our disk, to be delivered; else it is on the error tracker's
	Created bool   // the error tracker answered 201 rather than 200
	Body    []byte // the error tracker's answer, if not Kept
	EventID string
}

var errUpstream = errs.New(errs.Upstream, "Upstream error")

// Report passes one event on and waits a moment for the error tracker's answer.
// When that takes longer, or the error tracker is down, the event is kept on
// disk and delivered later. The error is of kind Upstream when the error tracker
// refuses the event for good, and when it cannot be kept.
func (s *Service) Report(ctx context.Context, k Key, e Event) (Answer, error) {
	now := s.Now()
	e.At = moment(e.At, 0, now)
	e.clamp()
	body, err := s.encode(ctx, k, &e)
	if err != nil {
		return Answer{}, err
	}
	q := Queue{ToErrors, k.ID}
	if r, tried := s.sendNow(ctx, q, Parcel{ToErrors, e.ID, body}); tried {
		switch r.Outcome {
		case Delivered:
			s.accepted(k, e.SDK, 1, 0)
			s.Traffic.Add(Count{Key: k.ID, What: CountDelivered, Reason: CountErrors}, 1)
			return Answer{Created: r.Created, Body: r.Body, EventID: e.ID}, nil
		case Refused, Misconfigured:
			s.Log.WarnContext(ctx, "event refused by the error tracker", "project", k.Project, "err", r.Detail)
			return Answer{}, errs.Wrap(errs.Upstream, errUpstream, "Upstream error")
		}
	}
	if _, err := s.Spool.Append(ctx, []Entry{{Queue: q, At: now, Items: 1, Parcel: e.ID, Body: body}}, nil); err != nil {
		return Answer{}, unkept(err)
	}
	s.accepted(k, e.SDK, 1, 0)
	return Answer{Kept: true, EventID: e.ID}, nil
}

// unkept is the answer of the old endpoints when something could not be kept.
func unkept(err error) error {
	if errs.KindOf(err) == errs.Unavailable {
		return errs.Wrap(errs.Upstream, err, "Upstream error")
	}
	return err
}

// Metrics passes points on, all or none, and waits a moment for the metrics
// collector, like Report. A point that is wrong is an Invalid error.
func (s *Service) Metrics(ctx context.Context, k Key, points []Metric, page string) error {
	now := s.Now()
	for i := range points {
		if detail := points[i].invalid(); detail != "" {
			return errs.New(errs.Invalid, "metrics[%d]: %s", i, detail)
		}
		points[i].At = moment(points[i].At, 0, now)
	}
	points = s.finish(k, points, page, SDK{})
	if len(points) == 0 {
		s.accepted(k, SDK{}, 0, 0)
		return nil
	}
	part, err := s.Encoder.Points(k.Project, points)
	if err != nil {
		return err
	}
	q, id := Queue{ToMetrics, k.ID}, NewEventID()
	if r, tried := s.sendNow(ctx, q, Parcel{ToMetrics, id, s.Encoder.Batch([][]byte{part})}); tried {
		switch r.Outcome {
		case Delivered:
			s.accepted(k, SDK{}, 0, len(points))
			s.Traffic.Add(Count{Key: k.ID, What: CountDelivered, Reason: CountMetrics}, len(points))
			return nil
		case Refused, Misconfigured:
			s.Log.WarnContext(ctx, "metrics refused by the metrics collector", "project", k.Project, "err", r.Detail)
			return errs.Wrap(errs.Upstream, errUpstream, "Upstream error")
		}
	}
	if _, err := s.Spool.Append(ctx, []Entry{{Queue: q, At: now, Items: len(points), Parcel: id, Body: part}}, nil); err != nil {
		return unkept(err)
	}
	s.accepted(k, SDK{}, 0, len(points))
	return nil
}

// sendNow sends p unless it has to wait in its queue, or the target is down.
func (s *Service) sendNow(ctx context.Context, q Queue, p Parcel) (r Result, tried bool) {
	if ready, _ := s.Courier.Ready(q.Target); !ready || !s.Spool.IsEmpty(q) {
		return Result{}, false
	}
	select {
	case s.direct[q.Target] <- struct{}{}:
		defer func() { <-s.direct[q.Target] }()
	default:
		return Result{}, false
	}
	// The page may go, but what it sent is to arrive.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), quick)
	defer cancel()
	return s.Courier.Send(ctx, p), true
}

// Batch keeps what a page sends at once; it is on disk when the error is nil.
func (s *Service) Batch(ctx context.Context, k Key, b Batch) (Receipt, error) {
	now := s.Now()
	b.complete(now)
	receipt := Receipt{Rejected: b.Rejected}
	var entries []Entry
	for i := range b.Errors {
		if i == MaxBatchErrors {
			receipt.Rejected = append(receipt.Rejected, RejectedItem{"errors", i, ReasonTooMany, "more than 100 errors in a batch"})
			break
		}
		body, err := s.encode(ctx, k, &b.Errors[i])
		if err != nil {
			return Receipt{}, err
		}
		entries = append(entries, Entry{Queue: Queue{ToErrors, k.ID}, At: now, Items: 1, Parcel: b.Errors[i].ID, Body: body})
	}
	receipt.Errors = len(entries)
	points := b.Metrics[:0]
	for i := range b.Metrics {
		if detail := b.Metrics[i].invalid(); detail != "" {
			receipt.Rejected = append(receipt.Rejected, RejectedItem{"metrics", i, ReasonInvalid, detail})
			continue
		}
		points = append(points, b.Metrics[i])
	}
	valid := len(points)
	if points = s.finish(k, points, b.Page, b.SDK); len(points) < valid {
		receipt.Rejected = append(receipt.Rejected, RejectedItem{"metrics", len(points), ReasonSeries, "this key has too many metric names or labels today"})
	}
	if len(points) > 0 {
		part, err := s.Encoder.Points(k.Project, points)
		if err != nil {
			return Receipt{}, err
		}
		entries = append(entries, Entry{Queue: Queue{ToMetrics, k.ID}, At: now, Items: len(points), Body: part})
	} else {
		b.Digest = nil
	}
	receipt.Metrics = len(points)
	if err := s.keep(ctx, k, &b, entries, &receipt); err != nil {
		return Receipt{}, err
	}
	for _, r := range receipt.Rejected {
		s.Traffic.Add(Count{Key: k.ID, SDK: sdkName(b.SDK.String()), What: CountRejected, Reason: r.Reason}, 1)
	}
	receipt.Rejected = receipt.Rejected[:min(len(receipt.Rejected), maxRejected)]
	s.countDropped(k, &b)
	return receipt, nil
}

// keep stores the entries of a batch and counts them.
func (s *Service) keep(ctx context.Context, k Key, b *Batch, entries []Entry, receipt *Receipt) error {
	if len(entries) > 0 {
		known, err := s.Spool.Append(ctx, entries, b.Digest)
		if err != nil {
			return err
		}
		if known {
			// The metrics came before. The events may be others, or the same, which
			// their IDs will show.
			if entries = entries[:receipt.Errors]; len(entries) > 0 {
				if _, err := s.Spool.Append(ctx, entries, nil); err != nil {
					return err
				}
			}
			receipt.Duplicate = true
			s.Traffic.Add(Count{Key: k.ID, SDK: sdkName(b.SDK.String()), What: CountRejected, Reason: ReasonDuplicate}, receipt.Metrics)
			s.accepted(k, b.SDK, receipt.Errors, 0)
			return nil
		}
	}
	s.accepted(k, b.SDK, receipt.Errors, receipt.Metrics)
	return nil
}

// finish gives valid points their last form: labels that we set win over the
// page's own, but for the page. Those over the bounds of series are left out.
func (s *Service) finish(k Key, points []Metric, page string, sdk SDK) []Metric {
	kept := points[:0]
	for _, m := range points {
		m.clamp()
		if m.At.IsZero() {
			m.At = s.Now() // it may be delivered much later
		}
		if page != "" && m.Label("page") == "" {
			m.set("page", Cut(page, MaxLabelValue))
		}
		m.set("project", k.Project)
		m.set("source", "browser")
		if !s.series.admit(k.ID, &m) {
			s.Traffic.Add(Count{Key: k.ID, SDK: sdkName(sdk.String()), What: CountRejected, Reason: ReasonSeries}, 1)
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

// encode looks for source maps and writes the report.
func (s *Service) encode(ctx context.Context, k Key, e *Event) ([]byte, error) {
	if s.Symbolicator != nil {
		e.Symbolicated = s.Symbolicator.Symbolicate(ctx, k.Project, e)
		s.remember(k, e)
	}
	return s.Encoder.Report(k.Project, e)
}

func (s *Service) accepted(k Key, sdk SDK, events, points int) {
	s.Keys.Saw(k.ID)
	name := sdkName(sdk.String())
	s.Traffic.Add(Count{Key: k.ID, SDK: name, What: CountRequests}, 1)
	s.Traffic.Add(Count{Key: k.ID, SDK: name, What: CountErrors}, events)
	s.Traffic.Add(Count{Key: k.ID, SDK: name, What: CountMetrics}, points)
}

// countDropped counts what the page dropped itself.
func (s *Service) countDropped(k Key, b *Batch) {
	for i, d := range b.Dropped {
		if i == MaxDropReasons {
			break
		}
		if !slug(d.Reason, 40) {
			d.Reason = ReasonOther
		}
		s.Traffic.Add(Count{Key: k.ID, SDK: sdkName(b.SDK.String()), What: CountPage, Reason: d.Reason}, min(d.N, maxDropped))
	}
}
