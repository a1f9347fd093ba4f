package promises

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// answering is how a server behind the relay answers.
type answering func(w http.ResponseWriter, r *http.Request)

// upstream is a server in front of a shelf that answers as it is told to.
type upstream struct {
	addr   string
	server *http.Server
	ill    atomic.Pointer[answering] // nil: what the shelf answers
	shelf  http.Handler
}

func newUpstream(t *testing.T, shelf *harness.Shelf) *upstream {
	t.Helper()
	target, err := url.Parse(shelf.URL)
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{shelf: httputil.NewSingleHostReverseProxy(target)}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.addr = l.Addr().String()
	u.server = &http.Server{Handler: u, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := u.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("upstream: %v", err)
		}
	}()
	t.Cleanup(u.refuse)
	return u
}

// ServeHTTP answers as well as it can.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ill := u.ill.Load(); ill != nil {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client is gone
		(*ill)(w, r)
		return
	}
	u.shelf.ServeHTTP(w, r)
}

// refuse ends all connections and takes no more.
func (u *upstream) refuse() { _ = u.server.Close() }

// illnesses are what can be wrong with the services behind the relay. nil: nobody listens.
var illnesses = []struct {
	name string
	how  answering
}{
	{"refuses", nil},
	{"hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	{"answers 500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
	{"answers a byte a second", func(w http.ResponseWriter, r *http.Request) {
		for range 600 {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
	}},
	{"answers a GB", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, 1<<30) }},
}

// doors are the ways of a page into the relay: of an event, of points, and of both at once.
var doors = []struct {
	name string
	put  func(n int) harness.Request
}{
	{"event", func(n int) harness.Request {
		return page("/api/browser/errors", map[string]any{"type": "E", "message": item(n), "stack": "E: m\n    at f (https://h/a.js:1:2)"})
	}},
	{"metrics", func(int) harness.Request {
		return page("/api/browser/metrics", map[string]any{"url": "https://h/", "metrics": []map[string]any{{"name": "x", "type": "counter", "value": 1}}})
	}},
	{"batch", putEvent},
}

func page(path string, body any) harness.Request {
	return harness.Request{Method: http.MethodPost, Path: path + "?key=" + dsnKey, Body: body, NoKey: true}
}

// B9: pages do not wait for services behind the relay that are down, slow or mad.
func TestPagesDoNotWaitForADeadUpstream(t *testing.T) {
	var relays sync.WaitGroup // all at once: it waits for limits of time
	for _, illness := range illnesses {
		m := models(t)[3]
		u := newUpstream(t, m.shelf)
		at := "http://" + u.addr
		s := m.start(t, "ERROR_TRACKER_URL="+at, "METRICS_COLLECTOR_URL="+at)
		relays.Go(func() { deadUpstream(t, m, s, u, illness.name, illness.how) })
	}
	relays.Wait()
}

func deadUpstream(t *testing.T, m *model, s *harness.Service, u *upstream, name string, how answering) {
	const (
		promise = 5 * time.Second
		clients = 8
		each    = 12
	)
	next := 0
	round := func(put func(n int) harness.Request) (all []time.Duration) {
		took := make([][]time.Duration, clients)
		var pages sync.WaitGroup
		for c := range clients {
			from := next
			next += each
			pages.Go(func() {
				for n := range each {
					begin := time.Now()
					r, err := s.Try(put(from + n))
					took[c] = append(took[c], time.Since(begin))
					if err != nil || r.Status/100 != 2 {
						t.Errorf("%s: %d %.200s %v", name, r.Status, r.Body, err)
					}
				}
			})
		}
		pages.Wait()
		return slices.Concat(took...)
	}
	var well [3][]time.Duration
	for i, door := range doors {
		well[i] = round(door.put)
	}
	delivered(t, s) // what waits already would let the next page go at once
	if how == nil {
		u.refuse()
	} else {
		u.ill.Store(&how)
	}
	var text strings.Builder
	worst := time.Duration(0)
	for i, door := range doors {
		ill := round(door.put)
		longest, before := slices.Max(ill), slices.Max(well[i])
		worst = max(worst, longest-before)
		if longest > promise {
			t.Errorf("%s: a page waited %v at the door for %s, want at most %v", name, longest, door.name, promise)
		}
		_, _ = fmt.Fprintf(&text, "; %s p50 %v → %v, longest %v → %v", door.name, harness.Percentile(well[i], 50).Round(100*time.Microsecond), harness.Percentile(ill, 50).Round(100*time.Microsecond),
			before.Round(time.Millisecond), longest.Round(time.Millisecond))
	}
	if n := waiting(t, s); n != len(doors)*clients*each {
		t.Errorf("%s: %d parcels wait for it, want the %d that pages were told are kept", name, n, len(doors)*clients*each)
	}
	harness.Note(t, "B9", m.name, "upstream %s: a page waited at most %v longer than before%s; all %d kept", name, worst.Round(time.Millisecond), text.String(), len(doors)*clients*each)
}
