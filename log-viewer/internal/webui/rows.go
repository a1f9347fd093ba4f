package webui

import (
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/webui"
)

const (
	maxRowChars = 500  // of an entry's first line in a list
	maxRawBytes = 2000 // of an entry that the script has without asking
)

// row is an entry in a list.
type row struct {
	ID        int64
	Time      time.Time
	Container string
	Level     string
	Stderr    bool
	Line      string // the first line
	Raw       string // for the script: the beginning of the message, where it is more than Line
	More      int    // further lines
	Link      string
	Here      bool // the entry that the page is about
}

func (p *Pages) rows(entries []logs.Entry) []row {
	out := make([]row, len(entries))
	for i, e := range entries {
		out[i] = p.row(e)
	}
	return out
}

func (p *Pages) row(e logs.Entry) row {
	first, rest, folded := strings.Cut(e.Message, "\n")
	r := row{
		ID: e.ID, Time: e.When(), Container: e.Source, Level: e.Level.String(), Stderr: e.Stream == logs.Stderr,
		Line: webui.Line(logs.Plain(first), maxRowChars), Link: p.ui.Path("/logs/" + strconv.FormatInt(e.ID, 10)),
	}
	if e.Message != r.Line {
		r.Raw = strings.ToValidUTF8(e.Message[:min(len(e.Message), maxRawBytes)], "")
	}
	if folded {
		r.More = strings.Count(rest, "\n") + 1
	}
	return r
}

// stamp is a moment with its fraction, for the attribute datetime.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z") }

// clock is a moment in a list, in UTC.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }
