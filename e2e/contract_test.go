package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

var (
	hexFingerprint = regexp.MustCompile(`^[0-9a-f]{32}$`)
	apiTime        = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$`)
)

// smokeReport is the report of the first release's smoke test.
var smokeReport = harness.Report{
	"project": "e2e-test", "environment": "test", "exception_type": "TestError", "message": "End-to-end test error",
	"traceback": "Traceback (most recent call last):\n  File \"/app/test.py\", line 42, in test_function\n    raise TestError(\"x\")\nTestError: x",
}

func with(r harness.Report, change map[string]any) harness.Report {
	out := harness.Report{}
	for k, v := range r {
		out[k] = v
	}
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

type created struct {
	Status      string `json:"status"`
	ID          int64  `json:"id"`
	Count       int64  `json:"count"`
	Fingerprint string `json:"fingerprint"`
}

type listed struct {
	Errors []struct {
		ID            int64  `json:"id"`
		Fingerprint   string `json:"fingerprint"`
		Project       string `json:"project"`
		Environment   string `json:"environment"`
		ExceptionType string `json:"exception_type"`
		Message       string `json:"message"`
		Count         int64  `json:"count"`
		FirstSeen     string `json:"first_seen"`
		LastSeen      string `json:"last_seen"`
		Resolved      *bool  `json:"resolved"`
		Source        string `json:"source"`
	} `json:"errors"`
	Total      int64  `json:"total"`
	Limit      int    `json:"limit"`
	Offset     int    `json:"offset"`
	NextCursor string `json:"next_cursor"`
}

func report(t *testing.T, s *harness.Service, r harness.Report, status int) created {
	t.Helper()
	got := s.Post("/api/errors", r)
	if got.Status != status {
		t.Fatalf("POST /api/errors %v = %d %s, want %d", r["message"], got.Status, got.Body, status)
	}
	var c created
	if err := got.JSON(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func list(t *testing.T, s *harness.Service, query string) listed {
	t.Helper()
	got := s.Get("/api/errors" + query)
	if got.Status != http.StatusOK {
		t.Fatalf("GET /api/errors%s = %d %s", query, got.Status, got.Body)
	}
	var l listed
	if err := got.JSON(&l); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAReportIsCreatedThenIncrementedThenReopened(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	first := report(t, s, smokeReport, http.StatusCreated)
	if first.Status != "created" || first.ID == 0 || !hexFingerprint.MatchString(first.Fingerprint) {
		t.Errorf("first answer = %+v, want created with an id and 32 lower-case hex digits", first)
	}
	again := report(t, s, smokeReport, http.StatusOK)
	if again.Status != "incremented" || again.ID != first.ID || again.Count != 2 {
		t.Errorf("second answer = %+v, want incremented, id %d, count 2", again, first.ID)
	}
	resolved := s.Post(fmt.Sprintf("/api/errors/%d/resolve", first.ID), nil)
	if want := fmt.Sprintf(`{"status":"resolved","id":%d}`, first.ID); resolved.Status != 200 || strings.TrimSpace(resolved.Body) != want {
		t.Errorf("resolve = %d %s, want 200 %s", resolved.Status, resolved.Body, want)
	}
	back := report(t, s, smokeReport, http.StatusCreated)
	if back.Status != "reopened" || back.ID != first.ID || back.Count != 3 {
		t.Errorf("third answer = %+v, want reopened, id %d, count 3", back, first.ID)
	}
}

func TestAnswersAreCompactJSON(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	got := s.Post("/api/errors", smokeReport)
	if strings.Contains(got.Body, `": `) || strings.Contains(got.Body, ", ") {
		t.Errorf("body %s has white space between its members", got.Body)
	}
	if ct := got.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("content type = %q", ct)
	}
}

