package httpapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/log-viewer/internal/logs/ingest"
)

// Whatever the bytes are, they are refused with a reason, or become entries that
// come back the same when they are sent again as they are shown.
func FuzzShownEntriesAreReadBack(f *testing.F) {
	for _, s := range []string{
		`{"container":"a","message":"x","timestamp":1795132800.5}`, "{\"container\":\"a\",\"message\":\"\xff\"}\n{}", `[[`,
		`[{"container":"a","message":"\u0000\u2028\ud83d","stream":"stderr","level":"err","timestamp":"2026-11-20T00:00:00Z"}]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var first, second ingest.Reader
		lines, err := first.JSON(body, ingest.Defaults{}, true)
		if err != nil {
			return
		}
		again := []byte("[")
		for i, e := range lines.Entries {
			if e.Time == 0 {
				return // such entries get the present time
			}
			if i > 0 {
				again = append(again, ',')
			}
			again = appendEntry(again, e)
		}
		got, err := second.JSON(string(append(again, ']')), ingest.Defaults{}, false)
		if diff := cmp.Diff(lines.Entries, got.Entries); err != nil || len(lines.Entries) > 0 && diff != "" {
			t.Errorf("%s: %v\n%s", again, err, diff)
		}
	})
}
