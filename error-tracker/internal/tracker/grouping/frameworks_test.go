package grouping_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback"
)

// sections splits a file into the parts that lines like "-- name --" begin.
func sections(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	name := ""
	for line := range strings.Lines(string(data)) {
		if inner, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(inner, " --\n") {
			name = strings.TrimSuffix(inner, " --\n")
			continue
		}
		parts[name] += line
	}
	return parts
}

// TestFrameworks reads tracebacks as the frameworks print them: the first one,
// the same error again after the program and its libraries were updated, and
// another error.
func TestFrameworks(t *testing.T) {
	files, err := filepath.Glob("testdata/frameworks/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("testdata has %d frameworks (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			parts := sections(t, file)
			key := func(section string) grouping.Key {
				typ, message := parts["type"], parts["message"]
				if parts[section+" type"] != "" {
					typ, message = parts[section+" type"], parts[section+" message"]
				}
				r := traceback.Chain(parts[section], strings.TrimSpace(typ), strings.TrimSpace(message))
				return grouping.Of(&event.Event{Project: "shop", Platform: r.Platform, Exceptions: r.Exceptions})
			}
			first, again, other := key("first"), key("again"), key("other")
			if want := strings.TrimSpace(parts["culprit"]); first.Culprit != want {
				t.Errorf("culprit is %q, want %q (%v)", first.Culprit, want, first.Reasons)
			}
			if first.Hash != again.Hash {
				t.Errorf("the same error is apart:\n%v\n%v", first.Reasons, again.Reasons)
			}
			if first.Hash == other.Hash {
				t.Errorf("another error is together with it: %v", first.Reasons)
			}
		})
	}
}