func TestBadReportsAreRefusedWithAReason(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	tests := map[string]struct {
		body   any
		status int
		detail string // a part of it
	}{
		"empty body":             {"", 400, "Invalid JSON"},
		"not JSON":               {"{", 400, "Invalid JSON"},
		"text after the value":   {`{"project":"a"} x`, 400, "Invalid JSON"},
		"an array":               {"[]", 400, "object"},
		"a string":               {`"x"`, 400, "object"},
		"no project":             {with(smokeReport, map[string]any{"project": nil}), 400, "Missing required field: project"},
		"no exception_type":      {with(smokeReport, map[string]any{"exception_type": nil}), 400, "Missing required field: exception_type"},
		"no message":             {with(smokeReport, map[string]any{"message": nil}), 400, "Missing required field: message"},
		"no traceback":           {with(smokeReport, map[string]any{"traceback": nil}), 400, "Missing required field: traceback"},
		"nothing":                {"{}", 400, "Missing required field: project"},
		"project is a number":    {with(smokeReport, map[string]any{"project": 5}), 400, "Missing required field: project"},
		"message is an object":   {with(smokeReport, map[string]any{"message": map[string]any{}}), 400, "Missing required field: message"},
		"project of 101 bytes":   {with(smokeReport, map[string]any{"project": strings.Repeat("p", 101)}), 400, "project"},
		"type of 201 bytes":      {with(smokeReport, map[string]any{"exception_type": strings.Repeat("T", 201)}), 400, "exception_type"},
		"project comes first":    {with(smokeReport, map[string]any{"project": strings.Repeat("p", 101), "exception_type": strings.Repeat("T", 201)}), 400, "project"},
		"missing before lengths": {with(smokeReport, map[string]any{"project": strings.Repeat("p", 101), "traceback": nil}), 400, "Missing required field: traceback"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.Post("/api/errors", tt.body)
			if got.Status != tt.status || !strings.Contains(got.Detail(), tt.detail) {
				t.Errorf("POST = %d %s, want %d with %q in its detail", got.Status, got.Body, tt.status, tt.detail)
			}
		})
	}
	if n := list(t, s, "?resolved=all").Total; n != 0 {
		t.Errorf("%d issues were made of refused reports", n)
	}
}

func TestOddButLegalReportsAreTaken(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	for name, body := range map[string]any{
		"empty strings":              harness.Report{"project": "", "exception_type": "", "message": "", "traceback": ""},
		"project of 100 bytes":       with(smokeReport, map[string]any{"project": strings.Repeat("p", 100)}),
		"type of 200 bytes":          with(smokeReport, map[string]any{"exception_type": strings.Repeat("T", 200)}),
		"wrong optional types":       with(smokeReport, map[string]any{"request_url": 5, "request_method": []int{1}, "user_id": map[string]int{}, "environment": 7}),
		"unknown members":            with(smokeReport, map[string]any{"colour": "red", "nested": []any{1, map[string]any{"a": nil}}}),
		"null optionals":             `{"project":"n","exception_type":"E","message":"m","traceback":"t","extra":null,"request_headers":null,"user_id":null}`,
		"headers that are an array":  with(smokeReport, map[string]any{"request_headers": []any{"a", 1}}),
		"extra that is a number":     with(smokeReport, map[string]any{"extra": 5}),
		"every wrong optional shape": with(smokeReport, map[string]any{"exceptions": "x", "frames": 3, "tags": 4, "user": "u", "breadcrumbs": true, "contexts": []int{}, "fingerprint": 1, "event_id": 9, "timestamp": []int{}}),
	} {
		if got := s.Post("/api/errors", body); got.Status != 201 && got.Status != 200 {
			t.Errorf("%s: POST = %d %s, want 200 or 201", name, got.Status, got.Body)
		}
	}
}

