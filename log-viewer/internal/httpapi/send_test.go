package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/monlight/monlight/log-viewer/internal/httpapi"
	"github.com/monlight/monlight/log-viewer/internal/logs"
)

func TestSend(t *testing.T) {
	const both = "{\"container\":\"a\",\"message\":\"good\"}\n{\"container\":\"a\"}"
	tests := map[string]struct {
		query, contentType, body string
		status                   int
		want                     string
	}{
		"an object":              {"", "application/json", `{"container":"a","message":"x"}`, 202, `{"status":"accepted","count":1}`},
		"said to be a form":      {"", "application/x-www-form-urlencoded", `[{"container":"a","message":"x"}]`, 202, `{"status":"accepted","count":1}`},
		"container of the query": {"?container=a&stream=stderr", "", `{"message":"x"}`, 202, `{"status":"accepted","count":1}`},
		"plain text":             {"?container=a", "text/plain; charset=utf-8", "one\ntwo\n", 202, `{"status":"accepted","count":2}`},
		"text of nobody":         {"", "text/plain", "one", 400, `container is missing`},
		"one is wrong":           {"", "", both, 400, `entry 1: message is missing`},
		"partially":              {"?partial=1", "", both, 202, `{"status":"accepted","count":1,"rejected":1,"errors":[{"index":1,"detail":"message is missing"}]}`},
		"all are wrong":          {"?partial=1", "", `{}{}`, 400, `no entry was accepted: entry 0: message is missing`},
		"unknown stream":         {"?stream=both", "", `{}`, 400, `stream is \"both\", want stdout or stderr`},
		"unknown partial":        {"?partial=some", "", `{}`, 400, `partial`},
		"nothing":                {"", "", ``, 400, `body is empty`},
		"an empty list":          {"", "", `[]`, 202, `{"status":"accepted","count":0}`},
		"too much":               {"?container=a", "text/plain", strings.Repeat("x\n", logs.MaxBatchEntries+1), 413, `more than 100000 entries`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{})
			status, body := a.send(tt.query, tt.contentType, "", tt.body)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestSendTwiceWithOneKey(t *testing.T) {
	a := newAPI(t, httpapi.DefaultStreamTimes, logs.Options{})
	const body = `{"container":"a","message":"x"}`
	a.send("", "", "key-1", body)
	if status, got := a.send("", "", "key-1", body); status != 202 || !strings.Contains(got, `"duplicate":true`) {
		t.Errorf("the second time: %d %s", status, got)
	}
	if p := a.page(t, ""); len(p.Logs) != 1 {
		t.Errorf("there are %d entries", len(p.Logs))
	}
}

func (a api) send(query, contentType, key, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/api/logs"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
