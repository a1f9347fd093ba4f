// Package sdk serves the browser SDK to web pages, so that the script tag of a key
// needs nothing but the relay. Releases that pages may still name stay beside the
// newest one; a file that was once released never changes.
package sdk

import (
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed monlight-*.min.js
var files embed.FS

// Pattern is where the scripts are served, as chi reads it.
const Pattern = "/sdk/{name}"

// Script is a release of the SDK for a script tag.
type Script struct {
	Path      string // below the relay's base URL
	Integrity string // for the attribute of the same name: SHA-384 of the bytes
}

// Scripts are the releases that are in the program.
type Scripts struct {
	newest Script
	bytes  map[string][]byte // by file name
}

// Load reads the scripts. An error means that the program itself is wrong.
func Load() (*Scripts, error) { return load(files) }

func load(from fs.FS) (*Scripts, error) {
	names, err := fs.Glob(from, "monlight-*.min.js")
	if err != nil {
		return nil, err
	}
	s := &Scripts{bytes: make(map[string][]byte, len(names))}
	var newest [3]int
	for _, name := range names {
		v, err := versionOf(name)
		if err != nil {
			return nil, err
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		s.bytes[name] = b
		if s.newest.Path == "" || isLater(v, newest) {
			newest = v
			sum := sha512.Sum384(b)
			s.newest = Script{Path: "/sdk/" + name, Integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:])}
		}
	}
	if s.newest.Path == "" {
		return nil, errors.New("no script of the SDK")
	}
	return s, nil
}

// versionOf reads the version in the name of a file, three numbers.
func versionOf(name string) (v [3]int, err error) {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(name, "monlight-"), ".min.js"), ".")
	if len(parts) != len(v) {
		return v, fmt.Errorf("%s has no version of three numbers in its name", name)
	}
	for i, part := range parts {
		if v[i], err = strconv.Atoi(part); err != nil {
			return v, fmt.Errorf("version of %s: %w", name, err)
		}
	}
	return v, nil
}

func isLater(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false
}

// Newest is the script that new pages are to take.
func (s *Scripts) Newest() Script { return s.newest }

// ServeHTTP serves a script to pages of every origin, without a key: what is in it
// is public. Browsers keep it for a year, since a release never changes. Other names
// are answered with 404, which may not be kept.
func (s *Scripts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	b, ok := s.bytes[path.Base(r.URL.Path)]
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "there is no such release of the SDK here", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the page is gone; nobody to tell
	}
}
