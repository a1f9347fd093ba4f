package webui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// asset is one file as it is sent, both ways.
type asset struct {
	contentType string
	plain       []byte
	gzipped     []byte // nil when it is not smaller
}

// assets are the files that pages refer to. Their names hold a hash of their
// content, so they never change and are cached for ever.
type assets struct {
	prefix string
	names  map[string]string // "app.css" -> "app.1f2e3d4c5b6a.css"
	files  map[string]asset  // by the latter
	joined map[string]string // "issue-all.css" -> "app.css", which it begins with
}

// packAssets makes app.css of the shared sheets whose names begin with a number,
// in order; every other sheet and script keeps its name. What is joined is added
// under its own.
func packAssets(prefix string, shared, own fs.FS, joined map[string][]string) (*assets, error) {
	a := &assets{prefix: prefix, names: map[string]string{}, files: map[string]asset{}, joined: map[string]string{}}
	var app bytes.Buffer
	take := func(from fs.FS, dir string) error {
		entries, err := fs.ReadDir(from, dir) // sorted by name
		if err != nil {
			return fmt.Errorf("read assets: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			name := e.Name()
			b, err := fs.ReadFile(from, path.Join(dir, name))
			if err != nil {
				return fmt.Errorf("read asset %s: %w", name, err)
			}
			switch path.Ext(name) {
			case ".css":
				if b = squeezeCSS(b); name[0] <= '9' {
					app.Write(b)
					continue
				}
				a.add(name, "text/css; charset=utf-8", b)
			case ".js":
				a.add(name, "text/javascript; charset=utf-8", squeezeJS(b))
			case ".svg":
				a.add(name, "image/svg+xml", bytes.TrimSpace(b))
			default:
				return fmt.Errorf("asset %s is of no known kind", name)
			}
		}
		return nil
	}
	if err := take(shared, "static"); err != nil {
		return nil, err
	}
	if own != nil {
		if err := take(own, "."); err != nil {
			return nil, err
		}
	}
	a.add("app.css", "text/css; charset=utf-8", app.Bytes())
	for name, parts := range joined {
		if err := a.join(name, parts); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// join adds one file of several, the one of every page first.
func (a *assets) join(name string, parts []string) error {
	first := map[string]string{".css": "app.css", ".js": "core.js"}[path.Ext(name)]
	var all bytes.Buffer
	var kind string
	for _, part := range append([]string{first}, parts...) {
		f, ok := a.files[a.names[part]]
		if !ok || path.Ext(part) != path.Ext(name) {
			return fmt.Errorf("asset %s cannot be made with %q", name, part)
		}
		kind = f.contentType
		all.Write(f.plain)
	}
	a.add(name, kind, all.Bytes())
	a.joined[name] = first
	return nil
}

// holds tells whether one of the names is a joined file that begins with part.
func (a *assets) holds(names []string, part string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return a.joined[name] == part })
}

// squeezeJS leaves out indentation, empty lines, the lines that are only a
// comment, and the spaces beside punctuation. It knows strings, which it leaves
// alone, and relies on our scripts: no regular expressions, no strings of more
// than one line, comments on lines of their own, no template in a template.
func squeezeJS(b []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || bytes.HasPrefix(line, []byte("//")) {
			continue
		}
		quote := byte(0)
		for i := 0; i < len(line); i++ {
			c := line[i]
			switch {
			case quote != 0:
				if c == '\\' && i+1 < len(line) {
					out.WriteByte(c)
					i++
					c = line[i]
				} else if c == quote {
					quote = 0
				}
			case c == '\'' || c == '"' || c == '`':
				quote = c
			case c == ' ' && (isPunctuation(line[i-1]) || isPunctuation(line[i+1])):
				continue
			}
			out.WriteByte(c)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// isPunctuation tells the characters beside which a space means nothing. Plus
// and minus are not among them: "a + +b" is not "a++b".
func isPunctuation(c byte) bool { return strings.IndexByte("(){}[],;:?=<>&|!*%", c) >= 0 }

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssSpace   = regexp.MustCompile(`\s+`)
	// Not before a colon, where a space is a selector, nor around + and -, where
	// it is part of a calculation.
	cssAround = regexp.MustCompile(` ?([{};,>]) ?|(:) `)
)

// squeezeCSS leaves out comments and space that means nothing. It is safe for
// sheets whose strings hold no comment and no space beside punctuation.
func squeezeCSS(b []byte) []byte {
	b = cssComment.ReplaceAll(b, nil)
	b = cssSpace.ReplaceAll(b, []byte(" "))
	b = cssAround.ReplaceAll(b, []byte("$1$2"))
	b = bytes.ReplaceAll(b, []byte(";}"), []byte("}"))
	return bytes.TrimSpace(b)
}

func (a *assets) add(name, contentType string, b []byte) {
	sum := sha256.Sum256(b)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
	f := asset{contentType: contentType, plain: b}
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // fails for an unknown level only
	_, _ = w.Write(b)                                     // as does writing to a buffer: never
	_ = w.Close()
	if z.Len() < len(b) {
		f.gzipped = z.Bytes()
	}
	a.names[name], a.files[hashed] = hashed, f
}

// url is the address of an asset, with the base path; a name that does not
// exist is a mistake in a template and gives an error there.
func (a *assets) url(name string) (string, error) {
	hashed, ok := a.names[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return a.prefix + hashed, nil
}

// Assets serves the files below /assets/. They hold nothing secret and need no
// session.
func (u *UI) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := u.assets.files[path.Base(r.URL.Path)]
		if !ok {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		body := f.plain
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept-Encoding")
		if f.gzipped != nil && acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = f.gzipped
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body)
		}
	})
}

// Favicon serves the icon at the address that browsers try by themselves.
func (u *UI) Favicon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, u.assets.prefix+u.assets.names["favicon.svg"], http.StatusFound)
	})
}
