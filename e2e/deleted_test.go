package e2e

import (
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

// inFiles is how often a word is in the files of a folder.
func inFiles(t *testing.T, dir, word string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was there a moment ago
			t.Fatal(err)
		}
		n += strings.Count(string(text), word)
	}
	return n
}
