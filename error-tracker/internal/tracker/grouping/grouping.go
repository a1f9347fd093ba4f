// Package grouping decides which events belong to one issue, and says why.
package grouping

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Version names the rule set that Of applies. It is stored with each hash, so
// that a later rule set can find the issues of an earlier one.
const Version = "g1"

// Hash is the key of a group of events. An issue owns one or more of them.
type Hash [16]byte

// String is the hash as 32 lower-case hex digits, the API's "fingerprint".
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero tells whether h is no hash at all.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads 32 hex digits.
func ParseHash(s string) (Hash, bool) {
	var h Hash
	if len(s) != 2*len(h) {
		return h, false
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, false
	}
	return h, true
}

// Key is the place of an event among the issues of its project.
type Key struct {
	Hash     Hash     // equal for events of one issue
	Similar  Hash     // coarser: equal for events that look alike (type and first frame without its statement, or the beginning of the message)
	Reasons  []Reason // what went into Hash, for people
	Title    string   // exception type, or what stands for it when there is no exception
	Message  string   // the value that belongs to Title, one line or many
	Culprit  string   // where it was raised: "load in app/orders.py"; may be empty
	Minified bool     // the stack is minified JavaScript and was not used
}

// Reason is one part of a grouping key, for people.
type Reason struct {
	Kind  string // "rule", "fingerprint", "type", "frame", "statement", "message", "level", "transaction", "directive", "blocked"
	Value string // "ValueError", "load in app/orders.py", "raise ValueError(…)", …
}

// Of returns the grouping key of e. Equal events give equal keys on any
// machine and in any release of the same Version.
func Of(e *event.Event) Key {
	k := builtIn(e)
	k.custom(e.Fingerprint)
	return k.Key
}

// ByRule is Of for an event that a rule of its project gives a fingerprint, in
// place of the sender's own. rule is for people.
func ByRule(e *event.Event, rule string, fingerprint []string) Key {
	k := builtIn(e)
	k.custom(fingerprint)
	k.Reasons = append([]Reason{{"rule", cut(rule, maxReason)}}, k.Reasons...)
	return k.Key
}

// builtIn is the key of e by the built-in rules alone.
func builtIn(e *event.Event) *key {
	k := &key{event: e}
	if report, ok := policyViolation(e); ok {
		k.violation(report)
	} else if chain := links(e); len(chain) > 0 {
		k.exceptions(chain)
	} else {
		k.message()
	}
	return k
}

// key is a Key that is being made.
type key struct {
	Key
	event *event.Event
	place keyFrame // where it happened, as far as is known

	normalised string // message, made when a fingerprint asks for it
}

func (k *key) because(kind, value string) {
	if value != "" {
		k.Reasons = append(k.Reasons, Reason{kind, cut(value, maxReason)})
	}
}

// Limits of the parts of a Key, in bytes.
const (
	maxTitle   = 200
	maxMessage = 8 << 10
	maxCulprit = 200
	maxReason  = 300
)

// exceptions makes the key of a chain of exceptions.
func (k *key) exceptions(chain []*event.Exception) {
	e := k.event
	last := chain[len(chain)-1]
	k.Title = cut(last.Type, maxTitle)
	k.Message = last.Value
	fine, coarse := newDigest(e.Project, "x"), newDigest(e.Project, "similar")
	for _, x := range chain {
		l := exceptionKey(x, e.Platform)
		if minified(x.Frames, e.Platform) {
			l.frames = nil
			l.value = Normalize(x.Value)
			k.Minified = true
		}
		if x.Mechanism.Synthetic && e.Message.Text() != "" {
			l = linkKey{message: true, value: messageKey(e.Message)}
		}
		for _, part := range l.parts() {
			fine.add(part)
		}
		fine.add("") // ends the exception
		k.explain(l)
		if x == last {
			for _, part := range l.coarse() {
				coarse.add(part)
			}
			if l.message {
				k.Message = e.Message.Text()
			}
			if len(l.frames) > 0 {
				k.place = l.frames[0]
			} else if frames := keyFrames(x.Frames, e.Platform); len(frames) > 0 {
				k.place = frames[0]
			}
		}
	}
	if k.Title == "" {
		k.Title = messageTitle
	}
	k.Hash, k.Similar = fine.hash(), coarse.hash()
	k.finish()
}

// exceptionKey is what one exception puts into a key.
func exceptionKey(x *event.Exception, platform string) linkKey {
	k := linkKey{frames: keyFrames(x.Frames, platform)}
	if !x.Mechanism.Synthetic {
		k.typ = cleanType(x.Type)
	}
	if messageTypes[k.typ] {
		k.frames = nil
	}
	if len(k.frames) == 0 || isGeneric(k.typ) {
		k.value = Normalize(x.Value)
	}
	return k
}

// explain says what an exception put into the key.
func (k *key) explain(l linkKey) {
	k.because("type", l.typ)
	for _, f := range l.frames {
		k.because("frame", f.String())
		k.because("statement", f.statement)
	}
	k.because("message", l.value)
}

// messageTitle stands for the type of an event that has none.
const messageTitle = "Message"

// message makes the key of an event without exceptions: of its message, else
// of the stack of a thread, else of what is left.
func (k *key) message() {
	e := k.event
	k.Title, k.Message = messageTitle, e.Message.Text()
	fine, coarse := newDigest(e.Project, "m"), newDigest(e.Project, "similar")
	if text := messageKey(e.Message); text != "" {
		fine.add("m")
		fine.add(text)
		coarse.add("m")
		coarse.add(beginning(text))
		k.because("message", text)
	} else if frames := threadFrames(e); len(frames) > 0 {
		k.Title = "Stack"
		l := linkKey{frames: frames}
		for _, part := range l.parts() {
			fine.add(part)
		}
		for _, part := range l.coarse() {
			coarse.add(part)
		}
		k.explain(l)
		k.place = frames[0]
	} else {
		for _, d := range []*digest{fine, coarse} {
			d.add("c")
			d.add(e.Level)
			d.add(e.Transaction)
		}
		k.because("level", e.Level)
		k.because("transaction", e.Transaction)
	}
	k.Hash, k.Similar = fine.hash(), coarse.hash()
	k.finish()
}

// messageKey is a message without what changes from one event to the next.
// The template of a message has none of it in the first place, but it may be
// a text that was formatted before it was logged.
func messageKey(m event.Message) string {
	if m.Template != "" {
		return Normalize(m.Template)
	}
	return Normalize(m.Formatted)
}

// threadFrames are the key frames of the thread that crashed, else of the
// current one.
func threadFrames(e *event.Event) []keyFrame {
	var chosen *event.Thread
	for i := range e.Threads {
		t := &e.Threads[i]
		if len(t.Frames) == 0 {
			continue
		}
		if t.Crashed {
			chosen = t
			break
		}
		if chosen == nil || t.Current && !chosen.Current {
			chosen = t
		}
	}
	if chosen == nil {
		return nil
	}
	return keyFrames(chosen.Frames, e.Platform)
}

// finish says where it happened.
func (k *key) finish() {
	k.Message = cut(k.Message, maxMessage)
	k.Culprit = k.place.String()
	if k.Culprit == "" {
		k.Culprit = k.event.Transaction
	}
	k.Culprit = cut(k.Culprit, maxCulprit)
}

// cut shortens s to valid UTF-8 of at most limit bytes.
func cut(s string, limit int) string {
	if len(s) > 4*limit { // what is replaced grows by less
		s = s[:4*limit]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
