package promises

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// load gives a service items from several clients and remembers which of them
// were acknowledged.
type load struct {
	m    *model
	s    *harness.Service
	stop chan struct{}
	done sync.WaitGroup

	mu           sync.Mutex
	next         int
	acknowledged []int
	unknown      []int // sent without an answer, or refused for now: stored or not
	odd          []string
}

func newLoad(m *model, s *harness.Service) *load { return &load{m: m, s: s} }

// begin lets clients send until end.
func (l *load) begin(clients int) {
	l.stop = make(chan struct{})
	for range clients {
		l.done.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				if !l.one() {
					time.Sleep(2 * time.Millisecond)
				}
			}
		})
	}
}

func (l *load) end() {
	close(l.stop)
	l.done.Wait()
}

// count is how many items were acknowledged.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// one sends the next item and tells whether it was acknowledged.
func (l *load) one() bool {
	l.mu.Lock()
	n := l.next
	l.next++
	l.mu.Unlock()
	return l.send(n)
}

func (l *load) send(n int) bool {
	r, err := l.s.Try(l.m.put(n))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && slices.Contains(l.m.accepted, r.Status):
		l.acknowledged = append(l.acknowledged, n)
		return true
	case err == nil && r.Status != http.StatusServiceUnavailable:
		l.odd = append(l.odd, fmt.Sprintf("%d %.200s", r.Status, r.Body))
	}
	l.unknown = append(l.unknown, n)
	return false
}

// sendAgain sends what has no answer yet, as clients do.
func (l *load) sendAgain(t testing.TB) {
	t.Helper()
	again := l.unknown
	l.unknown = nil
	for _, n := range again {
		if !l.send(n) {
			t.Errorf("%s: item %d is refused after the restart: %v", l.m.name, n, l.odd)
		}
	}
}

// verify compares what is there with what was acknowledged: nothing may be
// missing, and nothing there twice.
func (l *load) verify(t testing.TB) (lost, doubled int) {
	t.Helper()
	for _, text := range l.odd {
		t.Errorf("%s: an item was answered with %s", l.m.name, text)
	}
	return compare(t, l.m.name, l.acknowledged, l.m.found(t, l.s))
}

// compare counts items that are missing or there more than once.
func compare(t testing.TB, name string, acknowledged []int, found map[int]int) (lost, doubled int) {
	t.Helper()
	for _, n := range acknowledged {
		if found[n] == 0 {
			lost++
		}
	}
	for _, times := range found {
		if times > 1 {
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("%s: of %d acknowledged items %d are lost; %d items are there more than once", name, len(acknowledged), lost, doubled)
	}
	return lost, doubled
}
