package block

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// minDigits is the shortest literal that is worth looking for by itself if it is
// of hexadecimal digits, which nearly all variables have. Any other byte tells
// templates and columns apart.
const minDigits = 3

func worthLooking(literal string) bool {
	for i := range len(literal) {
		if hexKind[literal[i]] == 0 {
			return true
		}
	}
	return len(literal) >= minDigits
}

// literals is a condition that every text passes that the regular expression
// matches: that it contains the expression's literal parts. nil is none.
func literals(re *regexp.Regexp) *logs.Expr {
	parsed, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil // it was compiled from the same text
	}
	return required(parsed.Simplify())
}

func required(re *syntax.Regexp) *logs.Expr {
	switch re.Op {
	case syntax.OpLiteral:
		return allOf(literalRuns(re))
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var all []*logs.Expr
		for _, sub := range re.Sub {
			if x := required(sub); x != nil {
				all = append(all, x)
			}
		}
		return allOf(all)
	case syntax.OpAlternate:
		any := &logs.Expr{Op: logs.Or}
		for _, sub := range re.Sub {
			x := required(sub)
			if x == nil {
				return nil
			}
			any.Args = append(any.Args, x)
		}
		return any
	}
	return nil
}

func allOf(all []*logs.Expr) *logs.Expr {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &logs.Expr{Op: logs.And, Args: all}
}

// literalRuns are the parts of a literal that are the same for everything it
// matches once letters are folded.
func literalRuns(re *syntax.Regexp) (out []*logs.Expr) {
	var run strings.Builder
	flush := func() {
		if s := logs.Fold(run.String()); worthLooking(s) {
			out = append(out, &logs.Expr{Op: logs.Contains, Text: logs.Text{Piece: s}})
		}
		run.Reset()
	}
	for _, r := range re.Rune {
		if re.Flags&syntax.FoldCase != 0 && !foldsAlike(r) || r == unicode.ReplacementChar {
			flush()
			continue
		}
		run.WriteRune(r)
	}
	flush()
	return out
}

// foldsAlike tells whether all runes that a case-insensitive expression takes
// for r are one in lower case: of s and the long s it is not true.
func foldsAlike(r rune) bool {
	low := unicode.ToLower(r)
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		if unicode.ToLower(o) != low {
			return false
		}
	}
	return true
}
