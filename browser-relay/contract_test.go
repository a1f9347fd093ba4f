package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

const door = "/api/browser/errors?key=" + shopKey

func detail(t *testing.T, body string) string {
	t.Helper()
	var d struct{ Detail *string }
	if err := json.Unmarshal([]byte(body), &d); err != nil || d.Detail == nil {
		t.Errorf("answer without a detail: %s", body)
		return ""
	}
	return *d.Detail
}

// Every status and detail of the doors.
func TestDoorsRefuseWithWords(t *testing.T) {
	s := newService(t, map[string]string{"MAX_BODY_SIZE": "2000"})
	event := func(extra string) string { return `{"type":"E","message":"m","stack":""` + extra + `}` }
	const metrics, batch = "/api/browser/metrics?key=" + shopKey, "/api/browser/batch?key=" + shopKey
	tests := map[string]struct {
		method, target, body string
		status               int
		detail               string
	}{
		"empty":              {"POST", door, "", 400, "Request body is empty"},
		"blank":              {"POST", door, " \n", 400, "Request body is empty"},
		"not json":           {"POST", door, `{"type":`, 400, "Invalid JSON"},
		"text after it":      {"POST", door, event("") + "x", 400, "Invalid JSON"},
		"not an object":      {"POST", door, `["type"]`, 400, "Request body must be a JSON object"},
		"no type":            {"POST", door, `{"message":"m","stack":""}`, 400, "Missing required field: type"},
		"no message":         {"POST", door, `{"type":"E","stack":""}`, 400, "Missing required field: message"},
		"no stack":           {"POST", door, `{"type":"E","message":"m"}`, 400, "Missing required field: stack"},
		"message no string":  {"POST", door, `{"type":"E","message":7,"stack":""}`, 400, "Missing required field: message"},
		"too deep":           {"POST", door, event(`,"context":{"a":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`), 400, "JSON is nested deeper than 64 levels"},
		"too large":          {"POST", door, event(`,"x":"` + strings.Repeat("x", 2000) + `"`), 413, "Request body exceeds maximum size"},
		"get":                {"GET", door, "", 405, "Method not allowed"},
		"below":              {"POST", "/api/browser/nothing?key=" + shopKey, "{}", 404, "Not found"},
		"no metrics":         {"POST", metrics, `{}`, 400, "Missing required field: metrics"},
		"metrics no array":   {"POST", metrics, `{"metrics":{}}`, 400, "metrics must be an array"},
		"metrics empty":      {"POST", metrics, `{"metrics":[]}`, 400, "metrics is empty, want 1 to 1000 elements"},
		"point no object":    {"POST", metrics, `{"metrics":[1]}`, 400, "metrics[0]: want an object"},
		"point without name": {"POST", metrics, `{"metrics":[{"type":"gauge","value":1}]}`, 400, "metrics[0]: Missing required field: name"},
		"point of no type":   {"POST", metrics, `{"metrics":[{"name":"n","type":"x","value":1}]}`, 400, `metrics[0]: type is "x", want counter, gauge or histogram`},
		"value no number":    {"POST", metrics, `{"metrics":[{"name":"n","type":"gauge","value":"1"}]}`, 400, "metrics[0]: Missing required field: value"},
		"value without end":  {"POST", metrics, `{"metrics":[{"name":"n","type":"gauge","value":1e999}]}`, 400, "metrics[0]: Missing required field: value"},
		"name empty":         {"POST", metrics, `{"metrics":[{"name":"","type":"gauge","value":1}]}`, 400, "metrics[0]: name is empty, want 1 to 200 bytes"},
		"name too long":      {"POST", metrics, `{"metrics":[{"name":"` + strings.Repeat("n", 201) + `","type":"gauge","value":1}]}`, 400, "metrics[0]: name has 201 bytes, want 1 to 200"},
		"a server's name":    {"POST", metrics, `{"metrics":[{"name":"http_requests_total","type":"counter","value":1}]}`, 400, "metrics[0]: name http_requests_total belongs to servers; pages cannot add to it"},
		"batch of another v": {"POST", batch, `{"v":2}`, 400, "v is 2, want 1"},
		"errors no array":    {"POST", batch, `{"v":1,"errors":{}}`, 400, "errors must be an array"},
		"batch no json":      {"POST", batch, `x`, 400, "Invalid JSON"},
	}
	for name, test := range tests {
		status, body, _ := ask(s, test.method, test.target, test.body)
		if got := detail(t, body); status != test.status || got != test.detail {
			t.Errorf("%s: %d %q, want %d %q", name, status, got, test.status, test.detail)
		}
	}
	if status, body, _ := ask(s, "POST", door, event(""), "Content-Encoding", "br"); status != 415 {
		t.Errorf("brotli: %d %s", status, body)
	}
	if events, points := s.upstream.counts(); events+points != 0 {
		t.Errorf("%d events and %d points came through", events, points)
	}
	// At the limit it is fine.
	at := event(`,"x":"`)
	at = at[:len(at)-1] + strings.Repeat("x", 2000-len(at)-1) + `"}`
	if status, body, _ := ask(s, "POST", door, at); len(at) != 2000 || status != 201 {
		t.Errorf("%d bytes: %d %s", len(at), status, body)
	}
}

