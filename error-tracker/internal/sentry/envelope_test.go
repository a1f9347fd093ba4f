package sentry_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/sentry"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

const (
	sampleID    = "9ec79c33ec9942ab8353589fcb2e04dc"
	sampleEvent = `{"message":"hello"}`
)

func TestEnvelopeFraming(t *testing.T) {
	long := strings.Repeat("x", 40_000) // longer than the buffer
	tests := map[string]struct {
		body   string
		status int
		events int
		want   string // part of the answer
	}{
		"with length":                     {body: "{\"event_id\":\"" + sampleID + "\"}\n{\"type\":\"event\",\"length\":19}\n" + sampleEvent + "\n", status: 200, events: 1, want: `{"id":"` + sampleID + `"}`},
		"with length, no end of line":     {body: "{}\n{\"type\":\"event\",\"length\":19}\n" + sampleEvent, status: 200, events: 1},
		"without length":                  {body: "{}\n{\"type\":\"event\"}\n" + sampleEvent + "\n", status: 200, events: 1},
		"without length, no end of line":  {body: "{}\n{\"type\":\"event\"}\n" + sampleEvent, status: 200, events: 1},
		"null length":                     {body: "{}\n{\"type\":\"event\",\"length\":null}\n" + sampleEvent, status: 200, events: 1},
		"id as a UUID":                    {body: "{\"event_id\":\"9ec79c33-ec99-42ab-8353-589fcb2e04dc\"}\n{\"type\":\"event\"}\n" + sampleEvent, status: 200, events: 1, want: sampleID},
		"the header's id goes first":      {body: "{\"event_id\":\"" + sampleID + "\"}\n{\"type\":\"event\"}\n{\"event_id\":\"11111111111111111111111111111111\",\"message\":\"x\"}", status: 200, events: 1, want: sampleID},
		"a long payload":                  {body: "{}\n{\"type\":\"event\"}\n{\"message\":\"" + long + "\"}\n", status: 200, events: 1},
		"a long payload with length":      {body: fmt.Sprintf("{}\n{\"type\":\"event\",\"length\":%d}\n{\"message\":\"%s\"}\n", len(long)+14, long), status: 200, events: 1},
		"a line end within the length":    {body: "{}\n{\"type\":\"event\",\"length\":20}\n{\"message\":\n\"hello\"}\n", status: 200, events: 1},
		"carriage returns are kept":       {body: "{}\n{\"type\":\"event\",\"length\":20}\n" + sampleEvent + "\r\n", status: 200, events: 1},
		"headers alone":                   {body: "{}", status: 200, want: `{}`},
		"headers alone, with a line":      {body: "{}\n", status: 200},
		"empty lines at the end":          {body: "{}\n{\"type\":\"event\"}\n" + sampleEvent + "\n\n\n", status: 200, events: 1},
		"odd values in the header":        {body: "{\"event_id\":5,\"sent_at\":[],\"dsn\":{},\"sdk\":7,\"trace\":null}\n{\"type\":\"event\"}\n" + sampleEvent, status: 200, events: 1},
		"unknown items":                   {body: "{}\n{\"type\":\"new_thing\",\"length\":3}\na\nb\n{\"type\":\"event\"}\n" + sampleEvent + "\n{}\nx\n{\"type\":7}\ny", status: 200, events: 1},
		"an item without a payload":       {body: "{}\n{\"type\":\"transaction\"}", status: 200},
		"an empty payload":                {body: "{}\n{\"type\":\"new_thing\",\"length\":0}\n\n{\"type\":\"event\"}\n" + sampleEvent, status: 200, events: 1},
		"items that are not kept":         {body: "{}\n{\"type\":\"transaction\"}\n{}\n{\"type\":\"log\",\"item_count\":3,\"length\":2}\n[]\n", status: 200},
		"two events":                      {body: "{\"event_id\":\"" + sampleID + "\"}\n{\"type\":\"event\"}\n" + sampleEvent + "\n{\"type\":\"event\"}\n{\"message\":\"other\"}", status: 200, events: 2},
		"nothing":                         {body: "", status: 400, want: "no header"},
		"no JSON":                         {body: "hello", status: 400, want: "envelope header"},
		"a header that is cut":            {body: "{\"event_id\":", status: 400, want: "envelope header"},
		"an item header that is no JSON":  {body: "{}\nx\ny", status: 400, want: "item header"},
		"a negative length":               {body: "{}\n{\"type\":\"event\",\"length\":-1}\n" + sampleEvent, status: 400, want: "length of an item is -1"},
		"a fraction as length":            {body: "{}\n{\"type\":\"event\",\"length\":1.5}\n" + sampleEvent, status: 400, want: "length of an item is 1.5"},
		"a length in words":               {body: "{}\n{\"type\":\"event\",\"length\":\"19\"}\n" + sampleEvent, status: 400, want: "no number"},
		"a length beyond the end":         {body: "{}\n{\"type\":\"event\",\"length\":20}\n" + sampleEvent, status: 400, want: "ends 1 bytes before"},
		"a huge length":                   {body: "{}\n{\"type\":\"new_thing\",\"length\":9223372036854775807}\n" + sampleEvent, status: 400},
		"a length within the payload":     {body: "{}\n{\"type\":\"event\",\"length\":10}\n" + sampleEvent, status: 400, want: "longer than its length"},
		"an event that is no JSON":        {body: "{}\n{\"type\":\"event\"}\nhello", status: 400, want: "no JSON object"},
		"an event that is a list":         {body: "{}\n{\"type\":\"event\"}\n[]", status: 400, want: "no JSON object"},
		"an event that is too large":      {body: "{}\n{\"type\":\"event\"}\n{\"x\":\"" + strings.Repeat("x", sentry.MaxEvent) + "\"}", status: 413, want: "larger than 1048576 bytes"},
		"an event announced as too large": {body: "{}\n{\"type\":\"event\",\"length\":1048577}\n{}", status: 413, want: "larger than 1048576 bytes"},
		"a header that is too long":       {body: "{\"x\":\"" + strings.Repeat("x", 70_000) + "\"}\n", status: 400, want: "longer than 65536 bytes"},
		"too many items":                  {body: "{}\n" + strings.Repeat("{\"type\":\"x\"}\n{}\n", 1001), status: 400, want: "more than 1000 items"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			got := d.envelope(test.body)
			if got.status != test.status || !strings.Contains(got.body, test.want) {
				t.Errorf("%d %s, want %d %s", got.status, got.body, test.status, test.want)
			}
			if n := len(d.all()); n != test.events {
				t.Errorf("%d events stored, want %d", n, test.events)
			}
			if got.status != 200 && got.header.Get("X-Sentry-Error") == "" {
				t.Error("the error is not in X-Sentry-Error")
			}
			if got.status == 200 && !strings.HasPrefix(got.header.Get("X-Sentry-Rate-Limits"), "86400:transaction;span;replay;") {
				t.Errorf("X-Sentry-Rate-Limits: %s", got.header.Get("X-Sentry-Rate-Limits"))
			}
			if got.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "X-Sentry-Rate-Limits") {
				t.Errorf("CORS headers of the answer: %v", got.header)
			}
		})
	}
}

