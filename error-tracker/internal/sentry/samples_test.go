package sentry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// samples are real events of many SDKs, by the name of their file.
func samples(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/sentry-events/*/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	texts := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, data); err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(f)] = line.String()
	}
	return texts
}

func TestSamplesComeInByBothDoors(t *testing.T) {
	d := open(t)
	seen := map[string]bool{} // some are variants of another, with its ID
	for name, text := range samples(t) {
		var sent struct {
			ID        string `json:"event_id"`
			Exception any    `json:"exception"`
		}
		_ = json.Unmarshal([]byte(text), &sent)
		if seen[sent.ID] {
			fresh := fmt.Sprintf("%032x", len(seen))
			text = strings.Replace(text, sent.ID, fresh, 1)
			sent.ID = fresh
		}
		seen[sent.ID] = sent.ID != ""
		stored := d.event(text)
		if want := strings.ReplaceAll(sent.ID, "-", ""); want != "" && stored.ID.String() != want {
			t.Errorf("%s: stored as %s, sent as %s", name, stored.ID, want)
		}
		if len(stored.Exceptions) == 0 && stored.Message.Text() == "" && len(stored.Threads) == 0 && len(stored.Contexts) == 0 && stored.Transaction == "" {
			t.Errorf("%s: nothing of it can be shown: %+v", name, stored)
		}
		// The same event by the other door is the same event.
		before := len(d.all())
		got := d.send(http.MethodPost, "/api/1/store/", strings.NewReader(text), "X-Sentry-Auth", d.auth())
		if after := len(d.all()); got.status != http.StatusOK || sent.ID != "" && after != before {
			t.Errorf("%s: %d %s, %d events after %d", name, got.status, got.body, after, before)
		}
	}
}