func TestKeysAndPaths(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	id := report(t, s, smokeReport, 201).ID
	one := fmt.Sprintf("/api/errors/%d", id)
	tests := map[string]struct {
		method, path string
		key          string // "" is none
		status       int
		detail       string
	}{
		"no key":                    {"GET", "/api/errors", "", 401, "Invalid API key"},
		"wrong key":                 {"GET", "/api/errors", "wrong", 401, "Invalid API key"},
		"key with another end":      {"GET", "/api/errors", harness.Key[:len(harness.Key)-1] + "x", 401, "Invalid API key"},
		"longer key":                {"GET", "/api/errors", harness.Key + "x", 401, "Invalid API key"},
		"key in the URL":            {"GET", "/api/errors?api_key=" + harness.Key, "", 401, "Invalid API key"},
		"report without key":        {"POST", "/api/errors", "", 401, "Invalid API key"},
		"resolve without key":       {"POST", one + "/resolve", "", 401, "Invalid API key"},
		"test alert without key":    {"POST", "/api/test-alert", "", 401, "Invalid API key"},
		"unknown path without key":  {"GET", "/api/nothing", "", 401, "Invalid API key"},
		"unknown path with key":     {"GET", "/api/nothing", harness.Key, 404, "Not found"},
		"unknown issue":             {"GET", "/api/errors/999999", harness.Key, 404, "Error not found"},
		"resolve an unknown issue":  {"POST", "/api/errors/999999/resolve", harness.Key, 404, "Error not found"},
		"resolve with a bad id":     {"POST", "/api/errors/x/resolve", harness.Key, 404, "Not found"},
		"id 0":                      {"GET", "/api/errors/0", harness.Key, 404, "ot found"},
		"negative id":               {"GET", "/api/errors/-1", harness.Key, 404, "ot found"},
		"id beyond 64 bits":         {"GET", "/api/errors/99999999999999999999", harness.Key, 404, "ot found"},
		"garbage instead of an id":  {"GET", "/api/errors/abc", harness.Key, 404, "Not found"},
		"wrong method on an issue":  {"PUT", one, harness.Key, 405, "Method not allowed"},
		"wrong method on projects":  {"PUT", "/api/projects", harness.Key, 405, "Method not allowed"},
		"test alert, not set up":    {"POST", "/api/test-alert", harness.Key, 503, "SMTP not configured"},
		"health needs no key":       {"GET", "/health", "", 200, ""},
		"health with a wrong key":   {"GET", "/health", "wrong", 200, ""},
		"the list page":             {"GET", "/", "", 200, ""},
		"the list page, other name": {"GET", "/index.html", "", 200, ""},
		"an issue page":             {"GET", fmt.Sprintf("/errors/%d", id), "", 200, ""},
		"projects, with a query":    {"GET", "/api/projects?x=1", harness.Key, 200, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{}
			if tt.key != "" {
				header["X-API-Key"] = tt.key
			}
			got := s.Do(harness.Request{Method: tt.method, Path: tt.path, NoKey: true, Header: header})
			if got.Status != tt.status || !strings.Contains(got.Detail(), tt.detail) {
				t.Errorf("%s %s = %d %s, want %d %q", tt.method, tt.path, got.Status, got.Body[:min(len(got.Body), 300)], tt.status, tt.detail)
			}
			if got.Status >= 400 {
				if ct := got.Header.Get("Content-Type"); ct != "application/problem+json" {
					t.Errorf("content type of an error = %q", ct)
				}
				if !strings.Contains(got.Body, `"request_id":"`) {
					t.Errorf("no request id in %s", got.Body)
				}
			}
		})
	}
}

func TestHealthAndFirstPageOfTheSmokeTest(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	health := s.Do(harness.Request{Path: "/health", NoKey: true})
	if !strings.Contains(health.Body, `"status":"ok"`) || health.Header.Get("Content-Type") != "application/json" {
		t.Errorf("health = %s %s", health.Header.Get("Content-Type"), health.Body)
	}
	page := s.Do(harness.Request{Path: "/", NoKey: true})
	if !strings.Contains(page.Body, "<html") || !strings.Contains(page.Body, "class=") || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("first page is %q: %.200s", page.Header.Get("Content-Type"), page.Body)
	}
}

