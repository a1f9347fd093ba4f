package sentry_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/httpapi"
	"github.com/monlight/monlight/error-tracker/internal/sentry"
	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

var now = time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)

// door is a tracker behind the doors for SDKs, with one project, "shop", whose
// ID is 1.
type door struct {
	t       testing.TB
	store   *sqlite.Store
	service *tracker.Service
	handler http.Handler
	key     tracker.ProjectKey
	counts  counter
	sent    atomic.Int64
}

// clock moves on by a millisecond with each request, so that the newest issue is
// the one that was met last.
func (d *door) clock() time.Time { return now.Add(time.Duration(d.sent.Load()) * time.Millisecond) }

// counter counts in memory.
type counter struct {
	mu sync.Mutex
	by map[string]int64 // "kind what"
}

func (c *counter) Count(_ int64, kind tracker.IngestKind, what string, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by[string(kind)+" "+what] += n
}

func (c *counter) Used(int64) {}

func (c *counter) of(what string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[what]
}

func open(t testing.TB, change ...func(*sentry.Options)) *door {
	t.Helper()
	d := &door{t: t, counts: counter{by: map[string]int64{}}}
	s, err := sqlite.NewStore(dbtest.Open(t, sqlite.Migrations()), sqlite.Options{Now: d.clock})
	if err != nil {
		t.Fatal(err)
	}
	d.store, d.service = s, tracker.NewService(s, d.clock, nil)
	p, err := d.service.CreateProject(context.Background(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	d.key = p.Keys[0]
	e := config.New("error-tracker", func(string) (string, bool) { return "", false })
	edge := server.NewEdge("error-tracker", "1", server.Load(e), logging.Discard())
	o := sentry.Options{
		Tracker: d.service, Counter: &d.counts, Now: d.clock, Log: slog.New(slog.DiscardHandler),
		Observe: func(tracker.Status, error) {}, Room: httpapi.NewRoom(), RateLimit: 1_000_000,
		Body: edge.Pieces(sentry.MaxWire, sentry.MaxEnvelope, sentry.MaxKept, sentry.Encodings()...), Hold: server.Hold,
	}
	for _, c := range change {
		c(&o)
	}
	r := edge.Router()
	sentry.Routes(r, o)
	d.handler = server.Handler(server.Options{Edge: edge, Handler: r})
	return d
}

// answer is what the door said.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a request as it is; header are names and values.
func (d *door) send(method, path string, body io.Reader, header ...string) answer {
	r := httptest.NewRequest(method, path, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	d.sent.Add(1)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), strings.TrimSpace(w.Body.String())}
}

// auth is the header that SDKs for servers send.
func (d *door) auth() string {
	return "Sentry sentry_key=" + d.key.Key + ", sentry_version=7, sentry_client=sentry.python/2.68.0"
}

func (d *door) envelope(body string, header ...string) answer {
	return d.send(http.MethodPost, "/api/1/envelope/", strings.NewReader(body), append([]string{"X-Sentry-Auth", d.auth()}, header...)...)
}

// event sends an event in an envelope of its own and returns what was stored.
func (d *door) event(text string) event.Event {
	if got := d.envelope("{}\n{\"type\":\"event\"}\n" + text + "\n"); got.status != http.StatusOK {
		d.t.Fatalf("%d %s for %.300s", got.status, got.body, text)
	}
	return d.newest()
}

// all returns all kept events, newest first.
func (d *door) all() (events []event.Event) {
	page, err := d.store.Issues(context.Background(), tracker.IssueQuery{State: tracker.AnyState, Limit: 200})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, i := range page.Issues {
		kept, err := d.store.Occurrences(context.Background(), i.ID, 0, 100)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, o := range kept {
			events = append(events, o.Event)
		}
	}
	return events
}

// newest is the event of the issue that was opened or changed last.
func (d *door) newest() event.Event {
	page, err := d.store.Issues(context.Background(), tracker.IssueQuery{State: tracker.AnyState, Limit: 1})
	if err != nil || len(page.Issues) == 0 {
		d.t.Fatalf("no issue: %v", err)
	}
	o, _, _, err := d.store.Occurrence(context.Background(), page.Issues[0].ID, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return o.Event
}
