package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	tunnelPath = "/api/browser/tunnel"
	sentryKey  = "3d4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b"
)

// dsnOf is a DSN of a project at an address.
func dsnOf(address, project string) string {
	return strings.Replace(address, "://", "://"+sentryKey+"@", 1) + "/" + project
}

// sentryEvent is an envelope as Sentry's SDK for browsers writes it.
func sentryEvent(dsn, id string) string {
	return fmt.Sprintf(`{"event_id":%q,"sent_at":"2026-11-29T10:00:00.000Z","sdk":{"name":"sentry.javascript.browser","version":"11.12.0"},"dsn":%q}`+"\n"+
		`{"type":"event"}`+"\n"+`{"event_id":%q,"message":"from the tunnel"}`+"\n", id, dsn, id)
}

func eventID(n int) string { return fmt.Sprintf("%032x", n) }

func TestTunnelPassesEnvelopesOnAndAnswersLikeTheErrorTracker(t *testing.T) {
	s := newService(t, nil)
	body := sentryEvent(dsnOf(s.upstream.URL, "7"), eventID(1))
	code, answer, h := ask(s, "POST", tunnelPath, body, "Origin", "http://localhost:3000", "Content-Type", "text/plain;charset=UTF-8")
	if code != 200 || answer != `{"id":"`+eventID(1)+`"}` {
		t.Fatalf("%d %s", code, answer)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":      "http://localhost:3000",
		"Access-Control-Expose-Headers":    "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After",
		"Access-Control-Allow-Credentials": "",
		"Vary":                             "Origin",
		"X-Sentry-Rate-Limits":             "86400:transaction:organization",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	e, _ := s.upstream.envelope(eventID(1))
	want := envelope{"/api/7/envelope/", "Sentry sentry_version=7, sentry_key=" + sentryKey + ", sentry_client=sentry.javascript.browser/11.12.0",
		"http://localhost:3000", "192.0.2.1", body}
	if e != want {
		t.Errorf("the error tracker got %+v, want %+v", e, want)
	}
	if code, _, h := ask(s, "OPTIONS", tunnelPath, "", "Origin", "http://localhost:3000", "Access-Control-Request-Method", "POST"); code != 204 || h.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("preflight: %d %v", code, h)
	}
	// An origin that is not ours is let through, but its page cannot read the answer:
	// the error tracker knows which origins may use the key.
	if code, _, h := ask(s, "POST", tunnelPath, sentryEvent(dsnOf(s.upstream.URL, "7"), eventID(2)), "Origin", "https://elsewhere.example"); code != 200 || h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("other origin: %d %v", code, h)
	}
}

// A DSN is text from a page: it is compared, and never dialled.
func TestTunnelDialsNothingThatADSNNames(t *testing.T) {
	dialled := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { dialled++ }))
	defer other.Close()
	s := newService(t, map[string]string{"ERROR_TRACKER_BASE_URL": "https://Errors.shop.example/behind/"})
	tests := map[string]struct {
		dsn  string
		code int
	}{
		"address from here":       {dsnOf(s.upstream.URL, "7"), 200},
		"public address":          {dsnOf("https://errors.shop.example:443/behind", "7"), 200},
		"with the secret of old":  {"https://" + sentryKey + ":secret@errors.shop.example/7", 200},
		"another host":            {dsnOf(other.URL, "7"), 403},
		"metadata of a cloud":     {dsnOf("http://169.254.169.254", "7"), 403},
		"another port":            {dsnOf("https://errors.shop.example:8443", "7"), 403},
		"another scheme":          {dsnOf("http://errors.shop.example", "7"), 403},
		"the host as user":        {"https://errors.shop.example@" + strings.TrimPrefix(other.URL, "http://") + "/7", 400},
		"path out of the API":     {dsnOf(s.upstream.URL, "7/../../errors"), 400},
		"escaped path":            {dsnOf(s.upstream.URL, "..%2f..%2ferrors%3f"), 400},
		"project that is a name":  {dsnOf(s.upstream.URL, "shop"), 400},
		"no project":              {dsnOf(s.upstream.URL, ""), 400},
		"no key":                  {s.upstream.URL + "/7", 400},
		"key with a line break":   {"https://a%0d%0ab@errors.shop.example/7", 400},
		"key with a comma":        {"https://a,sentry_key=b@errors.shop.example/7", 400},
		"no URL":                  {"://", 400},
		"file":                    {"file://" + sentryKey + "@errors.shop.example/7", 400},
		"none":                    {"", 400},
		"number that is too long": {dsnOf(s.upstream.URL, strings.Repeat("9", 30)), 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, answer, h := ask(s, "POST", tunnelPath, sentryEvent(test.dsn, eventID(5)), "Origin", "http://localhost:3000")
			if code != test.code {
				t.Errorf("%q: %d %s, want %d", test.dsn, code, answer, test.code)
			}
			if code != 200 && (h.Get("X-Sentry-Error") == "" || h.Get("Access-Control-Allow-Origin") == "") {
				t.Errorf("the page cannot read why: %v", h)
			}
		})
	}
	if dialled > 0 {
		t.Errorf("the host of a DSN was dialled %d times", dialled)
	}
	_, rejected, _ := ask(s, "GET", "/api/traffic/rejected", "", "X-API-Key", testKey)
	if !strings.Contains(rejected, `"reason":"dsn"`) || !strings.Contains(rejected, sentryKey) || !strings.Contains(rejected, "169.254.169.254:80") {
		t.Errorf("the refused requests do not tell about DSNs: %s", rejected)
	}
}