func TestDetailIsOneFlatObject(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	headers := map[string]any{"user-agent": "curl/8", "n": []any{float64(1), "x"}}
	id := report(t, s, with(smokeReport, map[string]any{
		"request_url": "https://shop.example/pay?x=1", "request_method": "POST", "request_headers": headers,
		"user_id": "u-17", "extra": map[string]any{"session_id": "s1", "cart": []any{1, 2}},
	}), 201).ID
	var got struct {
		ID            int64   `json:"id"`
		Fingerprint   string  `json:"fingerprint"`
		Project       string  `json:"project"`
		Environment   string  `json:"environment"`
		ExceptionType string  `json:"exception_type"`
		Message       string  `json:"message"`
		Traceback     string  `json:"traceback"`
		Count         int64   `json:"count"`
		FirstSeen     string  `json:"first_seen"`
		LastSeen      string  `json:"last_seen"`
		Resolved      *bool   `json:"resolved"`
		ResolvedAt    *string `json:"resolved_at"`
		Occurrences   []struct {
			ID             int64          `json:"id"`
			Timestamp      string         `json:"timestamp"`
			RequestURL     *string        `json:"request_url"`
			RequestMethod  *string        `json:"request_method"`
			RequestHeaders map[string]any `json:"request_headers"`
			UserID         *string        `json:"user_id"`
			Extra          map[string]any `json:"extra"`
			Traceback      string         `json:"traceback"`
		} `json:"occurrences"`
	}
	answer := s.Get(fmt.Sprintf("/api/errors/%d", id))
	if err := answer.JSON(&got); err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.Project != "e2e-test" || got.Environment != "test" || got.ExceptionType != "TestError" ||
		got.Message != smokeReport["message"] || got.Traceback != smokeReport["traceback"] || got.Count != 1 ||
		got.Resolved == nil || *got.Resolved || got.ResolvedAt != nil || !hexFingerprint.MatchString(got.Fingerprint) {
		t.Errorf("detail = %s", answer.Body)
	}
	if !apiTime.MatchString(got.FirstSeen) || !apiTime.MatchString(got.LastSeen) {
		t.Errorf("times %q, %q are not in the form of the API", got.FirstSeen, got.LastSeen)
	}
	if len(got.Occurrences) != 1 {
		t.Fatalf("%d occurrences", len(got.Occurrences))
	}
	o := got.Occurrences[0]
	if o.RequestURL == nil || *o.RequestURL != "https://shop.example/pay?x=1" || *o.RequestMethod != "POST" || *o.UserID != "u-17" ||
		o.RequestHeaders["user-agent"] != "curl/8" || o.Extra["session_id"] != "s1" || o.Traceback != smokeReport["traceback"] || !apiTime.MatchString(o.Timestamp) {
		t.Errorf("occurrence = %+v", o)
	}
	if !strings.Contains(answer.Body, `"resolved_at":null`) {
		t.Error("resolved_at of an open issue is not null")
	}

	var empty struct {
		Traceback   *string `json:"traceback"`
		Occurrences []struct {
			Traceback *string `json:"traceback"`
		} `json:"occurrences"`
	}
	untraced := report(t, s, with(smokeReport, map[string]any{"exception_type": "Untraced", "traceback": ""}), 201).ID
	if err := s.Get(fmt.Sprintf("/api/errors/%d", untraced)).JSON(&empty); err != nil {
		t.Fatal(err)
	}
	if empty.Traceback == nil || *empty.Traceback != "" || *empty.Occurrences[0].Traceback != "" {
		t.Errorf("an empty traceback came back as %+v", empty)
	}

	bare := report(t, s, with(smokeReport, map[string]any{"exception_type": "Bare"}), 201).ID
	text := s.Get(fmt.Sprintf("/api/errors/%d", bare)).Body
	for _, member := range []string{"request_url", "request_method", "request_headers", "user_id", "extra"} {
		if !strings.Contains(text, `"`+member+`":null`) {
			t.Errorf("%s of a bare report is not null in %s", member, text)
		}
	}
}

func TestTheAPIReturnsFiveOccurrencesUnlessAskedForMore(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	var id int64
	for i := range 9 {
		got := s.Post("/api/errors", with(smokeReport, map[string]any{"extra": map[string]any{"n": i}}))
		var c created
		if err := got.JSON(&c); err != nil {
			t.Fatal(err)
		}
		id = c.ID
	}
	numbers := func(path string) (ns []int) {
		var body struct {
			Occurrences []struct {
				Extra struct{ N int } `json:"extra"`
			} `json:"occurrences"`
		}
		if err := s.Get(path).JSON(&body); err != nil {
			t.Fatal(err)
		}
		for _, o := range body.Occurrences {
			ns = append(ns, o.Extra.N)
		}
		return ns
	}
	if got, want := numbers(fmt.Sprintf("/api/errors/%d", id)), []int{8, 7, 6, 5, 4}; !slices.Equal(got, want) {
		t.Errorf("occurrences %v, want %v", got, want)
	}
	if got := numbers(fmt.Sprintf("/api/errors/%d?occurrences=100", id)); len(got) != 9 {
		t.Errorf("asked for 100: %v, want all 9", got)
	}
}

