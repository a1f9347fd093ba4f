package webui

import (
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/webui"
)

func TestPeopleBeyondThoseToldApart(t *testing.T) {
	for n, want := range map[int64][2]string{
		0:                    {"0", "0"},
		9_999:                {"9\u202f999", "10k"},
		tracker.MaxUsers:     {"10\u202f000+", "10k+"},
		tracker.MaxUsers + 7: {"10\u202f007+", "10k+"}, // of several groups
	} {
		if got := [2]string{people(n, webui.Number), people(n, webui.Short)}; got != want {
			t.Errorf("people(%d) = %q, want %q", n, got, want)
		}
	}
}