func TestTunnelRefusesWhatIsNoEnvelope(t *testing.T) {
	s := newService(t, nil)
	dsn := dsnOf(s.upstream.URL, "7")
	head := fmt.Sprintf(`{"dsn":%q}`, dsn) + "\n"
	tests := map[string]struct {
		body string
		code int
		want string
	}{
		"empty":                      {"", 400, "the envelope has no header"},
		"no JSON":                    {"dsn=x\n", 400, "the header of the envelope is not a JSON object"},
		"an array":                   {"[]\n", 400, "the header of the envelope is not a JSON object"},
		"item without JSON":          {head + "event\n{}\n", 400, "the header of an item is not a JSON object"},
		"length beyond the end":      {head + `{"type":"event","length":99}` + "\n{}\n", 400, "length of an item is 99, but the envelope has only 3 bytes more"},
		"length that cuts":           {head + `{"type":"event","length":1}` + "\n{}\n", 400, "an item does not end after its length of 1 bytes"},
		"length of a huge number":    {head + `{"type":"event","length":9e30}` + "\n{}\n", 400, "want a whole number"},
		"length under 0":             {head + `{"type":"event","length":-1}` + "\n{}\n", 400, "want a whole number"},
		"length that is null":        {head + `{"type":"event","length":null}` + "\n{}\n", 200, ""},
		"header only":                {head, 200, ""},
		"payload with lines in it":   {head + `{"type":"attachment","length":4}` + "\n{\n\nx\n" + `{"type":"event"}` + "\n{}", 200, ""},
		"long header":                {`{"x":"` + strings.Repeat("x", 70_000) + `"}` + "\n", 400, "the limit is 65536"},
		"many items":                 {head + strings.Repeat("{}\n\n", 1001), 400, "more than 1000 items"},
		"large":                      {head + strings.Repeat("x", 1<<20), 413, "the limit is 1048576"},
		"beyond MAX_BODY_SIZE":       {head + `{"type":"event"}` + "\n" + `{"message":"` + strings.Repeat("x", 200_000) + `"}`, 200, ""},
		"of bytes that are no UTF-8": {head + `{"type":"event"}` + "\n\xff\xfe\n", 200, ""},
		"deep":                       {strings.Repeat(`{"a":`, 100) + "\n", 400, "the header of the envelope is not a JSON object"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, answer, _ := ask(s, "POST", tunnelPath, test.body)
			if code != test.code || !strings.Contains(answer, test.want) {
				t.Errorf("%d %s, want %d %s", code, answer, test.code, test.want)
			}
		})
	}
	if code, _, h := ask(s, "GET", tunnelPath, ""); code != 405 || h.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("GET: %d %v", code, h)
	}
}

