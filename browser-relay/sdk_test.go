package main

import (
	"crypto/sha512"
	"encoding/base64"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The tag on the page of a key names a script that is there, for pages of every
// origin, with the integrity value of its bytes.
func TestTheScriptTagOfAKeyNamesWhatTheRelayServes(t *testing.T) {
	s := newService(t, map[string]string{"BASE_URL": "https://relay.example"})
	status, page, _ := ask(s, http.MethodGet, "/keys/1", "", "X-API-Key", testKey, "Accept", "text/html")
	tag := regexp.MustCompile(`<script src="https://relay\.example(/sdk/monlight-[0-9.]+\.min\.js)" integrity="sha384-([^"]+)" crossorigin="anonymous"></script>`).
		FindStringSubmatch(html.UnescapeString(page))
	if status != http.StatusOK || tag == nil {
		t.Fatalf("%d, no script tag with an integrity value in %s", status, page)
	}
	status, script, header := ask(s, http.MethodGet, tag[1], "", "Origin", "https://stranger.example")
	sum := sha512.Sum384([]byte(script))
	if status != http.StatusOK || base64.StdEncoding.EncodeToString(sum[:]) != tag[2] {
		t.Errorf("%d, the integrity value is not that of the %d bytes served", status, len(script))
	}
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=utf-8", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "public, max-age=31536000, immutable", "Cross-Origin-Resource-Policy": "cross-origin",
	} {
		if got := strings.Join(header.Values(name), " and "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if status, body, header := ask(s, http.MethodHead, tag[1], ""); status != http.StatusOK || body != "" || header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d with %d bytes", status, len(body))
	}
	for _, path := range []string{"/sdk/monlight-9.9.9.min.js", "/sdk/sdk.go", "/sdk/..%2Fsdk.go"} {
		if status, _, header := ask(s, http.MethodGet, path, ""); status != http.StatusNotFound || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, Cache-Control %q", path, status, header.Get("Cache-Control"))
		}
	}
}
