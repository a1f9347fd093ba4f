package release

import (
	"strings"
)

// version is a release name that says by itself what comes before it.
type version struct {
	pkg     string   // "shop" of "shop@1.2.3"
	numbers []string // two to four, without leading zeros
	pre     []string // identifiers of a pre-release; none for the release itself
	build   string   // after the plus sign
}

// Bounds of a version. A name beyond them is no version.
const (
	minNumbers = 2 // one number alone may as well be a commit of digits
	maxNumbers = 4
)

// parse reads "1.2.3", "v1.2", "shop@1.2.3-rc.1+45", "2026.01.15", "1.0rc1" and
// their like; ok is false for a name that is no version.
func parse(name string) (v version, ok bool) {
	rest := strings.TrimSpace(name)
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		v.pkg, rest = rest[:i], rest[i+1:]
	}
	if len(rest) > 1 && (rest[0] == 'v' || rest[0] == 'V') {
		rest = rest[1:]
	}
	rest, v.build, _ = strings.Cut(rest, "+")
	numbers, pre, dashed := strings.Cut(rest, "-")
	if !dashed {
		numbers, pre = splitPython(numbers)
	}
	v.numbers = strings.Split(numbers, ".")
	if len(v.numbers) < minNumbers || len(v.numbers) > maxNumbers {
		return version{}, false
	}
	for i, n := range v.numbers {
		if !isNumber(n) {
			return version{}, false
		}
		v.numbers[i] = trimZeros(n)
	}
	if pre != "" {
		v.pre = strings.Split(pre, ".")
	} else if dashed {
		return version{}, false
	}
	return v, true
}

// splitPython takes the pre-release of Python's kind off a version: "1.0rc2" is
// "1.0" and "rc.2". What was made in development comes before all of them, so
// that "1.0.dev3" is "1.0" and "3".
func splitPython(text string) (numbers, pre string) {
	i := strings.IndexFunc(text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
	if i < 0 {
		return text, ""
	}
	word := strings.TrimRight(text[i:], "0123456789")
	n := text[i+len(word):]
	switch strings.ToLower(word) {
	case "dev":
		return strings.TrimSuffix(text[:i], "."), n
	case "a", "alpha":
		word = "alpha"
	case "b", "beta":
		word = "beta"
	case "c", "rc", "pre", "preview":
		word = "rc"
	default:
		return text, "" // whose numbers are none
	}
	return strings.TrimSuffix(text[:i], "."), strings.TrimSuffix(word+"."+n, ".")
}

// compare is the precedence of Semantic Versioning 2.0, item 11. A number that
// is left out is 0. Builds are told apart as stores of apps do, by their numbers;
// of two that are words neither comes first.
func (v version) compare(w version) int {
	for i := range maxNumbers {
		if c := compareNumbers(v.number(i), w.number(i)); c != 0 {
			return c
		}
	}
	switch {
	case len(v.pre) == 0 && len(w.pre) > 0:
		return 1
	case len(v.pre) > 0 && len(w.pre) == 0:
		return -1
	}
	for i := 0; i < len(v.pre) && i < len(w.pre); i++ {
		if c := compareIdentifiers(v.pre[i], w.pre[i]); c != 0 {
			return c
		}
	}
	if c := len(v.pre) - len(w.pre); c != 0 {
		return c
	}
	if c := v.buildKind() - w.buildKind(); c != 0 || !isNumber(v.build) {
		return c
	}
	return compareNumbers(trimZeros(v.build), trimZeros(w.build))
}

// buildKind puts no build before a number, and that before a word.
func (v version) buildKind() int {
	switch {
	case v.build == "":
		return 0
	case isNumber(v.build):
		return 1
	}
	return 2
}

func (v version) number(i int) string {
	if i < len(v.numbers) {
		return v.numbers[i]
	}
	return ""
}

// compareIdentifiers puts numbers before words.
func compareIdentifiers(a, b string) int {
	switch na, nb := isNumber(a), isNumber(b); {
	case na && nb:
		return compareNumbers(trimZeros(a), trimZeros(b))
	case na:
		return -1
	case nb:
		return 1
	}
	return strings.Compare(a, b)
}

// compareNumbers compares digits of any length that have no leading zeros.
func compareNumbers(a, b string) int {
	if c := len(a) - len(b); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// trimZeros makes 0 the empty text, which a missing number is, too.
func trimZeros(digits string) string { return strings.TrimLeft(digits, "0") }
