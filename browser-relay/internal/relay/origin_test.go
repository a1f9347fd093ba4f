package relay_test

import (
	"strings"
	"testing"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

func TestOriginsAreValidated(t *testing.T) {
	for _, good := range []string{"https://a.example", "http://localhost:3000", "https://*.a.example:8443", "*", "null", "none", "chrome-extension://abcdef", "http://[::1]:80"} {
		if err := (relay.Origins{good}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a.example", "https://", "https://a/b", "https://a?b", "https://u@a", "https://*.*.a", "https://a b", "https://A.example", "https://ä.example",
		"https://" + strings.Repeat("a", relay.MaxOrigin), "ht tp://a", `https://a\b`} {
		if err := (relay.Origins{bad}).Validate(); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if err := make(relay.Origins, relay.MaxOrigins+1).Validate(); err == nil {
		t.Error("too many are accepted")
	}
}

func TestParseOriginsTakesWhatPeopleType(t *testing.T) {
	got := relay.ParseOrigins(" https://a.example/ ,https://b.example\r\nhttps://a.example,, ")
	if len(got) != 2 || got[0] != "https://a.example" || got[1] != "https://b.example" {
		t.Errorf("%q", got)
	}
}

// An origin with a star never matches across the end of a host.
func FuzzOriginStar(f *testing.F) {
	f.Add("https://x.shop.example")
	f.Add("https://evil.test/.shop.example")
	f.Add("https://a:b@x.shop.example")
	f.Fuzz(func(t *testing.T, origin string) {
		o := relay.Origins{"https://*.shop.example"}
		if o.Match(origin) == relay.NotAllowed {
			return
		}
		host, ok := strings.CutPrefix(origin, "https://")
		if !ok || !strings.HasSuffix(host, ".shop.example") || len(host) <= len(".shop.example") || strings.ContainsAny(host, "/:@") {
			t.Errorf("%q is allowed", origin)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	o := relay.Origins{"http://localhost:3000", "https://*.shop.example", "https://own.example"}
	for b.Loop() {
		o.Match("https://own.example")
	}
}