func TestAnEventThatIsSentAgainCountsOnce(t *testing.T) {
	d := open(t)
	body := "{\"event_id\":\"" + sampleID + "\"}\n{\"type\":\"event\"}\n" + sampleEvent
	for range 3 {
		if got := d.envelope(body); got.status != 200 || !strings.Contains(got.body, sampleID) {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if n := len(d.all()); n != 1 || d.counts.of("repeated event") != 2 {
		t.Errorf("%d events, counted %v", n, d.counts.by)
	}
}

func TestAttachmentsAreKeptIfTheyAreSmallTextsOrImages(t *testing.T) {
	d := open(t)
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\n", 20)
	item := func(header, data string) string {
		return fmt.Sprintf("{\"type\":\"attachment\",\"length\":%d,%s}\n%s\n", len(data), header, data)
	}
	got := d.envelope("{}\n" + item(`"filename":"before.txt","content_type":"text/x-log"`, "line\nline") + "{\"type\":\"event\"}\n" + sampleEvent + "\n" +
		item(`"filename":"shot.png","attachment_type":"event.view_hierarchy"`, png) + item(`"filename":"core"`, "\x7fELF\x00\x01") +
		item(`"filename":"big.txt"`, strings.Repeat("x", 600_000)) + item(`"filename":"page.html","content_type":"text/html"`, "<script>alert(1)</script>"))
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	type file struct {
		Name, Type, Kind string
		Size             int
	}
	e := d.newest()
	var files []file
	for _, a := range e.Attachments {
		files = append(files, file{a.Name, a.ContentType, a.Kind, a.Size})
	}
	want := []file{
		{"before.txt", "text/x-log", "", 9}, {"shot.png", "image/png", "event.view_hierarchy", len(png)}, {"core", "", "", 6},
		{"big.txt", "", "", 600_000}, {"page.html", "text/html", "", 25},
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
	page, _ := d.store.Issues(t.Context(), tracker.IssueQuery{})
	o, _, _, err := d.store.Occurrence(t.Context(), page.Issues[0].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := d.store.Files(t.Context(), o.ID)
	if diff := cmp.Diff([]int{0, 1, 4}, kept); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	if a, err := d.store.Attachment(t.Context(), page.Issues[0].ID, o.ID, 1); err != nil || string(a.Data) != png {
		t.Errorf("%d bytes, %v", len(a.Data), err)
	}
	if _, err := d.store.Attachment(t.Context(), page.Issues[0].ID, o.ID, 2); err == nil {
		t.Error("a program's memory was kept")
	}
}

func TestSessionsAndClientReportsAreCounted(t *testing.T) {
	d := open(t)
	started := now.Add(-90 * time.Minute).Format(time.RFC3339)
	one := func(members string) string {
		return "{\"type\":\"session\"}\n{\"sid\":\"a\",\"started\":\"" + started + "\",\"attrs\":{\"release\":\"1.0\",\"environment\":\"prod\"}," + members + "}\n"
	}
	body := "{\"sent_at\":\"2026-11-20T10:30:00Z\"}\n" +
		one(`"init":true,"status":"ok","errors":0`) + one(`"init":true,"status":"ok","errors":0`) +
		one(`"init":false,"status":"ok","errors":1`) + one(`"status":"ok","errors":2`) + one(`"status":"crashed","errors":3`) +
		"{\"type\":\"sessions\"}\n{\"aggregates\":[{\"started\":\"" + started + "\",\"exited\":10,\"errored\":2,\"crashed\":1}],\"attrs\":{\"release\":\"1.0\",\"environment\":\"prod\"}}\n" +
		"{\"type\":\"client_report\"}\n{\"timestamp\":1,\"discarded_events\":[{\"reason\":\"ratelimit_backoff\",\"category\":\"error\",\"quantity\":2},{\"reason\":\"queue_overflow\",\"category\":\"session\",\"quantity\":1.0},null,7]}\n"
	if got := d.envelope(body); got.status != 200 || got.body != "{}" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	sessions, err := d.store.SessionsByRelease(t.Context(), 1, "prod", now.Add(-24*time.Hour))
	if diff := cmp.Diff([]tracker.Sessions{{Release: "1.0", Environment: "prod", Total: 15, Crashed: 2, Errored: 3}}, sessions); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	counts, err := d.store.Ingest(t.Context(), 1, now.Add(-time.Hour))
	want := []tracker.IngestCount{{Project: 1, Kind: tracker.Lost, What: "error: ratelimit_backoff", Count: 2}, {Project: 1, Kind: tracker.Lost, What: "session: queue_overflow", Count: 1}}
	if diff := cmp.Diff(want, counts); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	for what, text := range map[string]string{"session": `{"attrs":[],"started":{},"errors":"x","status":[]}`, "sessions": `{"aggregates":{"a":1}}`, "client_report": `{"discarded_events":"x"}`} {
		if got := d.envelope("{}\n{\"type\":\"" + what + "\"}\n" + text); got.status != 200 {
			t.Errorf("%s %s: %d %s", what, text, got.status, got.body)
		}
	}
}

func TestClocksThatAreOffAreCorrected(t *testing.T) {
	d := open(t)
	at := now.Add(-3 * time.Hour)
	body := fmt.Sprintf("{\"sent_at\":%q}\n{\"type\":\"event\"}\n{\"message\":\"x\",\"timestamp\":%d,\"breadcrumbs\":[{\"message\":\"b\",\"timestamp\":%d}]}",
		at.Format(time.RFC3339Nano), at.Unix()-5, at.Unix()-10)
	if got := d.envelope(body); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	e := d.newest()
	if !e.OccurredAt.Equal(d.clock().Add(-5*time.Second)) || !e.Breadcrumbs[0].At.Equal(d.clock().Add(-10*time.Second)) {
		t.Errorf("occurred at %v, breadcrumb at %v", e.OccurredAt, e.Breadcrumbs[0].At)
	}
	if d.counts.of("skewed 1 to 24 hours behind") != 1 {
		t.Errorf("counted %v", d.counts.by)
	}
}

func TestKeysHaveLimits(t *testing.T) {
	d := open(t, func(o *sentry.Options) { o.RateLimit = 2 })
	body := "{}\n{\"type\":\"event\"}\n" + sampleEvent + "\n{\"type\":\"client_report\"}\n{\"discarded_events\":[{\"reason\":\"a\",\"category\":\"error\",\"quantity\":1}]}"
	for range 2 {
		if got := d.envelope(body); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	got := d.envelope(body)
	if got.status != 429 || got.header.Get("Retry-After") == "" || !strings.Contains(got.header.Get("X-Sentry-Rate-Limits"), ":error;default;security;attachment:key") {
		t.Errorf("%d %v", got.status, got.header)
	}
	counts, _ := d.store.Ingest(t.Context(), 1, now.Add(-time.Hour))
	if len(counts) != 1 || counts[0].Count != 3 {
		t.Errorf("client reports do not count while events are limited: %+v", counts)
	}
	if got := d.envelope("{}\n{\"type\":\"client_report\"}\n{}"); got.status != 200 {
		t.Errorf("a client report alone: %d", got.status)
	}
	if _, err := d.service.ChangeKey(t.Context(), 1, d.key.ID, func(k *tracker.ProjectKey) error { k.Rate = 5; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := d.envelope(body); got.status != 200 {
		t.Errorf("with a limit of its own: %d %s", got.status, got.body)
	}
}

func TestAnswersAreJSON(t *testing.T) {
	d := open(t)
	for _, got := range []answer{d.envelope("{}"), d.envelope("{"), d.send(http.MethodGet, "/api/0/", nil), d.send(http.MethodGet, "/api/0", nil)} {
		var v map[string]any
		if json.Unmarshal([]byte(got.body), &v) != nil {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

// Whatever comes in, the answer is no 5xx, and an ID is given to an event that
// was stored, and to no other.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		sampleEnvelope, "{}\n", "{}\n{\"type\":\"event\",\"length\":3}\n{}\n\n{\"type\":\"attachment\",\"length\":2}\nab\n",
		"{\"dsn\":\"https://a@b/1\",\"sent_at\":\"2026-11-20T10:30:00Z\"}\n{\"type\":\"session\"}\n{\"started\":\"2026-11-20T10:30:00Z\",\"attrs\":{\"release\":\"1\"}}\n",
		"{}\n{\"type\":\"client_report\"}\n{\"discarded_events\":[{\"reason\":\"a\",\"category\":\"error\",\"quantity\":2}]}\n",
		"{}\n{\"type\":\"event\"}\n{\"exception\":[{\"type\":\"E\",\"stacktrace\":{\"frames\":[{\"lineno\":1}]}}],\"_meta\":{\"a\":{\"\":{\"len\":3}}}}\n",
	} {
		f.Add(seed)
	}
	d := open(f)
	taken := func() int64 {
		return d.counts.of("accepted event") + d.counts.of("repeated event") + d.counts.of("ignored transaction")
	}
	f.Fuzz(func(t *testing.T, body string) {
		before := taken()
		got := d.envelope(body)
		var a struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(got.body), &a); err != nil || got.status >= http.StatusInternalServerError {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got.status == http.StatusOK && (a.ID != "") != (taken() > before) {
			t.Fatalf("ID %q, and %d events were taken in", a.ID, taken()-before)
		}
	})
}
