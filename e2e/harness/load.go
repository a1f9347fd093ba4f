package harness

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// Load posts reports from several clients and remembers which of them the
// service acknowledged, and which it may have stored without saying so.
type Load struct {
	s       *Service
	clients int
	stop    chan struct{}
	done    sync.WaitGroup

	mu           sync.Mutex
	next         int
	acknowledged []Report // since the last Verify
	unknown      []Report // sent, and the answer never came: stored or not
	odd          []string // answers that are neither 2xx nor 503
	total        int64    // acknowledged ever

	counted map[int64]int64 // by issue: distinct events that Verify found or sent
}

// loadIssues is over how many issues the load is spread.
const loadIssues = 20

// NewLoad prepares a load by the given number of clients.
func NewLoad(s *Service, clients int) *Load {
	return &Load{s: s, clients: clients, counted: map[int64]int64{}}
}

// Start lets the clients post until Stop.
func (l *Load) Start() {
	l.stop = make(chan struct{})
	for range l.clients {
		l.done.Go(l.client)
	}
}

// Stop ends the clients and waits for them.
func (l *Load) Stop() {
	close(l.stop)
	l.done.Wait()
}

func (l *Load) client() {
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		l.mu.Lock()
		n := l.next
		l.next++
		l.mu.Unlock()
		r := PythonReport(fmt.Sprintf("step_%c", 'a'+n%loadIssues), n)
		r["event_id"] = NewEventID()
		response, err := l.s.Try(Request{Method: "POST", Path: "/api/errors", Body: r})
		l.note(r, response, err)
		if err != nil { // the service is gone: do not spin until Stop
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (l *Load) note(r Report, response Response, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.unknown = append(l.unknown, r)
	case response.Status == 200 || response.Status == 201:
		l.acknowledged = append(l.acknowledged, r)
		l.total++
	case response.Status == 503: // refused: it need not be there, and it may
		l.unknown = append(l.unknown, r)
	default:
		l.odd = append(l.odd, fmt.Sprintf("%d %.200s", response.Status, response.Body))
	}
}

// Acknowledged is the number of reports that were answered with 200 or 201.
func (l *Load) Acknowledged() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Verify asks the running service for each report that was acknowledged since
// the last call, by sending it again: one that it does not know as a duplicate
// is lost. The reports without an answer are sent again too; after that each
// event must be counted exactly once. It returns how many acknowledged reports
// are lost, and how many events the issues count too many.
func (l *Load) Verify(t testing.TB) (lost, doubled int64) {
	t.Helper()
	for _, text := range l.odd {
		t.Errorf("a report was answered with %s", text)
	}
	lost = l.resend(t, l.acknowledged)
	l.resend(t, l.unknown)
	l.acknowledged, l.unknown, l.odd = nil, nil, nil
	if lost > 0 {
		t.Errorf("%d acknowledged reports are lost", lost)
	}

	var list struct {
		Errors []struct{ ID, Count int64 }
	}
	if err := l.s.Do(Request{Path: "/api/errors?limit=200&resolved=all"}).JSON(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Errors) != len(l.counted) {
		t.Errorf("there are %d issues, want %d", len(list.Errors), len(l.counted))
	}
	for _, e := range list.Errors {
		if want := l.counted[e.ID]; e.Count != want {
			t.Errorf("issue %d counts %d events, want %d", e.ID, e.Count, want)
			doubled += max(0, e.Count-want)
		}
	}
	return lost, doubled
}

// resend sends reports again and returns how many of them were not known.
func (l *Load) resend(t testing.TB, all []Report) (unknown int64) {
	t.Helper()
	reports := make(chan Report)
	var clients sync.WaitGroup
	for range l.clients {
		clients.Go(func() {
			for r := range reports {
				var answer struct {
					Status string `json:"status"`
					ID     int64  `json:"id"`
				}
				response, err := l.s.Try(Request{Method: "POST", Path: "/api/errors", Body: r})
				if err == nil {
					err = response.JSON(&answer)
				}
				l.mu.Lock()
				if err != nil || answer.ID == 0 {
					t.Errorf("send a report again: %v, %s", err, response.Body)
				}
				if answer.Status != "duplicate" {
					unknown++
				}
				l.counted[answer.ID]++
				l.mu.Unlock()
			}
		})
	}
	for _, r := range all {
		reports <- r
	}
	close(reports)
	clients.Wait()
	return unknown
}

// Random is a random time between least and most.
func Random(least, most time.Duration) time.Duration {
	return least + rand.N(most-least)
}

// Percentile is the nearest-rank percentile p (0 to 100) of ds.
func Percentile(ds []time.Duration, p int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
