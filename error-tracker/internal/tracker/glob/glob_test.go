package glob_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/glob"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "anything\nat all", true}, {"a", "A", true}, {"a", "ab", false},
		{"*timeout*", "Connection Timeout after 5 s", true}, {"*timeout", "timeout!", false}, {"ship_*", "ship_order", true}, {"ship_*", "reship_order", false},
		{"*a*b*", "xbya", false}, {"*a*b*", "xaybz", true}, {"ab*bc", "abc", false}, {"ab*bc", "abbc", true}, {"a*a", "a", false}, {"*aab", "aaaab", true},
		{"?", "é", true}, {"?", "", false}, {"?", "ab", false}, {"a?c", "aßc", true}, {"*?x", "x", false}, {"*?x", "éx", true}, {"x?*", "xé", true}, {"*?b?*", "abc", true}, {"*?b?*", "bcb", false},
		{"ÄRGER*", "ärger im netz", true}, {"**", "x", true}, {"[a]", "[a]", true}, {"a.c", "abc", false},
	} {
		if got := glob.New(test.pattern).Match(glob.Fold(test.text)); got != test.want {
			t.Errorf("%q fits %q: %v", test.pattern, test.text, got)
		}
	}
	if !(glob.Glob{}).Match("") || (glob.Glob{}).Match("a") {
		t.Error("the zero value does not match the empty text alone")
	}
	for pattern, want := range map[string]bool{"": true, "*": true, "*?**": true, "a*": false} {
		if got := glob.New(pattern).Empty(); got != want {
			t.Errorf("%q is empty: %v", pattern, got)
		}
	}
}

// Globs agree with the regular expressions they stand for.
func FuzzMatch(f *testing.F) {
	f.Add("*a?b*", "xaéby")
	f.Add("a*b*c", "abcbc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		pattern, text = glob.Fold(strings.ToValidUTF8(pattern, "")), glob.Fold(strings.ToValidUTF8(text, ""))
		expr := regexp.QuoteMeta(pattern)
		expr = strings.ReplaceAll(strings.ReplaceAll(expr, `\*`, ".*"), `\?`, ".")
		want := regexp.MustCompile("(?s)^(?:" + expr + ")$").MatchString(text)
		if got := glob.New(pattern).Match(text); got != want {
			t.Errorf("%q fits %q: %v, want %v", pattern, text, got, want)
		}
	})
}
