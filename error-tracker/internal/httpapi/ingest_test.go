package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

func TestReadBodyReadsEveryLength(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", MaxBody/16)
	for _, n := range []int{0, 1, bodyChunk - 1, bodyChunk, bodyChunk + 1, 2*bodyChunk - 1, 2 * bodyChunk, 2*bodyChunk + 1, 100_000, MaxBody - 1, MaxBody} {
		for _, chunked := range []bool{false, true} {
			var body io.Reader = strings.NewReader(text[:n])
			if chunked {
				body = io.MultiReader(body)
			}
			got, err := readBody(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", body), MaxBody)
			if err != nil || got != text[:n] {
				t.Errorf("%d bytes, chunked %v: %d bytes, %v", n, chunked, len(got), err)
			}
		}
	}
}

// Bodies are read through shared buffers: what one request read must not
// change when the next one comes.
func TestReadBodyKeepsBodiesApart(t *testing.T) {
	read := func(c string, n int) string {
		got, err := readBody(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat(c, n))), MaxBody)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, n := range []int{100, bodyChunk, bodyChunk + 100, MaxBody} {
		first := read("a", n)
		read("b", n)
		if first != strings.Repeat("a", n) {
			t.Errorf("a body of %d bytes changed after it was read", n)
		}
	}
}

// brokenBody fails after its text.
type brokenBody struct {
	io.Reader
	err error
}

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

func TestReadBodySaysWhatWentWrong(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		kind errs.Kind
		text string
	}{
		"cut off":        {io.ErrUnexpectedEOF, errs.Invalid, "Failed to read request body: it ended early"},
		"something else": {errors.New("reset"), errs.Invalid, "Failed to read request body"},
		"known already":  {errs.New(errs.Unavailable, "busy"), errs.Unavailable, "busy"},
	} {
		_, err := readBody(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", brokenBody{strings.NewReader("{"), test.err}), MaxBody)
		if errs.KindOf(err) != test.kind || text(err) != test.text {
			t.Errorf("%s: %v, want %q", name, err, test.text)
		}
	}
}

func TestReportsWaitForRoomAndNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{Options{Room: NewRoom()}}
		first, err := a.Room(t.Context(), maxUnpacked)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := a.Room(t.Context(), 1); errs.KindOf(err) != errs.Unavailable || time.Since(began) != roomWait {
			t.Errorf("without room: %v after %v, want unavailable after %v", err, time.Since(began), roomWait)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Room(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
		time.AfterFunc(time.Second, first)
		second, err := a.Room(t.Context(), maxUnpacked)
		if err != nil {
			t.Errorf("after there was room again: %v", err)
		}
		second()
	})
}

func TestATracebackIsMadeWhereThereIsNone(t *testing.T) {
	e := &event.Event{Exceptions: []event.Exception{
		{Type: "KeyError", Value: "'x'", Frames: []event.Frame{{AbsPath: "/app/a.py", Line: 3, Function: "f", ContextLine: "    d['x']"}, {Module: "app.b"}}},
		{Type: "ValueError", Value: "bad"},
	}}
	const want = `Traceback (most recent call last):
  File "/app/a.py", line 3, in f
    d['x']
  File "app.b"
KeyError: 'x'

The above exception was the direct cause of the following exception:

ValueError: bad
`
	if got := tracebackText(e); got != want {
		t.Errorf("tracebackText = %s\nwant %s", got, want)
	}
	if got := e.Summary(); got != "bad" {
		t.Errorf("message = %q", got)
	}
	if got := (&event.Event{Message: event.Message{Template: "t"}}).Summary(); got != "t" {
		t.Errorf("message of an event without exceptions = %q", got)
	}
}

// A client that gave up must not undo its report: the next try would count
// twice if this one was written.
func TestAReportIsStoredAlthoughTheClientLeft(t *testing.T) {
	f := &fakeTracker{outcome: tracker.Outcome{Status: tracker.Created}}
	var seen context.Context
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequest(http.MethodPost, "/api/errors", strings.NewReader(report(""))).WithContext(ctx)
	a := &api{Options{Tracker: watching{f, func(ctx context.Context) { cancel(); seen = ctx }}, Room: NewRoom()}}
	if _, _, err := a.take(httptest.NewRecorder(), r); err != nil || seen.Err() != nil {
		t.Errorf("take = %v, context of the store: %v", err, seen.Err())
	}
}

type watching struct {
	*fakeTracker
	report func(context.Context)
}

func (w watching) Report(ctx context.Context, e *event.Event) (tracker.Outcome, error) {
	w.report(ctx)
	return w.fakeTracker.Report(ctx, e)
}
