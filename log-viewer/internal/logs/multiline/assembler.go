// Package multiline puts the lines of tracebacks, stack dumps and printed
// objects together again, which programs write line by line.
package multiline

import (
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// How long an entry waits for more lines, and how large it gets. An entry at a
// limit is handed over, and what follows is the next one.
const (
	HoldPlain = 500 * time.Millisecond  // an ordinary line
	HoldTrace = 1500 * time.Millisecond // a traceback
	Hold      = 2 * time.Second         // the time between any two lines of an entry, by their own clock
	MaxLines  = 5000
	MaxBytes  = logs.MaxMessage
)

// maxPending is how many lines wait for one that tells where they belong.
const maxPending = 12

// Line is a line as a program wrote it.
type Line struct {
	Text string
	Time int64 // Unix nanoseconds
	Pos  int64 // where the line stands, for whoever adds it
}

// Entry is the lines that belong together, joined by '\n'. Time and Pos are
// those of its first line.
type Entry struct {
	Text  string
	Time  int64
	Pos   int64
	Lines int
}

// Assembler puts the lines of one stream of one source together. A line that is
// not known to go on from the one before begins an entry. Blank lines are kept only inside of
// entries. It is for one goroutine and has no clock.
type Assembler struct {
	emit func(Entry)

	open    bool
	entry   Entry
	joined  []byte // the text when there is more than one line
	last    int64  // time of the last line
	touched time.Time
	st      status

	pending []Line
	needs   need // of the pending lines
}

// New returns an assembler that calls emit with each entry that is complete.
func New(emit func(Entry)) *Assembler { return &Assembler{emit: emit} }

// Add takes the next line of the stream. now says how late it is, for Tick.
func (a *Assembler) Add(l Line, now time.Time) {
	if !a.open {
		a.begin(l, now)
		return
	}
	if l.Time-a.last > int64(Hold) {
		a.Flush()
		a.begin(l, now)
		return
	}
	v, n := a.st.judge(l.Text)
	if len(a.pending) > 0 && v != maybe && !a.needs.met(l.Text) {
		v = no
		if a.needs == stackFrame && !isEntry(l.Text) { // the text before a stack trace has one more line
			v, n = maybe, stackFrame
		}
	}
	switch v {
	case yes:
		for _, p := range a.pending {
			a.join(p)
		}
		a.pending = a.pending[:0]
		a.needs = 0
		a.join(l)
		a.st.follow(l.Text)
		a.touched = now
	case maybe:
		if len(a.pending) == maxPending {
			a.split(l, now)
			return
		}
		a.pending = append(a.pending, l)
		a.needs = max(a.needs, n)
		a.last, a.touched = l.Time, now
	case no:
		a.split(l, now)
	}
}

// split ends the entry before the pending lines, which then are looked at again.
func (a *Assembler) split(l Line, now time.Time) {
	pending := a.pending
	a.pending = nil
	a.needs = 0
	a.finish()
	for _, p := range pending {
		a.Add(p, now)
	}
	a.Add(l, now)
}

// Tick hands over the open entry when it has waited for long enough.
func (a *Assembler) Tick(now time.Time) {
	if due, ok := a.Due(); ok && !now.Before(due) {
		a.Flush()
	}
}

// Due returns when Tick should be called; ok is false when nothing waits.
func (a *Assembler) Due() (due time.Time, ok bool) {
	if !a.open {
		return time.Time{}, false
	}
	if a.st.group() || len(a.pending) > 0 {
		return a.touched.Add(HoldTrace), true
	}
	return a.touched.Add(HoldPlain), true
}

// Flush hands over what is open.
func (a *Assembler) Flush() {
	for a.open { // each time there are fewer lines
		pending := a.pending
		a.pending = nil
		a.needs = 0
		a.finish()
		for _, p := range pending {
			a.Add(p, a.touched)
		}
	}
}

// Open returns the Pos of the first line that was not handed over; ok is false
// when all were.
func (a *Assembler) Open() (pos int64, ok bool) { return a.entry.Pos, a.open }

// begin opens an entry with its first line.
func (a *Assembler) begin(l Line, now time.Time) {
	if blank(l.Text) {
		return
	}
	a.open = true
	a.entry = Entry{Text: l.Text, Time: l.Time, Pos: l.Pos, Lines: 1}
	a.last, a.touched = l.Time, now
	a.st = begin(l.Text)
	if a.st.complete {
		a.finish()
	}
}

// join adds a line to the open entry.
func (a *Assembler) join(l Line) {
	if a.entry.Lines >= MaxLines || a.size()+1+len(l.Text) > MaxBytes {
		st := a.st
		a.finish()
		a.open, a.st = true, st
		a.entry = Entry{Text: l.Text, Time: l.Time, Pos: l.Pos, Lines: 1}
		a.last = l.Time
		return
	}
	if a.entry.Lines == 1 {
		a.joined = append(a.joined[:0], a.entry.Text...)
	}
	a.joined = append(a.joined, '\n')
	a.joined = append(a.joined, l.Text...)
	a.entry.Lines++
	a.last = l.Time
}

func (a *Assembler) size() int {
	if a.entry.Lines > 1 {
		return len(a.joined)
	}
	return len(a.entry.Text)
}

// finish hands over the open entry without what is pending.
func (a *Assembler) finish() {
	if !a.open {
		return
	}
	a.open = false
	e := a.entry
	if e.Lines > 1 {
		e.Text = string(a.joined)
		const keep = 64 << 10
		if cap(a.joined) > keep {
			a.joined = nil
		}
	}
	a.emit(e)
}

func blank(s string) bool {
	for i := range len(s) {
		if s[i] != ' ' && s[i] != '\t' && s[i] != '\r' {
			return false
		}
	}
	return true
}
