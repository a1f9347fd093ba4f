package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sync/semaphore"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// report is POST /api/errors. It answers after the event is on disk.
func (a *api) report(w http.ResponseWriter, r *http.Request) error {
	out, sdk, err := a.take(w, r)
	a.answered(out, err, sdk)
	if err != nil {
		return err
	}
	answer, status := outcome(out)
	return problem.JSON(w, status, answer)
}

// outcome is the answer to a report that was stored.
func outcome(out tracker.Outcome) (answer outcomeJSON, status int) {
	answer = outcomeJSON{Status: string(out.Status), ID: out.IssueID, EventID: out.EventID.String()}
	status = http.StatusOK
	switch out.Status {
	case tracker.Created:
		status = http.StatusCreated
		answer.Fingerprint = out.Fingerprint.String()
	case tracker.Reopened:
		status = http.StatusCreated
		answer.Count = out.Count
	case tracker.Incremented, tracker.Duplicate, tracker.Replaced:
		answer.Count = out.Count
	case tracker.Unwanted:
		answer.Reason = out.Reason
	}
	return answer, status
}

type outcomeJSON struct {
	Status      string `json:"status"`
	ID          int64  `json:"id"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Count       int64  `json:"count,omitempty"`
	Reason      string `json:"reason,omitempty"`
	EventID     string `json:"event_id"`
}

func (a *api) take(w http.ResponseWriter, r *http.Request) (out tracker.Outcome, sdk string, err error) {
	body, err := readBody(w, r, MaxBody)
	if err != nil {
		return out, "", err
	}
	release, err := a.Room(r.Context(), int64(len(body)))
	if err != nil {
		return out, "", err
	}
	defer release()
	// A client that hangs up while its report waits for the disk must not undo
	// it: its next try would count twice if this one was already written.
	return a.takeText(context.WithoutCancel(r.Context()), body)
}

// answered tells those who count what became of a report.
func (a *api) answered(out tracker.Outcome, err error, sdk string) {
	a.Observe(out.Status, err)
	if err != nil {
		kind := tracker.Failed
		if k := errs.KindOf(err); k == errs.Invalid || k == errs.TooLarge || k == errs.Timeout {
			kind = tracker.Refused
		}
		a.Counter.Count(0, kind, tracker.IngestReason(err), 1)
		return
	}
	switch out.Status {
	case tracker.Unwanted:
		a.Counter.Count(out.ProjectID, tracker.Filtered, out.Reason, 1)
		return
	case tracker.Duplicate, tracker.Replaced:
		a.Counter.Count(out.ProjectID, tracker.Repeated, "event", 1)
		return
	}
	a.Counter.Count(out.ProjectID, tracker.Accepted, "event", 1)
	a.Counter.Count(out.ProjectID, tracker.Sender, sdk, 1)
}

// sender names what made the event, for the counters.
func sender(e *event.Event) string {
	if e.SDK.Name == "" {
		return "POST /api/errors"
	}
	return eventjson.Cut(strings.TrimSpace(e.SDK.Name+" "+e.SDK.Version), 100)
}

// roomWait is how long a report waits for its turn to be decoded.
const roomWait = 10 * time.Second

// Room is what waits until so many bytes of a body may be decoded. release gives
// the room back.
type Room func(ctx context.Context, bytes int64) (release func(), err error)

// NewRoom returns a Room for maxUnpacked bytes at one time. All protocols share
// one.
func NewRoom() Room {
	unpacked := semaphore.NewWeighted(maxUnpacked)
	return func(ctx context.Context, bytes int64) (release func(), err error) {
		if !unpacked.TryAcquire(bytes) {
			wait, cancel := context.WithTimeout(ctx, roomWait)
			defer cancel()
			if err := unpacked.Acquire(wait, bytes); err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return nil, errs.RetryIn(errs.Unavailable, time.Second, "Too many reports wait to be stored, try again")
			}
		}
		return func() { unpacked.Release(bytes) }, nil
	}
}

var errBodyTooLarge = errs.New(errs.TooLarge, "Request body exceeds maximum size")

// bodyChunk is the size of the buffers that bodies are read into at first. Most
// reports fit into one, and then cost one allocation of their own size.
const bodyChunk = 16 << 10

var bodyChunks = sync.Pool{New: func() any { return new([bodyChunk]byte) }}

// readBody reads a body of at most limit bytes. What it allocates follows what
// has arrived, not what was announced: who announces much and sends nothing
// holds nothing.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (string, error) {
	if r.ContentLength > limit {
		return "", errBodyTooLarge
	}
	body := http.MaxBytesReader(w, r.Body, limit)
	chunk := bodyChunks.Get().(*[bodyChunk]byte) //nolint:forcetypeassert // nothing else is put there
	defer bodyChunks.Put(chunk)
	data := chunk[:0]
	for {
		if len(data) == cap(data) {
			data = append(make([]byte, 0, bodyRoom(cap(data), r.ContentLength)), data...)
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF && cap(data) == bodyChunk:
			return string(data), nil // the chunk goes back
		case err == io.EOF:
			// Nobody writes to data any more; a copy would be the largest
			// allocation of the whole request.
			return unsafe.String(unsafe.SliceData(data), len(data)), nil
		case err != nil:
			return "", bodyError(err)
		}
	}
}

// bodyRoom is the next size of a buffer that was too small: twice as large, or
// what was announced and one byte to meet the end.
func bodyRoom(size int, announced int64) int {
	next := 2 * size
	if int64(size) < announced && announced < int64(next) {
		next = int(announced) + 1
	}
	return next
}

// bodyError says what went wrong while a body was read. A middleware may have
// classified it already.
func bodyError(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return errBodyTooLarge
	}
	if errs.KindOf(err) != errs.Internal {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.Wrap(errs.Invalid, err, "Failed to read request body: it ended early")
	}
	return errs.Wrap(errs.Invalid, err, "Failed to read request body")
}
