package promises

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// model is what a test knows of a service: how it is started, how an item with
// a number is given to it, and how the items are read back.
type model struct {
	name     string
	settings []string
	forever  []string       // settings under which nothing is forgotten in this decade
	anew     string         // statement that does it where no setting can, with the time in Unix milliseconds
	shelf    *harness.Shelf // what the relay delivers to
	put      func(n int) harness.Request
	accepted []int
	// found is how often each item is there.
	found func(t testing.TB, s *harness.Service) map[int]int
}

// dsnKey is the key of pages at the relay.
const dsnKey = "0123456789abcdef0123456789abcdef"

// models are all services.
func models(t testing.TB) []*model {
	t.Helper()
	shelf := harness.NewShelf(t)
	return []*model{
		{
			name: "error-tracker", settings: []string{"RATE_LIMIT=1000000", "KEEP_OCCURRENCES=100000"}, put: putReport, accepted: []int{200, 201}, found: foundReports,
			forever: []string{"RETENTION_DAYS=3650"},
		},
		{
			name: "log-viewer", settings: []string{"RATE_LIMIT=1000000", "LOG_SOURCES=" + t.TempDir()}, put: putLine, accepted: []int{202}, found: foundLines,
			forever: []string{"RETENTION_DAYS=3650"},
		},
		{
			name: "metrics-collector", settings: []string{"RATE_LIMIT=1000000", "MAX_SERIES_PER_METRIC=1000000", "AGGREGATION_INTERVAL=1s"},
			put: putPoint, accepted: []int{202}, found: foundPoints, forever: []string{"RETENTION_HOURLY=3650d"},
		},
		{
			name: "browser-relay", shelf: shelf, settings: []string{
				"ADMIN_API_KEY=" + harness.Key, "RATE_LIMIT=1000000", "KEY_RATE_LIMIT=1000000", "DSN_KEYS=web:" + dsnKey,
				"ERROR_TRACKER_URL=" + shelf.URL, "ERROR_TRACKER_API_KEY=" + harness.Key, "METRICS_COLLECTOR_URL=" + shelf.URL, "METRICS_COLLECTOR_API_KEY=" + harness.Key,
			}, put: putEvent, accepted: []int{202}, found: foundOnShelf(shelf), anew: "UPDATE spool SET at = ?", // a day at most is promised
		},
	}
}

// each runs a test for each service.
func each(t *testing.T, test func(t *testing.T, m *model)) {
	t.Helper()
	for i, name := range []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"} {
		t.Run(name, func(t *testing.T) { test(t, models(t)[i]) })
	}
}

func (m *model) start(t testing.TB, settings ...string) *harness.Service {
	t.Helper()
	return m.startIn(t, t.TempDir(), settings...)
}

func (m *model) startIn(t testing.TB, dir string, settings ...string) *harness.Service {
	t.Helper()
	return harness.StartIn(t, dir, m.name, append(slices.Clone(m.settings), settings...)...)
}

// attachedIn is startIn without the start: Restart or RestartUnder does it.
func (m *model) attachedIn(t testing.TB, dir string, settings ...string) *harness.Service {
	t.Helper()
	return harness.NewIn(t, dir, m.name, append(slices.Clone(m.settings), settings...)...)
}

// item is the name of a number, in requests and in what is stored.
func item(n int) string { return "item-" + strconv.Itoa(n) }

func number(t testing.TB, item string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimPrefix(item, "item-"))
	if err != nil {
		t.Fatalf("%q is not one of our items", item)
	}
	return n
}

// headers name the item in the request and in the answer, and make sending again harmless.
func headers(n int) map[string]string {
	return map[string]string{"X-Request-Id": item(n), "Idempotency-Key": item(n)}
}

func eventID(n int) string { return fmt.Sprintf("%032x", n+1) }

func putReport(n int) harness.Request {
	body := map[string]any{"project": "shop", "exception_type": "ValueError", "message": item(n), "event_id": eventID(n),
		"traceback": harness.PythonTraceback(fmt.Sprintf("step_%c", 'a'+n%5), 1, item(n))}
	return harness.Request{Method: http.MethodPost, Path: "/api/errors", Body: body, Header: headers(n)}
}

