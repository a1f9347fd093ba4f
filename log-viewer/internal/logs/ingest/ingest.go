// Package ingest reads the log lines that programs send: as JSON objects or as
// plain text.
package ingest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
	"github.com/monlight/monlight/log-viewer/internal/logs/stamp"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// maxProblems is how many entries that were left out are named; the others are
// counted.
const maxProblems = 100

// Defaults is what holds for lines that do not say otherwise.
type Defaults struct {
	Source string
	Stream logs.Stream
}

// Problem says why an entry was left out.
type Problem struct {
	Index  int // of the entry in the body, from 0
	Detail string
}

// Lines are the entries of a body.
type Lines struct {
	Entries  []logs.Entry
	Rejected int       // entries that were left out
	Problems []Problem // of the first of these
}

// Reader reads bodies, one after the other, and keeps nothing of their memory.
// The entries that it returned hold until the next call, their texts for ever.
type Reader struct {
	json  jsonpull.Parser
	times stamp.Reader
	texts arena
	names map[string]string // sources of the last bodies
	lines Lines

	def     Defaults
	partial bool
	index   int   // of the next entry
	err     error // why the body is refused
}

func (r *Reader) reset(def Defaults, partial bool) {
	clear(r.lines.Entries) // let go of the texts
	r.lines = Lines{Entries: r.lines.Entries[:0]}
	r.def, r.partial, r.index, r.err = def, partial, 0, nil
	const most = 1000
	if r.names == nil || len(r.names) > most {
		r.names = map[string]string{}
	}
}

// Release lets go of large memory that the last body took.
func (r *Reader) Release() {
	clear(r.lines.Entries)
	const most = 20_000
	if cap(r.lines.Entries) > most {
		r.lines.Entries = nil
	}
	r.lines.Problems = nil
	r.texts = arena{}
}

func (r *Reader) result() (Lines, error) {
	r.json.Reset("", 0) // let go of the body
	if r.err != nil {
		return Lines{}, r.err
	}
	return r.lines, nil
}

// source returns a name in memory that outlives the body.
func (r *Reader) source(name string) string {
	if n := len(r.lines.Entries); n > 0 && r.lines.Entries[n-1].Source == name {
		return r.lines.Entries[n-1].Source
	}
	kept, ok := r.names[name]
	if !ok {
		kept = strings.Clone(name)
		r.names[kept] = kept
	}
	return kept
}

// reject leaves out the entry, or refuses the body. It returns false in the
// second case.
func (r *Reader) reject(format string, args ...any) bool {
	detail := fmt.Sprintf(format, args...)
	if !r.partial {
		r.err = invalid("entry %d: %s", r.index, detail)
		return false
	}
	r.lines.Rejected++
	if len(r.lines.Problems) < maxProblems {
		r.lines.Problems = append(r.lines.Problems, Problem{r.index, detail})
	}
	r.index++
	return true
}

// add takes an entry whose Source and Message still share the memory of the body.
// leveled tells whether its level is known.
func (r *Reader) add(e logs.Entry, leveled bool) bool {
	if r.index >= logs.MaxBatchEntries {
		r.err = tooLarge("the body has more than %d entries, the limit", logs.MaxBatchEntries)
		return false
	}
	switch {
	case e.Source == "":
		return r.reject("container is missing")
	case len(e.Source) > logs.MaxSourceName:
		return r.reject("container has %d bytes, the limit is %d", len(e.Source), logs.MaxSourceName)
	}
	if !leveled {
		e.Level = level.Of(e.Message, e.Stream)
	}
	e.Source = r.source(e.Source)
	if len(e.Message) > logs.MaxMessage {
		e.Message = logs.Cut(e.Message, 0)
	} else {
		e.Message = r.texts.keep(e.Message)
	}
	r.lines.Entries = append(r.lines.Entries, e)
	r.index++
	return true
}

// ParseStream reads the name of a stream.
func ParseStream(name string) (s logs.Stream, ok bool) {
	switch name {
	case "", "stdout":
		return logs.Stdout, true
	case "stderr":
		return logs.Stderr, true
	}
	return logs.Stdout, false
}

func invalid(format string, args ...any) error  { return errs.New(errs.Invalid, format, args...) }
func tooLarge(format string, args ...any) error { return errs.New(errs.TooLarge, format, args...) }

// quote shows the beginning of a text from outside.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// arena copies texts into blocks, so that an entry that stays holds one block in
// memory and not its whole body.
type arena struct{ block strings.Builder }

const blockBytes = 16 << 10

func (a *arena) keep(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > blockBytes/4 {
		return strings.Clone(s)
	}
	if a.block.Cap()-a.block.Len() < len(s) {
		a.block = strings.Builder{}
		a.block.Grow(blockBytes)
	}
	start := a.block.Len()
	a.block.WriteString(s)
	return a.block.String()[start:]
}