func TestListFilters(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	add := func(project, kind string, change map[string]any) int64 {
		return report(t, s, with(harness.Report{
			"project": project, "exception_type": kind, "message": "m of " + kind,
			"traceback": "Traceback (most recent call last):\n  File \"/app/" + kind + ".py\", line 3, in f\n    g()\n" + kind + ": m",
		}, change), 201).ID
	}
	a := add("alpha", "KeyError", nil)
	b := add("alpha", "TypeError", map[string]any{"environment": "staging"})
	c := add("my shop ü", "BrowserError", map[string]any{"request_method": "BROWSER", "extra": map[string]any{"session_id": "s-1"}})
	d := add("alpha", "OldError", nil)
	s.Post(fmt.Sprintf("/api/errors/%d/resolve", d), nil)

	for query, want := range map[string][]int64{
		"":               {c, b, a},
		"?project=alpha": {b, a},
		"?project=" + url.QueryEscape("my shop ü"): {c},
		"?project=nobody":                      {},
		"?environment=staging":                 {b},
		"?environment=prod":                    {c, a},
		"?source=browser":                      {c},
		"?source=server":                       {b, a},
		"?source=other":                        {c, b, a},
		"?session_id=s-1":                      {c},
		"?session_id=s-2":                      {},
		"?resolved=true":                       {d},
		"?resolved=1":                          {d},
		"?resolved=false":                      {c, b, a},
		"?resolved=all":                        {d, c, b, a},
		"?since=2020-01-01T00:00:00Z":          {c, b, a},
		"?since=2020-01-01T00%3A00%3A00Z":      {c, b, a},
		"?since=2999-01-01T00:00:00Z":          {},
		"?q=keyerror":                          {a},
		"?q=nothing+like+it":                   {},
		"?q=%25":                               {},
		"?q=" + url.QueryEscape(`"m of Type"`): {b},
		"?search=TypeError":                    {b},
		"?limit=1":                             {c},
		"?limit=1&offset=1":                    {b},
		"?limit=abc&offset=-4":                 {c, b, a},
		"?project=alpha&source=server&environment=prod": {a},
	} {
		l := list(t, s, query)
		got := []int64{}
		for _, e := range l.Errors {
			got = append(got, e.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("GET /api/errors%s = %v, want %v", query, got, want)
		}
	}
	l := list(t, s, "")
	if l.Limit != 50 || l.Offset != 0 || l.Total != 3 {
		t.Errorf("limit %d, offset %d, total %d, want 50, 0, 3", l.Limit, l.Offset, l.Total)
	}
	if l := list(t, s, "?limit=100000"); l.Limit != 200 {
		t.Errorf("limit=100000 gives %d, want the cap of 200", l.Limit)
	}
	if l := list(t, s, "?limit=0"); l.Limit != 50 {
		t.Errorf("limit=0 gives %d, want 50", l.Limit)
	}
	for _, e := range list(t, s, "?resolved=all").Errors {
		if e.Resolved == nil || *e.Resolved != (e.ID == d) {
			t.Errorf("issue %d: resolved = %v", e.ID, e.Resolved)
		}
		if want := map[bool]string{true: "browser", false: "server"}[e.ID == c]; e.Source != want {
			t.Errorf("issue %d: source = %q, want %q", e.ID, e.Source, want)
		}
	}
	if got, want := strings.TrimSpace(s.Get("/api/projects").Body), `{"projects":["alpha","my shop ü"]}`; got != want {
		t.Errorf("projects = %s, want %s", got, want)
	}
}

func TestPagesByCursorAreCompleteAndStable(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	const n = 25 // most of them within one second: the order needs its tie-break
	for i := range n {
		report(t, s, harness.PythonReport(fmt.Sprintf("step_%c", 'a'+i), i), 201)
	}
	for _, sort := range []string{"", "last_seen", "first_seen", "count", "users"} {
		var ids []int64
		query := "?limit=7&sort=" + sort
		if sort == "" {
			query = "?limit=7"
		}
		next := query
		for range n {
			l := list(t, s, next)
			for _, e := range l.Errors {
				ids = append(ids, e.ID)
			}
			if l.NextCursor == "" {
				break
			}
			next = query + "&cursor=" + url.QueryEscape(l.NextCursor)
		}
		unique := slices.Clone(ids)
		slices.Sort(unique)
		if unique = slices.Compact(unique); len(ids) != n || len(unique) != n {
			t.Errorf("sort %q: %d issues on the pages, %d different ones, want %d", sort, len(ids), len(unique), n)
		}
	}
	if got := s.Get("/api/errors?sort=colour"); got.Status != 400 || !strings.Contains(got.Detail(), "colour") {
		t.Errorf("sort=colour = %d %s, want a 400 that names it", got.Status, got.Body)
	}
	if got := s.Get("/api/errors?cursor=%00garbage"); got.Status != 400 {
		t.Errorf("cursor of garbage = %d %s, want 400", got.Status, got.Body)
	}
}

func TestWhatTheFirstReleaseLacked(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	id := report(t, s, smokeReport, 201).ID
	other := report(t, s, with(smokeReport, map[string]any{"exception_type": "OtherError"}), 201).ID
	path := fmt.Sprintf("/api/errors/%d", id)

	resolvedAt := func() string {
		var d struct {
			ResolvedAt string `json:"resolved_at"`
		}
		if err := s.Get(path).JSON(&d); err != nil {
			t.Fatal(err)
		}
		return d.ResolvedAt
	}
	s.Post(path+"/resolve", nil)
	first := resolvedAt()
	s.Post(path+"/resolve", nil)
	if again := resolvedAt(); first == "" || again != first {
		t.Errorf("resolved_at = %q, after a second resolve %q", first, again)
	}
	if got := s.Post(path+"/unresolve", nil); got.Status != 200 || resolvedAt() != "" {
		t.Errorf("unresolve = %d %s, resolved_at %q", got.Status, got.Body, resolvedAt())
	}
	if got := s.Post("/api/errors/bulk", map[string]any{"action": "resolve", "ids": []int64{id, other, 424242}}); got.Status != 200 {
		t.Errorf("bulk resolve = %d %s", got.Status, got.Body)
	}
	if n := list(t, s, "").Total; n != 0 {
		t.Errorf("%d unresolved issues after the bulk resolve", n)
	}
	if got := s.Post("/api/errors/bulk", map[string]any{"action": "explode", "ids": []int64{id}}); got.Status != 400 || !strings.Contains(got.Detail(), "explode") {
		t.Errorf("bulk with an unknown action = %d %s, want a 400 that names it", got.Status, got.Body)
	}
	if got := s.Do(harness.Request{Method: "DELETE", Path: path}); got.Status != 200 {
		t.Errorf("delete = %d %s", got.Status, got.Body)
	}
	if got := s.Get(path); got.Status != 404 {
		t.Errorf("a deleted issue = %d", got.Status)
	}
	if c := report(t, s, smokeReport, 201); c.Status != "created" || c.ID == id {
		t.Errorf("a report after the delete = %+v, want a new issue", c)
	}
}

func TestMergeAndExactUnmerge(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	var ids []int64
	var prints []string
	for i, kind := range []string{"AError", "BError", "CError"} {
		r := with(smokeReport, map[string]any{"exception_type": kind, "user_id": fmt.Sprint("u", i)})
		c := report(t, s, r, 201)
		ids, prints = append(ids, c.ID), append(prints, c.Fingerprint)
		for range i {
			report(t, s, r, 200)
		}
	}
	if got := s.Post(fmt.Sprintf("/api/errors/%d/merge", ids[0]), map[string]any{"ids": ids[1:]}); got.Status != 200 {
		t.Fatalf("merge = %d %s", got.Status, got.Body)
	}
	l := list(t, s, "")
	if l.Total != 1 || l.Errors[0].ID != ids[0] || l.Errors[0].Count != 6 {
		t.Fatalf("after the merge: %+v, want one issue with 6 events", l.Errors)
	}
	if c := report(t, s, with(smokeReport, map[string]any{"exception_type": "CError"}), 200); c.ID != ids[0] || c.Count != 7 {
		t.Errorf("a report of a merged issue = %+v, want issue %d with 7", c, ids[0])
	}
	if got := s.Post(fmt.Sprintf("/api/errors/%d/unmerge", ids[0]), map[string]any{"fingerprint": prints[2]}); got.Status != 200 && got.Status != 201 {
		t.Fatalf("unmerge = %d %s", got.Status, got.Body)
	}
	counts := map[string]int64{}
	for _, e := range list(t, s, "").Errors {
		counts[e.ExceptionType] = e.Count
	}
	if counts["AError"] != 3 || counts["CError"] != 4 || len(counts) != 2 {
		t.Errorf("after the unmerge: %v, want AError 3 and CError 4", counts)
	}
	if got := s.Post(fmt.Sprintf("/api/errors/%d/unmerge", ids[0]), map[string]any{"fingerprint": strings.Repeat("0", 32)}); got.Status != 404 {
		t.Errorf("unmerge of an unknown hash = %d %s, want 404", got.Status, got.Body)
	}
}

func TestAnEventIDCountsOnce(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	r := with(smokeReport, map[string]any{"event_id": harness.NewEventID()})
	first := report(t, s, r, 201)
	again := report(t, s, r, 200)
	if again.Status != "duplicate" || again.ID != first.ID || again.Count != 1 {
		t.Errorf("the same event again = %+v, want duplicate, id %d, count 1", again, first.ID)
	}
	s.Kill()
	s.Restart()
	if again := report(t, s, r, 200); again.Status != "duplicate" {
		t.Errorf("the same event after a restart = %+v", again)
	}
}

func TestBodyLimit(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	const limit = 262144
	frame := `{"project":"p","exception_type":"E","message":"","traceback":""}`
	fits := strings.Replace(frame, `"message":""`, `"message":"`+strings.Repeat("m", limit-len(frame))+`"`, 1)
	if got := s.Post("/api/errors", fits); len(fits) != limit || got.Status != 201 {
		t.Errorf("a body of %d bytes = %d %s, want 201", len(fits), got.Status, got.Body)
	}
	for name, body := range map[string]any{
		"with a length":    fits + " ",
		"without a length": struct{ *strings.Reader }{strings.NewReader(fits + " ")},
	} {
		got := s.Do(harness.Request{Method: "POST", Path: "/api/errors", Body: body})
		if got.Status != 413 || got.Detail() != "Request body exceeds maximum size" {
			t.Errorf("one byte more, %s = %d %s, want 413", name, got.Status, got.Body)
		}
	}
}

func TestRateLimitPerKey(t *testing.T) {
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=20")
	var limited harness.Response
	for range 25 {
		if limited = s.Get("/api/projects"); limited.Status == http.StatusTooManyRequests {
			break
		}
	}
	var body struct {
		Detail     string `json:"detail"`
		RetryAfter int    `json:"retry_after"`
	}
	if err := limited.JSON(&body); err != nil {
		t.Fatal(err)
	}
	if limited.Status != 429 || body.Detail != "Rate limit exceeded" || body.RetryAfter < 1 || body.RetryAfter > 60 || limited.Header.Get("Retry-After") != fmt.Sprint(body.RetryAfter) {
		t.Errorf("21st request = %d %s, Retry-After %q", limited.Status, limited.Body, limited.Header.Get("Retry-After"))
	}
	if got := s.Do(harness.Request{Path: "/health", NoKey: true}); got.Status != 200 {
		t.Errorf("health while limited = %d", got.Status)
	}
}

func TestStopBySignalIsCleanAndQuick(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	report(t, s, smokeReport, 201)
	code, took := s.Stop()
	if code != 0 || took.Seconds() > 10 {
		t.Errorf("SIGTERM: exit code %d after %v, want 0 within 10 s\n%s", code, took, s.Log())
	}
	if out, code := s.Run("--healthcheck"); code != 1 {
		t.Errorf("--healthcheck of a stopped service exits %d: %s", code, out)
	}
	s.Restart()
	if out, code := s.Run("--healthcheck"); code != 0 {
		t.Errorf("--healthcheck of a running service exits %d: %s", code, out)
	}
	if n := list(t, s, "").Total; n != 1 {
		t.Errorf("%d issues after the restart, want 1", n)
	}
}
