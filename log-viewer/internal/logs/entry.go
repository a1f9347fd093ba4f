// Package logs is what a log is here: entries with a time, a source and a
// level, how they are searched, and what a store of them promises.
package logs

import (
	"fmt"
	"strings"
	"time"
)

// Entry is one log entry: a line, or the lines of a traceback joined by '\n'.
type Entry struct {
	// ID is the entry's place in the order of arrival. It is given by the
	// store, grows by one with each entry, is never reused and never changes,
	// so that it serves as permalink and as the id of the live stream.
	ID      int64
	Time    int64  // Unix nanoseconds
	Source  string // name of the source, unique: the container's name, or what the sender says
	Stream  Stream
	Level   Level
	Message string // as written, escape sequences included; valid UTF-8, without the last newline
}

// When is the entry's time.
func (e Entry) When() time.Time { return time.Unix(0, e.Time).UTC() }

// Stream is where a program wrote an entry.
type Stream uint8

const (
	Stdout Stream = iota
	Stderr
)

// Source is a program whose entries are kept.
type Source struct {
	Name   string // at most MaxSourceName bytes
	Labels Labels
}

// Labels are facts about a source that people filter by; "" where unknown.
type Labels struct {
	Kind    string // "docker", "http"
	Image   string // "nginx:1.27"
	Service string // name of the Compose service
	Project string // name of the Compose project
	Host    string // where it runs; "" is this machine
}

// Batch is what is written together: all of it is on disk, or none.
type Batch struct {
	Entries []Entry  // IDs are given by the store
	Sources []Source // those that are new or whose labels changed; a source that is not listed is made without labels
	Cursors []Cursor // how far the sources have been read when Entries are written
	// Key makes a repeated batch harmless: a second batch with a key that was
	// written in the last hours changes nothing. "" is no key.
	Key string
}

// Cursor is how far something has been read. The store keeps the last State
// for each Key; an empty State forgets the key.
type Cursor struct {
	Key   string
	State []byte // known to the reader alone
}

// Limits of an entry. A longer message is cut by whoever makes the entry; see Cut.
const (
	MaxMessage    = 1 << 20 // bytes
	MaxSourceName = 200     // bytes
)

// Cut makes a message fit into MaxMessage. One that is longer, or of which lost
// bytes were left out before, ends with a mark that says how much is missing.
func Cut(message string, lost int) string {
	if len(message) <= MaxMessage && lost == 0 {
		return message
	}
	const mark = 64 // bytes that the mark may have
	kept := message[:min(len(message), MaxMessage-mark)]
	lost += len(message) - len(kept)
	return fmt.Sprintf("%s … [%d bytes cut]", strings.ToValidUTF8(kept, ""), lost)
}
