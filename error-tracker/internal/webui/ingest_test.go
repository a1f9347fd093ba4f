package webui

import (
	"io"
	"net/http"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestIngestIsShown(t *testing.T) {
	f := withProject()
	for _, c := range []struct {
		kind tracker.IngestKind
		what string
		n    int64
	}{
		{tracker.Accepted, "event", 1234}, {tracker.Filtered, "crawler", 17}, {tracker.Limited, "rate of the key", 23}, {tracker.Refused, "unknown key", 3},
		{tracker.Failed, "no room", 2}, {tracker.Repeated, "event", 6}, {tracker.Ignored, "transaction", 8}, {tracker.Lost, "error: ratelimit_backoff", 41},
		{tracker.Sender, "sentry.python <2.75>", 1000}, {tracker.Sender, "sentry.go 0.50.0", 234}, {tracker.Skewed, "1 to 24 hours behind", 5},
	} {
		f.ingest = append(f.ingest, tracker.IngestCount{Kind: c.kind, What: c.what, Count: c.n})
	}
	s := newSite(t, f)
	page := s.get("/ingest?project=1", 200)
	wants(t, page, "1\u202f234", ">17<", "crawler", "rate of the key", "no project has the key of the DSN", "error: ratelimit_backoff", ">41<",
		"sentry.python &lt;2.75&gt;", "sentry.go 0.50.0", "1 to 24 hours behind", "transaction", `href="/projects/1/settings#filters"`, `<option value="1" selected>`,
		`href="/ingest?project=1&amp;window=week"`)
	s.get("/ingest?window=week", 200)
	s.get("/ingest?window=year", 400)
	s.get("/ingest?project=0", 400)
	s.get("/ingest?project=x", 400)
	f.ingest = nil
	wants(t, s.get("/ingest", 200), "Nothing in this time")
	wants(t, s.get("/projects/1", 200), `href="/ingest?project=1&amp;window=day"`)
}

func TestFiltersAreChanged(t *testing.T) {
	f := withProject()
	s := newSite(t, f)
	_, page := s.post("/projects/1/settings", map[string][]string{"version": {"0"}, "localhost": {"1"}, "crawlers": {"1"}, "messages": {"*a* \r\n\r\nb"}})
	if r := f.settings.Filters; !r.Localhost || r.Extensions || !r.Crawlers || len(r.Messages) != 2 || r.Messages[0] != "*a*" {
		t.Errorf("%+v", r)
	}
	wants(t, page, "*a*\nb</textarea>", `name="localhost" value="1" checked`, `name="crawlers" value="1" checked`, `name="extensions" value="1">`)
	res := s.do(http.MethodPost, "/projects/1/settings", map[string][]string{"version": {"1"}, "messages": {"*"}})
	text, _ := io.ReadAll(res.Body)
	if wants(t, string(text), "which every event fits"); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d", res.StatusCode)
	}
}
