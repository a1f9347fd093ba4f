package harness

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Shelf is in place of an error tracker and a metrics collector: it takes what
// a relay delivers, and remembers it as they do, each event ID once.
type Shelf struct {
	URL string

	mu     sync.Mutex
	closed bool
	events map[string]map[string]bool // by message, the IDs that came with it
}

// NewShelf starts one that takes everything.
func NewShelf(t testing.TB) *Shelf {
	t.Helper()
	s := &Shelf{events: map[string]map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/errors", func(w http.ResponseWriter, r *http.Request) {
		s.take(w, r, http.StatusCreated, `{"status":"created","id":1}`)
	})
	mux.HandleFunc("POST /api/errors/batch", func(w http.ResponseWriter, r *http.Request) { s.take(w, r, http.StatusOK, "") })
	mux.HandleFunc("POST /api/metrics", func(w http.ResponseWriter, r *http.Request) {
		s.take(w, r, http.StatusAccepted, `{"status":"accepted","count":1}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Close lets the shelf answer everything with 503, or, with false, take it again.
func (s *Shelf) Close(closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = closed
}

// Events is how many different events came with each message.
func (s *Shelf) Events() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for message, ids := range s.events {
		counts[message] = len(ids)
	}
	return counts
}

// Forget makes it empty.
func (s *Shelf) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.events)
}

type shelfReport struct {
	ID      string `json:"event_id"`
	Message string `json:"message"`
}

func (s *Shelf) take(w http.ResponseWriter, r *http.Request, status int, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if s.closed {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the relay is gone
	}
	var batch struct{ Reports []shelfReport }
	switch {
	case r.URL.Path == "/api/metrics":
	case answer == "":
		if json.Unmarshal(body, &batch) != nil {
			status = http.StatusBadRequest
		}
		results := make([]map[string]any, len(batch.Reports))
		for i := range results {
			results[i] = map[string]any{"status": "created", "id": 1}
		}
		text, _ := json.Marshal(map[string]any{"results": results})
		answer = string(text)
	default:
		batch.Reports = make([]shelfReport, 1)
		if json.Unmarshal(body, &batch.Reports[0]) != nil {
			status = http.StatusBadRequest
		}
	}
	for _, e := range batch.Reports {
		if s.events[e.Message] == nil {
			s.events[e.Message] = map[string]bool{}
		}
		s.events[e.Message][e.ID] = true
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}
