// Package traceback reads the text that a program prints when it fails and
// gives back the exceptions and frames that are in it. It knows what Python,
// JavaScript (V8, Firefox, Safari), Go, Java and its relatives, Ruby, PHP and
// .NET print.
//
// The text is hostile: every parser takes linear time, keeps a bounded number
// of exceptions and frames, and returns valid UTF-8.
package traceback

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Limits of what Parse returns. Strings are cut to at most so many bytes, at
// the border of a character.
const (
	MaxText       = 1 << 20 // of the text; what comes after is not read
	MaxExceptions = 50      // the oldest 10 and the newest 40 of a longer chain are kept
	MaxOuter      = 50      // outermost frames kept of a long stack
	MaxInner      = 200     // innermost frames kept of a long stack
	MaxFrames     = MaxOuter + MaxInner
	MaxType       = 200
	MaxValue      = 8 << 10
	MaxName       = 512  // of functions and modules
	MaxPath       = 1024 // of file names
	MaxSource     = 512  // of a line of source
)

// Result is what a text says.
type Result struct {
	// Platform is "python", "javascript", "node", "go", "java", "ruby", "php"
	// or "csharp"; "" when the text is no traceback that Parse knows.
	Platform string
	// Exceptions has the oldest cause first; the last one is what was raised
	// last. The type or the frames of one may be missing, not both.
	Exceptions []event.Exception
	// OmittedFrames counts frames that were left out of stacks longer than
	// MaxFrames, from their middle.
	OmittedFrames int
}

// Parse finds the exceptions in text. A text in which it finds none gives the
// zero Result.
func Parse(text string) Result {
	lines := split(text)
	f := detect(lines)
	if f == nil {
		return Result{}
	}
	p := &parser{lines: lines}
	f.parse(p)
	r := Result{Platform: f.platform, Exceptions: p.chain(), OmittedFrames: p.omitted}
	if len(r.Exceptions) == 0 {
		return Result{}
	}
	if r.Platform == "javascript" && isNode(r.Exceptions) {
		r.Platform = "node"
	}
	return r
}

// Chain is Parse for a report that names its exception beside the text: its
// type and message describe the last exception, and win over what the text
// says of it. The result has at least one exception. A text without any frame
// or header gives that one alone.
func Chain(text, exceptionType, message string) Result {
	r := Parse(text)
	if len(r.Exceptions) == 0 {
		r.Exceptions = []event.Exception{{}}
	}
	last := &r.Exceptions[len(r.Exceptions)-1]
	if exceptionType != "" {
		given := clean(exceptionType, MaxType)
		if module, ok := qualifier(given, last.Type, last.Module); ok {
			last.Module = module
		} else {
			last.Module = "" // the text's module belongs to another type
		}
		last.Type = given
	}
	if message != "" {
		last.Value = clean(message, MaxValue)
	}
	return r
}

// qualifier tells whether the reported type is the one that the text names,
// where either may be qualified, and which module remains to be told beside it.
func qualifier(given, parsed, module string) (string, bool) {
	if given == parsed {
		return module, true
	}
	full := parsed
	if module != "" {
		full = module + "." + parsed
	}
	if given == full {
		return "", true
	}
	for _, sep := range []string{".", "::", `\`, "$", "+", "/"} {
		if rest, ok := strings.CutSuffix(full, sep+given); ok {
			return rest, true
		}
		if strings.HasSuffix(given, sep+full) {
			return "", true
		}
	}
	return "", false
}
