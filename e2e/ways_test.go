package e2e

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

var address = regexp.MustCompile(`(?:href|action|src)="(https?://[^"]+)"`)

// elsewhere are the addresses of other services that a page has.
func elsewhere(t *testing.T, s *harness.Service, path string) (out []string) {
	t.Helper()
	r := s.Get(path)
	if r.Status != http.StatusOK || !strings.Contains(r.Body, "<h1") {
		t.Fatalf("%s%s: %d %.200s", s.URL, path, r.Status, r.Body)
	}
	for _, m := range address.FindAllStringSubmatch(r.Body, -1) {
		if a := html.UnescapeString(m[1]); !strings.HasPrefix(a, s.URL+"/") {
			out = append(out, a)
		}
	}
	return out
}

// names are what the services call the ends of a time, and a span before now.
var names = map[string]struct{ from, to, span string }{
	"error-tracker":     {"time", "", "time"},
	"log-viewer":        {"since", "until", "time"},
	"metrics-collector": {"from", "to", "period"},
}

// A time that somebody looks at goes along to the other services, there and back,
// as a span and with both ends.
func TestOneTimeIsCarriedAlong(t *testing.T) {
	services := map[string]*harness.Service{}
	settings := map[string][]string{"log-viewer": {"LOG_SOURCES=" + t.TempDir()}}
	for name := range names {
		services[name] = harness.NewIn(t, t.TempDir(), name, settings[name]...)
	}
	for name, s := range services {
		var urls []string
		for other := range names {
			if other != name {
				urls = append(urls, strings.ToUpper(strings.ReplaceAll(other, "-", "_"))+"_URL="+services[other].URL)
			}
		}
		s.Restart(urls...)
	}
	now := time.Now().UTC().Truncate(time.Second)
	report := `{"project":"shop","exception_type":"Late","message":"late","traceback":"Late: late\n    at a (a.py:1)"}`
	for name, send := range map[string][2]string{
		"error-tracker":     {"/api/errors", report},
		"log-viewer":        {"/api/logs", `{"container":"api","message":"late"}`},
		"metrics-collector": {"/api/metrics", `[{"name":"late_total","type":"counter","value":1}]`},
	} {
		if r := services[name].Post(send[0], send[1]); r.Status/100 != 2 {
			t.Fatalf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	pages := map[string][]string{"error-tracker": {"/"}, "log-viewer": {"/"}, "metrics-collector": {"/", "/explore?metric=late_total"}}
	from, to := now.Add(-40*time.Minute).Format(time.RFC3339), now.Format(time.RFC3339)
	for _, absolute := range []bool{false, true} {
		carried := map[string]bool{}
		for name, paths := range pages {
			for _, path := range paths {
				want := url.Values{}
				if absolute {
					want.Set(names[name].from, from)
					if names[name].to != "" {
						want.Set(names[name].to, to)
					}
				} else {
					want.Set(names[name].span, "3h")
				}
				joint := "?"
				if strings.Contains(path, "?") {
					joint = "&"
				}
				for _, a := range elsewhere(t, services[name], path+joint+want.Encode()) {
					u, err := url.Parse(a)
					if err != nil {
						t.Fatal(err)
					}
					for other, s := range services {
						if !strings.HasPrefix(a, s.URL) || strings.HasPrefix(u.Path, "/status") {
							continue
						}
						q, n := u.Query(), names[other]
						switch {
						case !absolute && q.Get(n.span) != "3h":
							t.Errorf("%s%s leads to %s, without its 3h", name, path, a)
						case absolute && !sameTime(q.Get(n.from), from):
							t.Errorf("%s%s leads to %s, not from %s", name, path, a, from)
						case absolute && n.to != "" && names[name].to != "" && !sameTime(q.Get(n.to), to):
							t.Errorf("%s%s leads to %s, not until %s", name, path, a, to)
						}
						elsewhere(t, s, strings.TrimPrefix(a, s.URL)) // it is there
						carried[name+" to "+other] = true
					}
				}
			}
		}
		if len(carried) != 6 {
			t.Errorf("with both ends %v: only %v were seen, want each to both others", absolute, carried)
		}
	}
}

func sameTime(a, b string) bool {
	x, err := time.Parse(time.RFC3339Nano, a)
	y, err2 := time.Parse(time.RFC3339Nano, b)
	return err == nil && err2 == nil && x.Equal(y)
}

// A service that is alone is whole: its pages lead nowhere else.
func TestAServiceAloneLeadsNowhereElse(t *testing.T) {
	pages := map[string][]string{
		"error-tracker":     {"/", "/releases", "/alerts", "/ingest", "/status", "/errors/1"},
		"log-viewer":        {"/", "/live", "/containers", "/status", "/logs/1"},
		"metrics-collector": {"/", "/explore", "/dashboards", "/cardinality", "/status", "/explore?metric=late_total"},
	}
	for name, send := range map[string][2]string{
		"error-tracker":     {"/api/errors", `{"project":"shop","exception_type":"Late","message":"late","traceback":"Late: late\n    at a (a.py:1)","extra":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"r-1"}}`},
		"log-viewer":        {"/api/logs", `{"container":"api","message":"{\"msg\":\"late\",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"request_id\":\"r-1\"}"}`},
		"metrics-collector": {"/api/metrics", `[{"name":"late_total","type":"counter","value":1}]`},
	} {
		s := harness.Start(t, name, "LOG_SOURCES="+t.TempDir())
		if r := s.Post(send[0], send[1]); r.Status/100 != 2 {
			t.Fatalf("%s: %d %s", name, r.Status, r.Body)
		}
		for _, path := range pages[name] {
			if out := elsewhere(t, s, path); len(out) > 0 {
				t.Errorf("%s%s, with no other service, leads to %s", name, path, fmt.Sprint(out))
			}
		}
	}
}
