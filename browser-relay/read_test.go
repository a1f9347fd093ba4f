package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
)

const readKey = "4b0f6d1c93ae47d58e12c7a90b3f5d68"

// Whoever has the key that can only read sees everything and changes nothing.
func TestTheReadKeyChangesNothing(t *testing.T) {
	s := newService(t, map[string]string{"READ_API_KEY": readKey})
	if code, v := s.upload(t, http.MethodPost, "/api/source-maps?project=shop&release=1&file_url=/static/app.min.js", appMap); code != http.StatusCreated {
		t.Fatalf("upload: %d %v", code, v)
	}
	authtest.OnlyReads(t, s, s.options.Handler.(chi.Routes), readKey, nil, []string{"POST /sign-in", "POST /sign-out",
		"/api/errors", "/api/metrics", "/api/browser/errors", "/api/browser/metrics", "/api/browser/batch", "/api/browser/*", tunnelPath}, []string{shopKey[:12]})
}

// A search over what is not shown would spell it.
func TestTheReadKeyDoesNotSearchInKeys(t *testing.T) {
	s := newService(t, map[string]string{"READ_API_KEY": readKey})
	for _, tt := range []struct {
		key, search string
		found       bool
	}{{testKey, shopKey, true}, {readKey, shopKey, false}, {readKey, shopKey[:6], false}, {readKey, "shop", true}} {
		status, body, _ := ask(s, http.MethodGet, "/?search="+tt.search, "", "X-API-Key", tt.key)
		if status != http.StatusOK || strings.Contains(body, "data-row") != tt.found {
			t.Errorf("search of %q, with the read key %t: %d, want it found: %t", tt.search, tt.key == readKey, status, tt.found)
		}
	}
}

// Looking must not change which map is dropped next, with whichever key: the address
// of the test box can also be in a link of another site.
func TestTheTestBoxUsesNoMap(t *testing.T) {
	for name, key := range map[string]string{"administrator": testKey, "reader": readKey} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.db")
			s := &testService{upstream: newFakeUpstream(t)}
			s.start(t, path, map[string]string{"READ_API_KEY": readKey})
			if code, v := s.upload(t, http.MethodPost, "/api/source-maps?project=shop&release=1&file_url=/static/app.min.js", appMap); code != http.StatusCreated {
				t.Fatalf("%d %v", code, v)
			}
			status, body, _ := ask(s, http.MethodGet, "/source-maps?test_project=shop&test_release=1&test=https://h/static/app.min.js:1:1", "", "X-API-Key", key)
			if status != http.StatusOK || !strings.Contains(body, "handleClick") {
				t.Fatalf("the test box: %d, want it resolved", status)
			}
			s.stop() // stores which maps were used
			s.start(t, path, nil)
			if m := s.maps(t, "")[0].(map[string]any); m["last_used"] != nil {
				t.Errorf("the test box moved last_used to %v", m["last_used"])
			}
		})
	}
}

// The search fields take 1,000 characters, which may be more bytes.
func TestSearchesAreLimitedInCharacters(t *testing.T) {
	s := newService(t, nil)
	for _, page := range []string{"/", "/source-maps"} {
		for n, want := range map[int]int{1000: http.StatusOK, 1001: http.StatusBadRequest} {
			for _, letter := range []string{"x", "ж", "界", "😀"} {
				if status, _, _ := ask(s, http.MethodGet, page+"?search="+url.QueryEscape(strings.Repeat(letter, n)), "", "X-API-Key", testKey); status != want {
					t.Errorf("%s: %d times %s: %d, want %d", page, n, letter, status, want)
				}
			}
		}
	}
}

// What a search did not look in is not named.
func TestAnEmptySearchNamesWhatWasSearched(t *testing.T) {
	s := newService(t, map[string]string{"READ_API_KEY": readKey})
	for key, want := range map[string]string{testKey: "project, label, public key or origins.", readKey: "project, label or origins."} {
		if _, body, _ := ask(s, http.MethodGet, "/?search=nothing", "", "X-API-Key", key); !strings.Contains(body, "No key has this in its "+want) {
			t.Errorf("with the read key %t: want %q", key == readKey, want)
		}
	}
}

// The beginning of a body that was refused may have a DSN in it.
func TestTheReadKeySeesNoBodies(t *testing.T) {
	s := newService(t, map[string]string{"READ_API_KEY": readKey})
	if status, body, _ := ask(s, http.MethodPost, "/api/browser/errors", `{"what":"dsn-of-somebody"}`, "X-Monlight-Key", shopKey); status < 400 {
		t.Fatalf("a bad report: %d %s", status, body)
	}
	for _, path := range []string{"/traffic", "/api/traffic/rejected"} {
		for key, seen := range map[string]bool{testKey: true, readKey: false} {
			if _, body, _ := ask(s, http.MethodGet, path, "", "X-API-Key", key); strings.Contains(body, "dsn-of-somebody") != seen {
				t.Errorf("%s, with the read key %t: %.300s", path, !seen, body)
			}
		}
	}
}