// What an event becomes.
func TestEventIsMapped(t *testing.T) {
	s := newService(t, nil)
	status, body, _ := ask(s, "POST", "/api/browser/errors", `{"type":"TypeError","message":"first","stack":"TypeError: first\n    at a (http://h/a.js:1:1)",
		"url":"https://shop.example/cart?x=1","user_agent":"UA","session_id":"S","release":"1.0.0","timestamp":"2026-01-01T00:00:00.000Z","environment":"test",
		"context":{"user_id":"u7","n":1.50}}`, "X-Monlight-Key", shopKey, "Content-Type", "application/json")
	if status != 201 || !strings.HasPrefix(body, `{"status":"created","id":1,"fingerprint":"`) {
		t.Fatalf("%d %s", status, body)
	}
	e := s.upstream.event("first")
	want := map[string]any{
		"project": "shop", "exception_type": "TypeError", "traceback": "TypeError: first\n    at a (http://h/a.js:1:1)", "request_method": "BROWSER",
		"request_url": "https://shop.example/cart?x=1", "user_id": "u7", "environment": "test", "release": "1.0.0", "platform": "javascript",
	}
	for name, v := range want {
		if e[name] != v {
			t.Errorf("%s is %v, want %v", name, e[name], v)
		}
	}
	extra, _ := e["extra"].(map[string]any)
	if extra["user_agent"] != "UA" || extra["session_id"] != "S" || extra["release"] != "1.0.0" || extra["timestamp"] != "2026-01-01T00:00:00.000Z" ||
		!reflect.DeepEqual(extra["context"], map[string]any{"user_id": "u7", "n": 1.5}) {
		t.Errorf("extra is %v", extra)
	}
	// v0.1: the environment was in the context. Absent members stay absent.
	if status, _, _ := ask(s, "POST", door, `{"type":"E","message":"second","stack":"","context":{"environment":"staging"}}`, "Content-Type", "text/plain"); status != 201 {
		t.Fatal(status)
	}
	e = s.upstream.event("second")
	if _, has := e["request_url"]; has || e["environment"] != "staging" {
		t.Errorf("%v", e)
	}
	// The answer of the tracker is passed on: 200 for one that it knows.
	if status, body, _ := ask(s, "POST", door, `{"type":"E","message":"third","stack":"","event_id":"0123456789abcdef0123456789abcdef"}`); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body, _ := ask(s, "POST", "/api/errors?key="+shopKey, `{"type":"E","message":"third","stack":"","event_id":"01234567-89ab-cdef-0123-456789abcdef"}`); status != 200 || !strings.Contains(body, "duplicate") {
		t.Errorf("sent again: %d %s", status, body)
	}
}

