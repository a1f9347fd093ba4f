package webui

import (
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
	"github.com/monlight/monlight/shared/webui"
)

const (
	maxRowChars = 500  // of an entry's first line in a list
	maxRawBytes = 2000 // of an entry that the script has without asking

	maxColumnChars = 100
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
	Columns   []string // values of the fields that have one; "" where there is none
	Here      bool     // the entry that the page is about
}

func (p *Pages) rows(entries []logs.Entry, columns []string) []row {
	out := make([]row, len(entries))
	for i, e := range entries {
		out[i] = p.row(e)
		if len(columns) == 0 {
			continue
		}
		text := logs.Plain(e.Message)
		for _, name := range columns {
			value, _ := fields.Lookup(text, name)
			out[i].Columns = append(out[i].Columns, webui.Line(value, maxColumnChars))
		}
	}
	return out
}

func (p *Pages) row(e logs.Entry) row {
	_, rest, folded := strings.Cut(e.Message, "\n")
	r := row{
		ID: e.ID, Time: e.When(), Container: e.Source, Level: e.Level.String(), Stderr: e.Stream == logs.Stderr,
		Line: webui.Line(logs.Plain(headline(e.Message)), maxRowChars), Link: p.ui.Path("/logs/" + strconv.FormatInt(e.ID, 10)),
	}
	switch {
	case len(e.Message) > maxRawBytes:
		r.Raw = strings.ToValidUTF8(e.Message[:maxRawBytes], "") + "…"
	case e.Message != r.Line:
		r.Raw = e.Message
	}
	if folded {
		r.More = strings.Count(rest, "\n") + 1
	}
	return r
}

// headline is the line of a message that stands for it in a list: the first one,
// but of a traceback the one that says what went wrong.
func headline(message string) string {
	first, rest, folded := strings.Cut(message, "\n")
	if !folded {
		return first
	}
	switch {
	case strings.HasPrefix(first, "Traceback (most recent call last)"): // Python: the last line
		rest = strings.TrimRight(rest, " \t\n")
		if last := rest[strings.LastIndexByte(rest, '\n')+1:]; last != "" && last[0] != ' ' && last[0] != '\t' {
			return "Traceback … " + last
		}
	case !strings.ContainsAny(first, " \t") && strings.Contains(first, ":"): // Node: what follows the line with the caret
		for line := range strings.Lines(rest) {
			if strings.TrimSpace(line) != "^" {
				continue
			}
			_, after, _ := strings.Cut(rest, line)
			if what, _, _ := strings.Cut(strings.TrimLeft(after, "\n"), "\n"); what != "" {
				return first + " … " + what
			}
			break
		}
	}
	return first
}

// stamp is a moment with its fraction, for the attribute datetime.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z") }

// clock is a moment in a list, in UTC.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }
