package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/andybalholm/brotli"

	"github.com/monlight/monlight/e2e/harness"
)

// envelopes makes a project and n envelopes for it, with an event of about size
// bytes each. They look like what the SDK for Python sends of a web application:
// frames with source lines and variables, breadcrumbs, a request, contexts.
func (s *server) envelopes(size, n int, encoding string) ([]request, error) {
	id, key, err := s.project("bench")
	if err != nil {
		return nil, err
	}
	header := map[string]string{
		"X-Sentry-Auth": "Sentry sentry_key=" + key + ", sentry_version=7, sentry_client=sentry.python/2.75.0",
		"Content-Type":  "application/x-sentry-envelope",
	}
	if encoding != "plain" {
		header["Content-Encoding"] = encoding
	}
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]request, n)
	for i := range out {
		event := sdkEvent(random, i%issues, size)
		// No event_id: each time it is sent it is another event.
		envelope := fmt.Appendf(nil, "{\"sdk\":{\"name\":\"sentry.python\",\"version\":\"2.75.0\"}}\n{\"type\":\"event\",\"length\":%d}\n%s\n", len(event), event)
		out[i] = request{fmt.Sprintf("/api/%d/envelope/", id), header, pack(envelope, encoding)}
	}
	return out, nil
}

// pack compresses as the SDK for Python does.
func pack(body []byte, encoding string) []byte {
	var b bytes.Buffer
	switch encoding {
	case "gzip":
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one there is
		_, _ = w.Write(body)
		_ = w.Close()
	case "br":
		w := brotli.NewWriterLevel(&b, 4)
		_, _ = w.Write(body)
		_ = w.Close()
	default:
		return body
	}
	return b.Bytes()
}

// sdkEvent is an event of about size bytes: more frames first, then more
// breadcrumbs.
func sdkEvent(random *rand.Rand, issue, size int) []byte {
	event := map[string]any{
		"platform": "python", "level": "error", "server_name": "web-1", "environment": "prod", "release": "shop@1.4." + fmt.Sprint(random.IntN(3)),
		"transaction": "/api/v2/orders/{id}", "timestamp": "2026-11-29T10:00:00.000000Z",
		"user":     map[string]any{"id": fmt.Sprint("u-", random.IntN(5000)), "email": "jane@shop.example"},
		"tags":     map[string]any{"region": "eu-central-1", "plan": words[issue%len(words)]},
		"contexts": map[string]any{"runtime": map[string]any{"name": "CPython", "version": "3.12.4"}, "trace": map[string]any{"trace_id": id(random), "span_id": id(random)[:16]}},
		"request": map[string]any{"method": "POST", "url": fmt.Sprintf("https://shop.example/api/v2/orders/%d", random.IntN(1e9)), "headers": map[string]any{
			"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0", "X-Request-Id": id(random),
		}},
		"sdk": map[string]any{"name": "sentry.python", "version": "2.75.0"},
	}
	var frames, crumbs []any
	fill := func() []byte {
		own := []any{sdkFrame(random, "app/views/"+words[issue%len(words)]+".py", "post", true), sdkFrame(random, "app/store/"+words[issue%len(words)]+".py", "save_"+word(issue), true)}
		event["exception"] = map[string]any{"values": []any{map[string]any{
			"type": []string{"ValueError", "KeyError", "TimeoutError"}[issue%3], "value": fmt.Sprintf("order %d of customer %s cannot be stored", random.IntN(1e9), id(random)),
			"mechanism": map[string]any{"type": "django", "handled": false}, "stacktrace": map[string]any{"frames": append(append([]any{}, frames...), own...)},
		}}}
		event["breadcrumbs"] = map[string]any{"values": crumbs}
		text, err := json.Marshal(event)
		if err != nil {
			panic(err) // maps of strings and numbers
		}
		return text
	}
	text := fill()
	for len(text) < size {
		if short := size - len(text); short > 900 && len(frames) < 30 {
			for range min(30-len(frames), max(1, short/1000)) {
				frames = append(frames, sdkFrame(random, "django/core/"+words[random.IntN(len(words))]+".py", words[random.IntN(len(words))], false))
			}
		} else {
			for range max(1, short/200) {
				crumbs = append(crumbs, map[string]any{"timestamp": "2026-11-29T09:59:59.000000Z", "category": "query", "type": "default", "message": fmt.Sprintf("SELECT * FROM orders WHERE id = %d AND customer = '%s'", random.IntN(1e9), id(random))})
			}
		}
		text = fill()
	}
	return text
}

func sdkFrame(random *rand.Rand, file, function string, inApp bool) map[string]any {
	line := func() string {
		return "        " + words[random.IntN(len(words))] + " = self." + words[random.IntN(len(words))] + "(request, *args, **kwargs)"
	}
	return map[string]any{
		"filename": file, "abs_path": "/srv/" + file, "function": function, "module": function, "lineno": 10 + random.IntN(900), "in_app": inApp,
		"context_line": "        return self.store.save(order)", "pre_context": []string{line(), line(), line()}, "post_context": []string{line(), line(), line()},
		"vars": map[string]any{"self": "<app.store.Store object at 0x7f3a2c>", "order": fmt.Sprint(random.IntN(1e9)), "customer": "'" + id(random) + "'"},
	}
}

// project makes a project and returns its number and the text of its key.
func (s *server) project(name string) (id int64, key string, err error) {
	r := request{"/api/projects", map[string]string{"X-API-Key": harness.Key}, fmt.Appendf(nil, `{"name":%q}`, name)}
	var p struct {
		ID   int64
		Keys []struct {
			Key string `json:"public_key"`
		}
	}
	if err := s.ask(http.MethodPost, &r, &p); err != nil {
		return 0, "", err
	}
	if len(p.Keys) == 0 {
		return 0, "", fmt.Errorf("project %s has no key", name)
	}
	return p.ID, p.Keys[0].Key, nil
}

// ask reads a JSON answer into v, or the whole answer when v is nil.
func (s *server) ask(method string, r *request, v any) error {
	req, err := http.NewRequest(method, s.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %d", r.path, res.StatusCode)
	}
	return json.NewDecoder(res.Body).Decode(v)
}