func TestTunnelHasLimitsOfItsOwn(t *testing.T) {
	s := newService(t, map[string]string{"RATE_LIMIT": "3", "KEY_RATE_LIMIT": "4", "TRUSTED_PROXIES": "192.0.2.1"})
	send := func(client, project string) (int, http.Header) {
		code, _, h := ask(s, "POST", tunnelPath, sentryEvent(dsnOf(s.upstream.URL, project), eventID(9)), "X-Forwarded-For", client, "Origin", "http://localhost:3000")
		return code, h
	}
	for i := range 3 {
		if code, _ := send("198.51.100.1", fmt.Sprint(i)); code != 200 { // other keys do not help
			t.Fatalf("request %d: %d", i, code)
		}
	}
	code, h := send("198.51.100.1", "8")
	if code != 429 || h.Get("Retry-After") == "" || !strings.HasSuffix(h.Get("X-Sentry-Rate-Limits"), ":error;default;security;attachment:key") || h.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("one more of a client: %d %v", code, h)
	}
	for i := range 5 {
		code, h = send(fmt.Sprintf("198.51.100.%d", 10+i), "6")
	}
	if code != 429 || h.Get("Retry-After") == "" {
		t.Errorf("one more of a key from all clients: %d %v", code, h)
	}
	if code, _ := send("198.51.100.30", "5"); code != 200 {
		t.Errorf("another key: %d", code)
	}
}

// The refusals of the error tracker are the page's to know, and nobody else's trouble.
func TestTunnelPassesRefusalsOn(t *testing.T) {
	s := newService(t, nil)
	send := func(id string) (int, string, http.Header) {
		return ask(s, "POST", tunnelPath, sentryEvent(dsnOf(s.upstream.URL, "7"), id), "Origin", "http://localhost:3000")
	}
	s.upstream.behave(answerWith(403))
	if code, answer, h := send(eventID(1)); code != 403 || !strings.Contains(answer, "as told") || h.Get("X-Sentry-Error") != "as told" {
		t.Errorf("unknown key: %d %s %v", code, answer, h)
	}
	const limits = "30:error:key, 86400:transaction:organization"
	s.upstream.behave(answerWith(429, "Retry-After", "30", "X-Sentry-Rate-Limits", limits))
	if code, _, h := send(eventID(2)); code != 429 || h.Get("X-Sentry-Rate-Limits") != limits || h.Get("Retry-After") != "30" {
		t.Errorf("too many: %d %v", code, h)
	}
	s.upstream.behave(nil)
	if code, _, _ := send(eventID(3)); code != 200 {
		t.Errorf("after refusals: %d", code)
	}
	if _, there := s.upstream.envelope(eventID(3)); !there {
		t.Error("refusals of one envelope kept the next from being passed on")
	}
	if n := waiting(t, s); n != 0 {
		t.Errorf("%d envelopes wait that were refused", n)
	}
}

// What the relay answers with 200 arrives, whatever happens to the error tracker and to
// the relay, and once.
func TestTunnelKeepsEnvelopesForADownErrorTracker(t *testing.T) {
	s := &testService{upstream: newFakeUpstream(t)}
	path := filepath.Join(t.TempDir(), "r.db")
	s.start(t, path, nil)
	dsn := dsnOf(s.upstream.URL, "7")
	if code, _, _ := ask(s, "POST", tunnelPath, sentryEvent(dsn, eventID(1)), "Origin", "https://a.shop.example"); code != 200 {
		t.Fatal(code)
	}
	s.upstream.behave(answerWith(http.StatusBadGateway))
	code, answer, h := ask(s, "POST", tunnelPath, sentryEvent(dsn, eventID(2)), "Origin", "https://a.shop.example")
	if code != 200 || answer != `{"id":"`+eventID(2)+`"}`+"\n" && answer != `{"id":"`+eventID(2)+`"}` || h.Get("X-Sentry-Rate-Limits") != "86400:transaction:organization" {
		t.Errorf("while it is down: %d %s %v", code, answer, h)
	}
	// What it would throw away is not kept for it.
	trace := fmt.Sprintf(`{"event_id":%q,"dsn":%q}`, eventID(3), dsn) + "\n" + `{"type":"transaction"}` + "\n{}\n"
	if code, answer, _ := ask(s, "POST", tunnelPath, trace); code != 200 {
		t.Errorf("transaction: %d %s", code, answer)
	}
	if n := waiting(t, s); n != 1 {
		t.Errorf("%d envelopes wait, want 1", n)
	}
	s.stop()
	s.start(t, path, nil)
	s.upstream.behave(nil)
	eventually(t, "the delivery", func() bool { _, ok := s.upstream.envelope(eventID(2)); return ok && waiting(t, s) == 0 })
	e, _ := s.upstream.envelope(eventID(2))
	if e.origin != "https://a.shop.example" || e.client != "unknown" || e.body != sentryEvent(dsn, eventID(2)) {
		t.Errorf("delivered later: %+v", e)
	}
	if _, there := s.upstream.envelope(eventID(3)); there {
		t.Error("a transaction was kept")
	}
}