func TestMetricsAreMapped(t *testing.T) {
	s := newService(t, nil)
	now := time.Now().UTC()
	future, old := now.Add(time.Hour).Format(time.RFC3339), now.Add(-100*24*time.Hour).Format(time.RFC3339)
	status, body, _ := ask(s, "POST", "/api/browser/metrics?key="+shopKey, `{"session_id":"S","url":"https://shop.example/cart?x=1#f","metrics":[
		{"name":"lcp","type":"histogram","value":1200,"labels":{"project":"forged","source":"server","rating":"good","n":1,"b":true,"o":{},"session_id":"S"},"timestamp":"`+future+`"},
		{"name":"inp","type":"histogram","value":80,"labels":{"page":"/own"},"timestamp":"`+old+`"}]}`)
	if status != 202 || body != `{"status":"accepted","count":2}` {
		t.Fatalf("%d %s", status, body)
	}
	want := []map[string]any{
		{"project": "shop", "source": "browser", "page": "/cart", "rating": "good", "n": "1", "b": "true"},
		{"project": "shop", "source": "browser", "page": "/own"},
	}
	for i, p := range s.upstream.points {
		if !reflect.DeepEqual(p["labels"], want[i]) || p["project"] != "shop" {
			t.Errorf("point %d: %v, want labels %v", i, p, want[i])
		}
		at, err := time.Parse(time.RFC3339Nano, p["timestamp"].(string))
		if err != nil || at.After(time.Now().Add(time.Second)) || at.Before(now.Add(-25*time.Hour)) {
			t.Errorf("point %d at %v: not within a day", i, p["timestamp"])
		}
	}
	if status, body, _ := ask(s, "POST", "/api/metrics?key="+shopKey, `{"metrics":[{"name":"cls","type":"gauge","value":0,"labels":[1]}]}`, "Content-Type", "text/plain;charset=UTF-8"); status != 202 {
		t.Errorf("alias: %d %s", status, body)
	}
}

// A page that makes up names or labels uses up the bounds of its own key.
func TestSeriesOfAKeyAreBounded(t *testing.T) {
	s := newService(t, map[string]string{"RATE_LIMIT": "100000"})
	for i := range 23 {
		var b strings.Builder
		for j := range 100 {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`{"name":"m","type":"counter","value":1,"labels":{"page":"/` + string(rune('a'+i)) + `/` + string(rune('a'+j/26)) + string(rune('a'+j%26)) + `"}}`)
		}
		if status, body, _ := ask(s, "POST", "/api/browser/metrics?key="+shopKey, `{"metrics":[`+b.String()+`]}`); status != 202 || !strings.Contains(body, `"count":100`) {
			t.Fatalf("%d %s", status, body)
		}
	}
	pages := map[any]int{}
	for _, p := range s.upstream.points {
		pages[p["labels"].(map[string]any)["page"]]++
	}
	if len(pages) != 2001 || pages["(other)"] != 300 {
		t.Errorf("%d pages, %d points under (other); want 2,001 and 300", len(pages), pages["(other)"])
	}
}

func TestLimitsCountKeysAndClients(t *testing.T) {
	s := newService(t, map[string]string{"RATE_LIMIT": "3", "KEY_RATE_LIMIT": "5", "TRUSTED_PROXIES": "192.0.2.1"})
	send := func(client, target string) (int, http.Header) {
		code, _, h := ask(s, "POST", target, `{"type":"E","message":"m","stack":""}`, "X-Forwarded-For", client, "Origin", "http://localhost:3000")
		return code, h
	}
	for range 20 {
		if code, _ := send("198.51.100.1", "/api/browser/errors?key=wrong"); code != 401 {
			t.Fatalf("wrong key: %d", code)
		}
		if code, _, _ := ask(s, "OPTIONS", door, "", "Origin", "http://localhost:3000", "X-Forwarded-For", "198.51.100.1"); code != 204 {
			t.Fatalf("preflight: %d", code)
		}
	}
	for range 3 {
		if code, _ := send("198.51.100.1", door); code != 201 {
			t.Fatalf("one of the first three: %d", code)
		}
	}
	code, h := send("198.51.100.1", door)
	if code != 429 || h.Get("Retry-After") == "" || h.Get("Access-Control-Allow-Origin") == "" || h.Get("Access-Control-Expose-Headers") != "Retry-After" {
		t.Errorf("the fourth of a client: %d %v", code, h)
	}
	for i := range 2 {
		if code, _ := send("198.51.100.2", door); code != 201 {
			t.Errorf("request %d of another client: %d", i, code)
		}
	}
	if code, _ := send("198.51.100.3", door); code != 429 {
		t.Errorf("the sixth of the key: %d", code)
	}
}

func TestSmokeTestGetsItsRefusal(t *testing.T) {
	s := newService(t, nil)
	for i := range 303 {
		code, _, _ := ask(s, "POST", door, `{"type":"E","message":"m","stack":""}`)
		if code == 429 {
			if i != 300 {
				t.Errorf("429 after %d requests, want 300", i)
			}
			return
		}
	}
	t.Error("no 429 in 303 requests")
}

