package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fakeUpstream plays the services behind: it answers like them and remembers
// what it took, once for each event ID and Idempotency-Key, as they do.
type fakeUpstream struct {
	*httptest.Server

	mu      sync.Mutex
	events  map[string]map[string]any // by event ID
	order   []string                  // event IDs as they came first
	points  []map[string]any
	keys    map[string]string // Idempotency-Key -> body
	hits    int
	largest int // bytes of a report
	poison  any // the message of events that it fails with

	envelopes map[string]envelope // by event ID

	noBatches bool                                              // an error tracker of before there were any
	answer    func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

// envelope is one that came through the tunnel.
type envelope struct {
	path, auth, origin, client, body string
}

// takeEnvelope answers as the error tracker's door for Sentry's SDKs does.
func (u *fakeUpstream) takeEnvelope(w http.ResponseWriter, r *http.Request, body string) {
	var header struct {
		EventID string `json:"event_id"`
	}
	first, _, _ := strings.Cut(body, "\n")
	_ = json.Unmarshal([]byte(first), &header)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.envelopes[header.EventID] = envelope{r.URL.Path, r.Header.Get("X-Sentry-Auth"), r.Header.Get("Origin"), r.Header.Get("X-Forwarded-For"), body}
	w.Header().Set("X-Sentry-Rate-Limits", "86400:transaction:organization")
	fmt.Fprintf(w, `{"id":%q}`, header.EventID)
}

// envelope returns the one of an event.
func (u *fakeUpstream) envelope(id string) (e envelope, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	e, ok = u.envelopes[id]
	return e, ok
}

func newFakeUpstream(t testing.TB) *fakeUpstream {
	t.Helper()
	u := &fakeUpstream{events: map[string]map[string]any{}, keys: map[string]string{}, envelopes: map[string]envelope{}}
	u.Server = httptest.NewServer(u)
	t.Cleanup(u.Close)
	return u
}

func (u *fakeUpstream) behave(f func(w http.ResponseWriter, r *http.Request) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = f
}

func (u *fakeUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	answer := u.answer
	u.hits++
	u.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	body, _ := io.ReadAll(r.Body)
	if strings.HasSuffix(r.URL.Path, "/envelope/") {
		u.takeEnvelope(w, r, string(body))
		return
	}
	if r.Header.Get("X-Api-Key") != testKey {
		http.Error(w, `{"detail":"Invalid API key"}`, http.StatusUnauthorized)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch r.URL.Path {
	case "/api/errors/batch":
		var batch struct{ Reports []map[string]any }
		if u.noBatches {
			http.NotFound(w, r)
			return
		}
		if json.Unmarshal(body, &batch) != nil {
			http.Error(w, `{"detail":"Invalid JSON"}`, http.StatusBadRequest)
			return
		}
		results := []string{}
		for _, e := range batch.Reports {
			id, _ := e["event_id"].(string)
			switch {
			case e["message"] == u.poison:
				results = append(results, `{"error":500,"detail":"Internal server error"}`)
			case u.events[id] != nil && e["replace"] == true:
				u.events[id] = e
				results = append(results, `{"status":"replaced"}`)
			case u.events[id] != nil:
				results = append(results, `{"status":"duplicate"}`)
			default:
				u.events[id] = e
				u.order = append(u.order, id)
				results = append(results, `{"status":"created"}`)
			}
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
	case "/api/errors":
		u.largest = max(u.largest, len(body))
		var e map[string]any
		if json.Unmarshal(body, &e) != nil {
			http.Error(w, `{"detail":"Invalid JSON"}`, http.StatusBadRequest)
			return
		}
		id, _ := e["event_id"].(string)
		if e["message"] == u.poison {
			http.Error(w, `{"detail":"Internal server error"}`, http.StatusInternalServerError)
			return
		}
		if u.events[id] != nil && e["replace"] != true {
			fmt.Fprint(w, `{"status":"duplicate","id":1,"count":1}`)
			return
		}
		u.events[id] = e
		u.order = append(u.order, id)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"status":"created","id":%d,"fingerprint":"00000000000000000000000000000001","event_id":%q}`, len(u.order), id)
	case "/api/metrics":
		key := r.Header.Get("Idempotency-Key")
		if before, ok := u.keys[key]; ok {
			if before != string(body) {
				http.Error(w, `{"detail":"Idempotency-Key was used with another body"}`, http.StatusConflict)
				return
			}
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"status":"accepted","count":1,"duplicate":true}`)
			return
		}
		var points []map[string]any
		if err := json.Unmarshal(body, &points); err != nil {
			http.Error(w, `{"detail":"Invalid JSON"}`, http.StatusBadRequest)
			return
		}
		u.keys[key] = string(body)
		u.points = append(u.points, points...)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"status":"accepted","count":%d}`, len(points))
	default:
		http.NotFound(w, r)
	}
}

func (u *fakeUpstream) counts() (events, points int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.events), len(u.points)
}

// event returns the only event of a message, or nil.
func (u *fakeUpstream) event(message string) map[string]any {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.events {
		if e["message"] == message {
			return e
		}
	}
	return nil
}

// answerWith answers every request with a status.
func answerWith(code int, headers ...string) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.Copy(w, strings.NewReader(`{"detail":"as told"}`))
		return true
	}
}