func TestTunnelSaysWhenNothingCanBeKept(t *testing.T) {
	s := newService(t, map[string]string{"SPOOL_MAX_BYTES": "0"})
	s.upstream.behave(answerWith(http.StatusBadGateway))
	code, answer, h := ask(s, "POST", tunnelPath, sentryEvent(dsnOf(s.upstream.URL, "7"), eventID(1)), "Origin", "http://localhost:3000")
	if code != 503 || h.Get("Retry-After") == "" || h.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("%d %s %v", code, answer, h)
	}
}

// A key that the error tracker slows down waits alone.
func TestALimitedKeyHoldsUpNoOther(t *testing.T) {
	s := newService(t, nil)
	s.upstream.behave(answerWith(http.StatusServiceUnavailable))
	for i, project := range []string{"7", "8"} {
		if code, _, _ := ask(s, "POST", tunnelPath, sentryEvent(dsnOf(s.upstream.URL, project), eventID(i+1))); code != 200 {
			t.Fatal(code)
		}
	}
	s.upstream.behave(func(w http.ResponseWriter, r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/api/7/") && answerWith(429, "Retry-After", "60")(w, r)
	})
	eventually(t, "the delivery of the other key", func() bool { _, ok := s.upstream.envelope(eventID(2)); return ok })
	eventually(t, "the end of that delivery", func() bool { return waiting(t, s) == 1 })
	if _, there := s.upstream.envelope(eventID(1)); there {
		t.Error("the envelope of the limited key is not the one that waits")
	}
}

// waiting is how much is in the spool.
func waiting(t *testing.T, s *testService) int64 {
	t.Helper()
	_, text, _ := ask(s, "GET", "/metrics", "", "X-API-Key", testKey)
	var sum int64
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "browser_relay_spool_entries{") {
			var n int64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

// An envelope without an ID is a parcel like any other.
func TestEnvelopesWithoutAnIDHaveParcelsOfTheirOwn(t *testing.T) {
	s := &testService{upstream: newFakeUpstream(t)}
	path := filepath.Join(t.TempDir(), "r.db")
	s.start(t, path, nil)
	s.upstream.behave(answerWith(http.StatusBadGateway))
	body := fmt.Sprintf(`{"dsn":%q}`, dsnOf(s.upstream.URL, "7")) + "\n" + `{"type":"client_report"}` + "\n{}\n"
	for range 3 {
		if code, answer, _ := ask(s, "POST", tunnelPath, body); code != 200 || strings.Contains(answer, "id") {
			t.Fatalf("%d %s", code, answer)
		}
	}
	s.stop()
	db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: sqlite.Migrations(), MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	store := sqlite.NewStore(db)
	backlogs, err := store.Backlogs(t.Context())
	if err != nil || len(backlogs) != 1 {
		t.Fatalf("%v %v", backlogs, err)
	}
	entries, err := store.Next(t.Context(), backlogs[0].Queue, 10)
	parcels := map[string]bool{}
	for _, e := range entries {
		parcels[e.Parcel] = true
	}
	if err != nil || len(entries) != 3 || len(parcels) != 3 || parcels[""] {
		t.Errorf("%d entries in the parcels %v, %v", len(entries), parcels, err)
	}
}
