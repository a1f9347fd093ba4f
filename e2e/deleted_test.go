package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// What is deleted is in no file any more after the next run of retention, which
// is at the start and each hour: rows are overwritten, and pages that have become
// free leave the file.
func TestWhatIsDeletedLeavesTheFiles(t *testing.T) {
	const word, issues = "deleted-4e8b1c", 50
	s := harness.Start(t, "error-tracker")
	ids := make([]int, issues)
	for i := range ids {
		var created struct{ ID int }
		r := s.Post("/api/errors", map[string]any{
			"project": "p", "exception_type": fmt.Sprintf("T%dx", i), "message": fmt.Sprint(word, i, " ", harness.RandomText(i*40)),
			"traceback": fmt.Sprintf("Traceback (most recent call last):\n  File \"a.py\", line 1, in f%d\n    x\nT: x", i), "tags": map[string]string{"t": word},
		})
		if err := r.JSON(&created); err != nil || r.Status != http.StatusCreated {
			t.Fatalf("%d %s %v", r.Status, r.Body, err)
		}
		ids[i] = created.ID
	}
	report(t, s, smokeReport, http.StatusCreated)
	s.Stop()
	if n := inFiles(t, s.Dir, word); n < issues {
		t.Fatalf("the files have the word %d times: this test sees too little", n)
	}
	s.Restart()
	for _, id := range ids {
		if r := s.Do(harness.Request{Method: http.MethodDelete, Path: fmt.Sprint("/api/errors/", id)}); r.Status >= 300 {
			t.Fatalf("delete: %d %s", r.Status, r.Body)
		}
	}
	s.Stop()
	s.Restart()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		n := inFiles(t, s.Dir, word)
		if n == 0 {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("the files still have the word %d times", n)
		}
	}
	if !strings.Contains(s.Get("/api/errors").Body, "exception_type") {
		t.Error("the issue that was not deleted is gone as well")
	}
}

// What the relay has delivered, and source maps that were deleted, are in no file
// any more after its next run of upkeep, which is at the start and every ten minutes.
func TestWhatIsDeliveredLeavesTheFiles(t *testing.T) {
	const word, parcels, dsn = "delivered-4e8b1c", 60, "0123456789abcdef0123456789abcdef"
	shelf := harness.NewShelf(t)
	shelf.Close(true)
	s := harness.Start(t, "browser-relay", "ADMIN_API_KEY="+harness.Key, "DSN_KEYS=web:"+dsn, "RATE_LIMIT=1000000", "KEY_RATE_LIMIT=1000000",
		"ERROR_TRACKER_URL="+shelf.URL, "ERROR_TRACKER_API_KEY="+harness.Key, "METRICS_COLLECTOR_URL="+shelf.URL, "METRICS_COLLECTOR_API_KEY="+harness.Key)
	for i := range parcels {
		r := s.Do(harness.Request{Method: http.MethodPost, Path: "/api/browser/batch?key=" + dsn, NoKey: true, Body: map[string]any{
			"v": 1, "session_id": "s", "page": "/r", "errors": []map[string]any{
				{"event_id": harness.NewEventID(), "type": "E", "message": fmt.Sprint(word, i, " ", harness.RandomText(i*100)), "stack": ""},
			},
			"metrics": []map[string]any{{"name": "x", "type": "counter", "value": 1, "labels": map[string]string{"l": word}}},
		}})
		if r.Status != http.StatusAccepted {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	var uploaded struct{ ID int }
	content := harness.RandomText(300 << 10)
	r := s.Post("/api/source-maps?project=web&release="+word+"&file_url=/a.js", map[string]any{
		"version": 3, "sources": []string{word + ".ts"}, "sourcesContent": []string{content}, "names": []string{}, "mappings": "AACE,CAAC",
	})
	if err := r.JSON(&uploaded); err != nil || r.Status != http.StatusCreated {
		t.Fatalf("%d %s %v", r.Status, r.Body, err)
	}
	s.Stop()
	pieces := piecesOfMaps(t, s.Database())
	if n := inFiles(t, s.Dir, word); n < 2*parcels || len(pieces) == 0 {
		t.Fatalf("the files have the word %d times, and %d pieces of source maps: this test sees too little", n, len(pieces))
	}
	for _, p := range pieces {
		if inFiles(t, s.Dir, p) == 0 {
			t.Fatal("a piece of a source map is not found in the files: this test sees too little")
		}
	}
	shelf.Close(false)
	s.Restart()
	within(t, time.Minute, "delivery", func() bool {
		var health struct { // without the number nothing waits
			Status  string
			Waiting int
		}
		return s.Get("/health").JSON(&health) == nil && health.Status != "" && health.Waiting == 0
	})
	if n := len(shelf.Events()); n != parcels {
		t.Errorf("%d events are delivered, want %d", n, parcels)
	}
	if r := s.Do(harness.Request{Method: http.MethodDelete, Path: fmt.Sprint("/api/source-maps/", uploaded.ID)}); r.Status >= 300 {
		t.Fatalf("delete: %d %s", r.Status, r.Body)
	}
	s.Stop()
	s.Restart()
	for _, text := range append(pieces, word) {
		for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			n := inFiles(t, s.Dir, text)
			if n == 0 {
				break
			}
			if time.Since(begin) > time.Minute {
				t.Fatalf("the files still have %.20q %d times", text, n)
			}
		}
	}
}

// piecesOfMaps is something of the middle of each block of a source map, as it is
// in the file: they are compressed.
func piecesOfMaps(t *testing.T, path string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Query("SELECT substr(data, length(data) / 2, 16) FROM block WHERE length(data) > 64") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var piece []byte
		if err := rows.Scan(&piece); err != nil {
			t.Fatal(err)
		}
		all = append(all, string(piece))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// inFiles is how often a word is in the files of a folder and those in it.
func inFiles(t *testing.T, dir, word string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was there a moment ago
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		n += strings.Count(string(text), word)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
