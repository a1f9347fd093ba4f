package symbolicate

import "strings"

// nameOf finds what the function of a call is called in the source. The mapping
// of a place has the name of what is there, which for a call is the function that
// was called: so the name of a function is at the place of its caller.
//
// The crash itself calls nothing. When its caller has no source the name at its
// own place is taken, if there is one; it is often that of what was called on
// something that is none.
func nameOf(calls []resolved, i int) string {
	if caller := i + 1; caller < len(calls) && calls[caller].adjacent() {
		if c := &calls[caller]; c.found {
			if c.frame.Name != "" && !callsBack[c.frame.Name] {
				return c.frame.Name
			}
			return ""
		}
	}
	if i == 0 {
		return calls[i].frame.Name
	}
	return ""
}

// adjacent tells whether r called the function above it: what awaited it did not.
func (r *resolved) adjacent() bool {
	return r.call.label != "async " && !r.call.eval
}

// callsBack are functions that call others: their name at a place says nothing
// about the function that they called, and some engines leave them out of stacks.
var callsBack = map[string]bool{
	"forEach": true, "map": true, "filter": true, "reduce": true, "reduceRight": true, "some": true, "every": true, "find": true,
	"findIndex": true, "findLast": true, "flatMap": true, "sort": true, "toSorted": true, "replace": true, "replaceAll": true, "from": true,
	"then": true, "catch": true, "finally": true, "call": true, "apply": true, "bind": true, "Promise": true, "construct": true,
	"setTimeout": true, "setInterval": true, "queueMicrotask": true, "requestAnimationFrame": true, "requestIdleCallback": true,
	"addEventListener": true, "dispatchEvent": true, "emit": true, "JSON": true, "parse": true, "stringify": true, "toString": true, "valueOf": true,
}

// maxInvented is how long the names are that minifiers make up: of up to 220,000
// functions and variables in one scope.
const maxInvented = 3

// isInvented tells whether a name in the minified code is likely the minifier's
// work: in the next build it would be another. Short names of the source itself
// are known by the lines around the place.
func isInvented(name string, r *resolved) bool {
	last := strings.TrimPrefix(name[strings.LastIndexByte(name, '.')+1:], "new ")
	if last == "" || len(last) > maxInvented {
		return false
	}
	if hasWord(r.lines.Line, last) {
		return false
	}
	for _, lines := range [][]string{r.lines.Pre, r.lines.Post} {
		for _, line := range lines {
			if hasWord(line, last) {
				return false
			}
		}
	}
	return true
}

// hasWord tells whether text has word between characters that are part of no name.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start := from + i
		end := start + len(word)
		if (start == 0 || !inName(text[start-1])) && (end == len(text) || !inName(text[end])) {
			return true
		}
		from = start + 1
	}
}

func inName(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
