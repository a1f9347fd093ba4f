package relay_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

func TestPathOf(t *testing.T) {
	for url, want := range map[string]string{
		"https://a.example/b/c?d=1#e": "/b/c", "https://a.example": "/", "https://a.example?x": "/", "/b?x": "/b", "": "/", "?x": "/",
		"http://a/": "/", "#frag": "/", "about:blank": "about:blank",
	} {
		if got := relay.PathOf(url); got != want {
			t.Errorf("PathOf(%q) = %q, want %q", url, got, want)
		}
	}
}

func TestEventIDsAreUnified(t *testing.T) {
	const id = "6ba7b8109dad11d180b400c04fd430c8"
	for _, s := range []string{id, "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"} {
		if got := relay.EventID(s); got != id {
			t.Errorf("EventID(%q) = %q", s, got)
		}
	}
	for _, s := range []string{"", "x", strings.Repeat("0", 32), strings.Repeat("g", 32), id + "0"} {
		if a, b := relay.EventID(s), relay.EventID(s); a == b || len(a) != 32 {
			t.Errorf("EventID(%q) = %q and %q, want two new ones", s, a, b)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("ä€😀 text that is long enough to be cut somewhere", 30)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 30 || limit > 1000 || !utf8.ValidString(s) {
			return
		}
		got := relay.Cut(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || (len(s) <= limit) != (got == s) {
			t.Errorf("Cut(%q, %d) = %q", s, limit, got)
		}
	})
}
