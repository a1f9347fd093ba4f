package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/status"
)

func TestStatusCountsRefusedRequestsByTheirAnswers(t *testing.T) {
	s := newService(t, map[string]string{"DROP_BOTS": "true", "SPOOL_MAX_BYTES": "0", "RATE_LIMIT": "1", "TRUSTED_PROXIES": "192.0.2.1"})
	s.upstream.behave(answerWith(http.StatusBadGateway))
	for _, request := range []struct {
		name, door, body, client, agent string
		code                            int
	}{
		{"wrong key", "/api/browser/batch?key=" + strings.Repeat("f", 32), "{}", "198.51.100.1", "", 401},
		{"no JSON", batchDoor, "[", "198.51.100.3", "", 400},
		{"too large", batchDoor, strings.Repeat(" ", 1<<20), "198.51.100.4", "", 413},
		{"other DSN", tunnelPath, sentryEvent(dsnOf("http://192.0.2.9", "7"), eventID(1)), "198.51.100.5", "", 403},
		{"no room", batchDoor, batchOf(0, 1), "198.51.100.6", "", 503},
		{"too many", batchDoor, batchOf(0, 1), "198.51.100.6", "", 429},
		{"no room, old door", "/api/browser/errors?key=" + shopKey, event("x"), "198.51.100.7", "", 502},
		{"bot", batchDoor, batchOf(0, 1), "198.51.100.8", "Googlebot/2.1", 202},
	} {
		if code, answer, _ := ask(s, "POST", request.door, request.body, "Origin", "http://localhost:3000", "X-Forwarded-For", request.client, "User-Agent", request.agent); code != request.code {
			t.Errorf("%s: %d %s, want %d", request.name, code, answer, request.code)
		}
	}
	_, body, _ := ask(s, "GET", "/api/status", "", "X-API-Key", testKey)
	var report status.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil {
		t.Fatal(err)
	}
	if in := report.Ingest; in.Accepted != 0 || in.Rejected != 4 || in.Limited != 1 || in.Dropped != 2 || in.Details["refused_bot"] != 1 {
		t.Errorf("%+v, want 4 rejected, 1 limited, 2 dropped", in)
	}
}
