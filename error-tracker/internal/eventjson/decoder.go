// Package eventjson reads the facts of an event from JSON, as clients of more
// than one protocol write them: stacks, breadcrumbs, users, tags. What is of
// another type than expected is left out; nothing that a client sends in one
// member is a reason to lose the event.
package eventjson

import (
	"fmt"
	"strings"

	"github.com/monlight/monlight/shared/jsonpull"
)

// Decoder reads the members of one event. Its strings share the memory of the
// text that P reads.
type Decoder struct {
	P *jsonpull.Parser
	// Lenient also takes values of a neighbouring type, as SDKs in all languages
	// send them: numbers for text, text for numbers and booleans, one object for
	// a list of them.
	Lenient bool

	frames       int // kept so far, of all exceptions
	threadFrames int // and of all threads
}

// Text reads a string of at most limit bytes; longer ones are cut. "" stands for
// what is no string.
func (d *Decoder) Text(limit int) string {
	if d.Lenient {
		s, _ := d.Scalar(limit)
		return s
	}
	s, _ := d.P.String()
	return Cut(s, limit)
}

// Free reads text that is for people only, and takes a value of any kind for it.
func (d *Decoder) Free(limit int) string {
	if s, ok := d.Scalar(limit); ok || d.P.Null() {
		return s
	}
	return Cut(string(d.P.Raw()), limit)
}

// Label reads a short string that may be remembered for longer than the report.
func (d *Decoder) Label() string { return strings.Clone(d.Text(MaxLabel)) }

// Scalar reads a string, a number or a boolean as text.
func (d *Decoder) Scalar(limit int) (string, bool) {
	if s, ok := d.P.String(); ok {
		return Cut(s, limit), true
	}
	if n, ok := d.P.Number(); ok {
		return Cut(n, limit), true
	}
	if b, ok := d.P.Bool(); ok {
		return fmt.Sprint(b), true
	}
	return "", false
}

// Any reads a value of any kind but null.
func (d *Decoder) Any() []byte {
	if d.P.Null() {
		return nil
	}
	return d.P.Raw()
}

// Value is Any for a value that should be small. A larger one is replaced by
// a string that begins like it.
func (d *Decoder) Value() []byte {
	raw := d.Any()
	if len(raw) <= MaxValue {
		return raw
	}
	return Quote(Cut(string(raw), MaxValue))
}

// Cut shortens s to at most limit bytes and says how long it was. It does not
// cut a character in two.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	mark := fmt.Sprintf("… [cut, %d bytes]", len(s))
	end := max(0, limit-len(mark))
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + mark
}
