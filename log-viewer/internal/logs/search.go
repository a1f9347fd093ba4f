package logs

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
)

// Expr is a parsed search text: a tree of conditions on an entry. It is made by
// ParseSearch and must not be changed. A nil Expr passes all entries.
type Expr struct {
	Op   Op
	Args []*Expr // of And and Or: two or more; of Not: one

	Text  Text           // of Contains, and of Field with Compare == Has
	Regex *regexp.Regexp // of Matches, and of Field with Compare == Like

	Name    string  // of Field: as written
	Compare Compare // of Field
	Value   string  // of Field with Compare == Same: folded
	Low     float64 // of Field with Compare == Between: the bounds and whether they belong to it
	High    float64
	Open    [2]bool

	Levels LevelSet // of LevelIn
	Glob   string   // of SourceLike: folded, '*' stands for any bytes
	Stream Stream   // of StreamIs
}

// Op is what an Expr asks.
type Op uint8

const (
	And        Op = iota
	Or            //
	Not           //
	Contains      // the message contains Text
	Matches       // the message matches Regex
	Field         // the message has a field that passes
	LevelIn       // the level is one of Levels
	SourceLike    // the source's name matches Glob
	StreamIs      // the stream is Stream
)

// Compare is how the value of a field is judged.
type Compare uint8

const (
	Exists  Compare = iota // it is there
	Has                    // it contains Text
	Same                   // it is Value
	Like                   // it matches Regex
	Between                // it is a number from Low to High
)

// Text is a piece of folded text to look for. Start and End say that the piece
// must not be the middle of a token at that side; a side that is not a token
// byte itself stands for itself.
type Text struct {
	Piece      string
	Start, End bool
}

// In tells whether the folded text contains t.
func (t Text) In(folded string) bool { return contains(folded, t.Piece, t.Start, t.End) }

// Match tells whether e passes. It is the exact meaning of a search; an index
// only saves calls of it.
func (x *Expr) Match(e Entry) bool {
	if x == nil {
		return true
	}
	s := subject{e: e}
	return s.match(x)
}

// subject is an entry with the forms of its message that conditions look at,
// made when the first one asks.
type subject struct {
	e        Entry
	plain    string
	folded   string
	isPlain  bool
	isFolded bool
}

func (s *subject) text() string {
	if !s.isPlain {
		s.plain, s.isPlain = Plain(s.e.Message), true
	}
	return s.plain
}

func (s *subject) fold() string {
	if !s.isFolded {
		s.folded, s.isFolded = Fold(s.text()), true
	}
	return s.folded
}

func (s *subject) match(x *Expr) bool {
	switch x.Op {
	case And:
		for _, a := range x.Args {
			if !s.match(a) {
				return false
			}
		}
		return true
	case Or:
		for _, a := range x.Args {
			if s.match(a) {
				return true
			}
		}
		return false
	case Not:
		return !s.match(x.Args[0])
	case Contains:
		return x.Text.In(s.fold())
	case Matches:
		return regexMatch(x.Regex, s.text())
	case Field:
		value, ok := fields.Lookup(s.text(), x.Name)
		return ok && x.MatchValue(value)
	case LevelIn:
		return x.Levels.Has(s.e.Level)
	case SourceLike:
		return glob(x.Glob, Fold(s.e.Source))
	case StreamIs:
		return s.e.Stream == x.Stream
	}
	return false
}

// MatchValue tells whether a field with this value passes; x is a Field.
func (x *Expr) MatchValue(value string) bool {
	switch x.Compare {
	case Exists:
		return true
	case Has:
		return x.Text.In(Fold(value))
	case Same:
		return Fold(value) == x.Value
	case Like:
		return regexMatch(x.Regex, value)
	case Between:
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || math.IsNaN(n) {
			return false
		}
		return x.Within(n)
	}
	return false
}

// Within tells whether n is in the bounds; x is a Field with Compare == Between.
func (x *Expr) Within(n float64) bool {
	return (n > x.Low || n == x.Low && !x.Open[0]) && (n < x.High || n == x.High && !x.Open[1])
}

// MayBeWithin tells whether any number from low to high can be in the bounds.
func (x *Expr) MayBeWithin(low, high float64) bool { return high >= x.Low && low <= x.High }

// glob tells whether s matches the pattern, in which '*' stands for any bytes.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	s = s[len(head):]
	for {
		piece, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, rest)
		}
		i := strings.Index(s, piece)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(piece):], more
	}
}
