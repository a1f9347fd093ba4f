package relay

import (
	"context"
	"encoding/json"
)

// Symbolicator finds the original positions of a minified stack.
type Symbolicator interface {
	// Symbolicate never fails an event: what it cannot resolve stays as it is,
	// and the result says why.
	Symbolicate(ctx context.Context, project string, e *Event) *Symbolicated
	// Preview is Symbolicate for who only looks: a map is not noted as used, so
	// that it does not change which one is dropped next.
	Preview(ctx context.Context, project string, e *Event) *Symbolicated
}

// Symbolicated is what source maps said about an event.
type Symbolicated struct {
	// Stacks are the texts of the event's stack and of those of its causes, in
	// the order of Event.Causes, with original positions where they are known.
	Stacks []string
	// Frames belong to Stacks: the outermost caller is the first.
	Frames [][]Frame
	// Notes say what became of the stacks, for people; a JSON value, or nil.
	Notes json.RawMessage
	// Missing are the files whose map is not there (yet).
	Missing []MissingMap
	// Resolved tells whether any frame was.
	Resolved bool
}

// Frame is one call of a stack.
type Frame struct {
	Function    string
	Filename    string // of the source, or of the script if that is not known
	AbsPath     string // the script's URL
	Line, Col   int    // from 1; 0 is not known
	ContextLine string
	Pre, Post   []string // source lines before and after ContextLine
	InApp       bool
}

// MissingMap is a script that was in a stack and has no source map.
type MissingMap struct {
	Release string
	File    string // path of the script
	DebugID string // "" if the page did not know it
}