func TestKeysFromBirthToRotation(t *testing.T) {
	s := newService(t, nil)
	admin := func(method, target, body string) (int, map[string]any) {
		code, text, _ := ask(s, method, target, body, "X-API-Key", testKey)
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s %s: %d %s", method, target, code, text)
		}
		return code, v
	}
	send := func(key string) int {
		code, _, _ := ask(s, "POST", "/api/browser/errors", `{"type":"E","message":"m","stack":""}`, "X-Monlight-Key", key)
		return code
	}
	for body, want := range map[string]string{
		``: "Request body is empty", `x`: "Invalid JSON", `[]`: "Request body must be a JSON object", `{}`: "Missing required field: project",
		`{"project":""}`: "project is empty, want 1 to 100 bytes", `{"project":"` + strings.Repeat("p", 101) + `"}`: "project has 101 bytes, want 1 to 100",
		`{"project":"p","x":1}`: `unknown member "x"`, `{"project":"p","rate_limit":-1}`: "rate_limit is -1, want 0 to 1000000 requests per minute, 0 being the default",
		`{"project":"p","origins":["https://Shop.example"]}`: `origin "https://Shop.example" has capital letters: browsers send origins in lower case`,
	} {
		if code, v := admin("POST", "/api/dsn-keys", body); code != 400 || v["detail"] != want {
			t.Errorf("POST %.40s: %d %v, want %q", body, code, v["detail"], want)
		}
	}
	code, k := admin("POST", "/api/dsn-keys", `{"project":"a \"quoted\" <b>","rate_limit":100}`)
	key, _ := k["public_key"].(string)
	if code != 201 || len(key) != 32 || strings.Trim(key, "0123456789abcdef") != "" || k["project"] != `a "quoted" <b>` {
		t.Fatalf("%d %v", code, k)
	}
	if code := send(key); code != 201 {
		t.Errorf("new key: %d", code)
	}
	if _, list := admin("GET", "/api/dsn-keys", ""); len(list["keys"].([]any)) != 2 || list["keys"].([]any)[1].(map[string]any)["last_seen"] == nil {
		t.Errorf("%v", list)
	}
	for range 2 { // again is the same
		if code, v := admin("DELETE", "/api/dsn-keys/2", ""); code != 200 || v["status"] != "deactivated" {
			t.Errorf("%d %v", code, v)
		}
	}
	if code := send(key); code != 401 {
		t.Errorf("key that is off: %d", code)
	}
	if code, v := admin("POST", "/api/dsn-keys/2/rotate", ""); code != 409 {
		t.Errorf("rotate a key that is off: %d %v", code, v)
	}
	if code, _ := admin("POST", "/api/dsn-keys/2/activate", ""); code != 200 || send(key) != 201 {
		t.Error("switched on again, it does not work")
	}
	if code, v := admin("PATCH", "/api/dsn-keys/2", `{"origins":["https://only.example"],"label":"L"}`); code != 200 || v["rate_limit"] != 100.0 || v["label"] != "L" {
		t.Errorf("%d %v", code, v)
	}
	if code := send(key); code != 401 {
		t.Errorf("no origin with a key that has some: %d", code)
	}
	code, fresh := admin("POST", "/api/dsn-keys/2/rotate", `{"grace":"0s"}`)
	if code != 201 || fresh["public_key"] == key || fresh["label"] != "L" {
		t.Fatalf("%d %v", code, fresh)
	}
	if _, old := admin("GET", "/api/dsn-keys/2", ""); old["active"] != false {
		t.Errorf("the old key still works: %v", old)
	}
	for target, want := range map[string]int{"/api/dsn-keys/99": 404, "/api/dsn-keys/x": 400, "/api/source-maps/99": 404, "/api/source-maps/x": 400, "/api/sourcemaps/99": 404} {
		if code, v := admin("DELETE", target, ""); code != want {
			t.Errorf("DELETE %s: %d %v, want %d", target, code, v, want)
		}
	}
	for _, target := range []string{"/api/dsn-keys", "/api/source-maps", "/api/traffic"} {
		if code, v := admin("PUT", target, ""); code != 405 || v["detail"] != "Method not allowed" {
			t.Errorf("PUT %s: %d %v", target, code, v)
		}
	}
}