func foundReports(t testing.TB, s *harness.Service) map[int]int {
	t.Helper()
	var list struct{ Errors []struct{ ID, Count int64 } }
	if err := s.Get("/api/errors?limit=200&resolved=all").JSON(&list); err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	for _, issue := range list.Errors {
		kept := int64(0)
		for cursor := ""; ; {
			var page struct {
				Occurrences []struct{ Message string }
				Next        *string `json:"next_cursor"`
			}
			r := s.Get(fmt.Sprintf("/api/errors/%d/occurrences?limit=100&cursor=%s", issue.ID, cursor))
			if err := r.JSON(&page); err != nil || r.Status != http.StatusOK {
				t.Fatalf("%d %.300s", r.Status, r.Body)
			}
			for _, o := range page.Occurrences {
				found[number(t, o.Message)]++
				kept++
			}
			if page.Next == nil || *page.Next == "" {
				break
			}
			cursor = *page.Next
		}
		if kept != issue.Count {
			t.Errorf("issue %d counts %d events and keeps %d", issue.ID, issue.Count, kept)
		}
	}
	return found
}

func putLine(n int) harness.Request {
	return harness.Request{Method: http.MethodPost, Path: "/api/logs", Body: []map[string]any{{"container": "c", "message": item(n)}}, Header: headers(n)}
}

func foundLines(t testing.TB, s *harness.Service) map[int]int {
	t.Helper()
	found := map[int]int{}
	for cursor := ""; ; {
		var page struct {
			Logs []struct{ Message string }
			Next *string
		}
		r := s.Get("/api/logs?limit=5000&cursor=" + cursor)
		if err := r.JSON(&page); err != nil || r.Status != http.StatusOK {
			t.Fatalf("%d %.300s", r.Status, r.Body)
		}
		for _, l := range page.Logs {
			found[number(t, l.Message)]++
		}
		if page.Next == nil || *page.Next == "" {
			return found
		}
		cursor = *page.Next
	}
}

// pointsPerMetric keeps the series of a metric to one answer.
const pointsPerMetric = 500

func putPoint(n int) harness.Request {
	body := []map[string]any{{"name": fmt.Sprintf("items_%d", n/pointsPerMetric), "type": "counter", "value": 1, "labels": map[string]string{"item": item(n)}}}
	return harness.Request{Method: http.MethodPost, Path: "/api/metrics", Body: body, Header: headers(n)}
}

func foundPoints(t testing.TB, s *harness.Service) map[int]int {
	t.Helper()
	var names struct{ Metrics []struct{ Name string } }
	if err := s.Get("/api/metrics/names").JSON(&names); err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	for _, m := range names.Metrics {
		var answer struct {
			Series []struct {
				Labels map[string]string
				Data   []struct{ Value float64 }
			}
		}
		r := s.Get("/api/metrics?period=3650d&step=30d&agg=sum&by=item&limit=1000&name=" + m.Name)
		if err := r.JSON(&answer); err != nil || r.Status != http.StatusOK {
			t.Fatalf("%d %.300s", r.Status, r.Body)
		}
		for _, series := range answer.Series {
			for _, bucket := range series.Data {
				found[number(t, series.Labels["item"])] += int(bucket.Value)
			}
		}
	}
	return found
}

func putEvent(n int) harness.Request {
	body, err := json.Marshal(map[string]any{"v": 1, "session_id": "s", "page": "/r", "errors": []map[string]any{
		{"event_id": eventID(n), "type": fmt.Sprintf("E%d", n%5), "message": item(n), "stack": "E: m\n    at f (https://h/a.js:1:2)"},
	}})
	if err != nil {
		panic(err)
	}
	return harness.Request{Method: http.MethodPost, Path: "/api/browser/batch?key=" + dsnKey, Body: body, NoKey: true, Header: headers(n)}
}

// foundOnShelf waits until the relay has delivered all that it keeps.
func foundOnShelf(shelf *harness.Shelf) func(t testing.TB, s *harness.Service) map[int]int {
	return func(t testing.TB, s *harness.Service) map[int]int {
		t.Helper()
		shelf.Close(false)
		delivered(t, s)
		found := map[int]int{}
		for message, events := range shelf.Events() {
			found[number(t, message)] = events
		}
		return found
	}
}

// delivered waits until nothing waits in the relay.
func delivered(t testing.TB, s *harness.Service) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		n := waiting(t, s)
		if n == 0 {
			return
		}
		if time.Since(begin) > 10*time.Minute {
			t.Fatalf("%d parcels still wait in the relay", n)
		}
	}
}

// waiting is how much the relay has to deliver.
func waiting(t testing.TB, s *harness.Service) int {
	t.Helper()
	var health struct { // without the number nothing waits
		Status  string
		Waiting int
	}
	if err := s.Get("/health").JSON(&health); err != nil || health.Status == "" {
		t.Fatalf("health: %v", err)
	}
	return health.Waiting
}
