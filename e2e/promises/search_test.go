package promises

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// hostileSearches are searches that do not end well where they are handed to SQL, to
// a full-text index or to an engine of expressions that goes back.
var hostileSearches = []string{
	`"`, `""`, `a AND`, `AND`, `NOT`, `OR OR`, `NEAR(`, `NEAR(a b, 99999)`, `*`, `a*`, `**`, `^a`, `x:y`, `x:`, `:y`, `{a b}:c`, `(`, `(((((((((((((((a)))))))))))))))`, `-a`, `- -a`, `a+b`, `'`, `';--`, `%`, `_`, `\`, "\x00", "\xff", "é*", `a:*b*c*`, `is:`, `f:>`, `f:>1e999`, `f:>NaN`,
	`/(a+a+)+y/`, `/(?i:\w{1,30}\W?){25}$/`, `/a{1000}{1000}/`, `/(/`, `/a/ /b/ /(x+x+)+y/`, `f:/(b*)*c/`,
	strings.Repeat("a ", 2000), strings.Repeat("a OR ", 90) + "a", strings.Repeat("(", 2000), strings.Repeat(`"a `, 1000), strings.Repeat("a*", 2000),
}

// B5: whatever is searched for in whatever there is, the answer comes in time: with
// what was found until then, as a refusal, or 503, never as another 5xx.
func TestHostileSearchesEndInTime(t *testing.T) {
	for _, m := range models(t)[:2] {
		t.Run(m.name, func(t *testing.T) {
			s := m.start(t)
			path := "/api/errors?resolved=all&q="
			if m.name == "log-viewer" {
				path = "/api/logs?q="
			}
			for i := range 60 { // long texts on which expressions take long
				text := strings.Repeat([]string{"a", "ab", "a ", "x"}[i%4], 30<<10)
				r := harness.Request{Method: http.MethodPost, Path: "/api/logs", Body: []map[string]any{{"container": "c", "message": text}}}
				if m.name != "log-viewer" {
					r = harness.Request{Method: http.MethodPost, Path: "/api/errors", Body: map[string]any{"project": "p", "exception_type": fmt.Sprint("E", i), "message": text, "traceback": ""}}
				}
				if got := s.Do(r); got.Status/100 != 2 {
					t.Fatalf("%d %.200s", got.Status, got.Body)
				}
			}
			const most = 20 * time.Second // of a machine that has no time for us; without bounds it were minutes
			answers, slowest, which := map[int]int{}, time.Duration(0), ""
			for _, q := range hostileSearches {
				begin := time.Now()
				r := s.Get(path + url.QueryEscape(q))
				took := time.Since(begin)
				if answers[r.Status]++; r.Status >= 500 && r.Status != http.StatusServiceUnavailable || r.Status >= 400 && r.Detail() == "" {
					t.Errorf("%.60q: %d %.200s", q, r.Status, r.Body)
				}
				if took > most {
					t.Errorf("%.60q took %v", q, took)
				}
				if took > slowest {
					slowest, which = took, q
				}
			}
			harness.Note(t, "B5", m.name, "%d hostile searches: answers %v, the slowest %v (%.40s)", len(hostileSearches), answers, slowest.Round(time.Millisecond), which)
		})
	}
}
