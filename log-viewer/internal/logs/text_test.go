package logs

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Request ID-42", "@AZ[`az{ABCDEFGHIJ", "ÜBER größe ſ K Ⱥ", "ABCDEFG\xff\xfeÄBCDEFGH", "\x1b[31mERROR\x1b[0m 12345678Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Fold(s)
		if utf8.ValidString(s) {
			if want := strings.Map(unicode.ToLower, s); got != want {
				t.Fatalf("Fold(%q) = %q, want %q", s, got, want)
			}
		}
		if again := string(AppendFold(nil, s)); got != again {
			t.Fatalf("AppendFold(%q) = %q, Fold gives %q", s, again, got)
		}
		// Tokens stay tokens: what the index knows of a text and what a search
		// looks for in it are cut at the same places.
		if kinds(got) != kinds(s) {
			t.Fatalf("Fold(%q) = %q: the tokens are others", s, got)
		}
	})
}

// kinds is a text as runs of token bytes and single other bytes.
func kinds(s string) string {
	var out strings.Builder
	in := false
	for i := range len(s) {
		switch {
		case !IsTokenByte(s[i]):
			out.WriteByte(s[i])
			in = false
		case !in:
			out.WriteByte('x')
			in = true
		}
	}
	return out.String()
}
