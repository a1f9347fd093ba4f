// Package sourcelink makes the addresses that open the place of a frame in an
// editor, or show it on the page of a repository. What frames say comes from
// outside: it never decides where an address leads, only which file there.
package sourcelink

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of rules. Lengths are bytes.
const (
	MaxTemplate = 500
	MaxMappings = 20
	MaxPrefix   = 300
	maxPath     = 1000 // of a frame; longer ones have no address
	maxRelease  = 200
)

// schemes are what a template may begin with: none of them runs a script.
var schemes = []string{
	"http", "https", "vscode", "vscode-insiders", "vscodium", "cursor", "windsurf", "zed", "idea", "jetbrains", "pycharm", "phpstorm",
	"webstorm", "goland", "rubymine", "clion", "rider", "subl", "txmt", "mvim", "emacs", "nova",
}

// Rules say how addresses are made. The zero value makes none.
type Rules struct {
	// Template is the address, with {path}, {line}, {column} and {release} in it.
	Template string
	// Mappings are tried in their order. With any, a file that none fits has no
	// address: it is not among the sources.
	Mappings []Mapping
}

// Mapping puts To in the place of From at the beginning of a path.
type Mapping struct{ From, To string }

// Place is a place in the sources, as a frame tells it.
type Place struct {
	Paths   []string // of the same file, the best first
	Line    int      // from 1; 0 is not known
	Column  int
	Release string
}

// Validate says what is wrong with rules.
func (r Rules) Validate() error {
	if n := len(r.Mappings); n > MaxMappings {
		return fmt.Errorf("there are %d mappings of paths, the limit is %d", n, MaxMappings)
	}
	for _, m := range r.Mappings {
		if strings.Contains(m.From, "=>") {
			return fmt.Errorf("the mapping has the path %.60q, which may not have => in it", m.From)
		}
		for _, text := range []string{m.From, m.To} {
			if strings.TrimSpace(text) != text {
				return fmt.Errorf("the mapping has the path %.60q, which begins or ends with a space", text)
			}
			if len(text) > MaxPrefix || !plain(text) {
				return fmt.Errorf("the mapping has the path %.60q, want at most %d bytes without control characters", text, MaxPrefix)
			}
			if slices.Contains(strings.Split(strings.ReplaceAll(text, `\`, "/"), "/"), "..") {
				return fmt.Errorf("the mapping has the path %.60q, which leads upwards", text)
			}
		}
	}
	if r.Template == "" {
		return nil
	}
	if len(r.Template) > MaxTemplate || !plain(r.Template) || strings.ContainsAny(r.Template, " \"'<>`\\") {
		return fmt.Errorf("the template has %d bytes or a character that no address has, the limit is %d bytes", len(r.Template), MaxTemplate)
	}
	scheme, rest, ok := strings.Cut(r.Template, "://")
	if !ok || !slices.Contains(schemes, strings.ToLower(scheme)) {
		return fmt.Errorf("the template begins with %.30q, want one of %s, and ://", scheme, strings.Join(schemes, ", "))
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	if host == "" || strings.ContainsAny(host, "{}@") {
		return fmt.Errorf("the template has %.60q between :// and the next /, ? or #, want a name without placeholders and @", host)
	}
	parts, err := split(r.Template)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(parts, func(p part) bool { return p.name == "path" }) {
		return fmt.Errorf("the template has no {path}")
	}
	return nil
}

// part is a text of a template, or a placeholder.
type part struct{ text, name string }

// split cuts a template at its placeholders.
func split(template string) (parts []part, err error) {
	for template != "" {
		before, rest, found := strings.Cut(template, "{")
		if strings.Contains(before, "}") {
			return nil, fmt.Errorf("the template has a } without a {")
		}
		parts = append(parts, part{text: before})
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || !slices.Contains([]string{"path", "line", "column", "release"}, name) {
			return nil, fmt.Errorf("the template has the placeholder %.30q, want {path}, {line}, {column} or {release}", "{"+name)
		}
		parts, template = append(parts, part{name: name}), after
	}
	return parts, nil
}

// Link is the address of a place; "" where the rules have none for it, or are
// wrong, wherever they come from. So its scheme is one that a template may have.
func (r Rules) Link(p Place) string {
	if r.Template == "" || r.Validate() != nil {
		return ""
	}
	path, ok := r.locate(p.Paths)
	if !ok {
		return ""
	}
	parts, err := split(r.Template)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.text)
		inPath := !strings.ContainsAny(b.String(), "?#")
		switch part.name {
		case "path":
			if strings.HasSuffix(b.String(), "/") {
				path = strings.TrimLeft(path, "/")
			}
			b.WriteString(escape(path, inPath))
		case "line":
			b.WriteString(strconv.Itoa(max(p.Line, 1)))
		case "column":
			b.WriteString(strconv.Itoa(max(p.Column, 1)))
		case "release":
			if p.Release == "" || p.Release == "." || p.Release == ".." || len(p.Release) > maxRelease || !plain(p.Release) {
				return ""
			}
			b.WriteString(escape(p.Release, false))
		}
	}
	return b.String()
}

// locate is the path of a file among the sources.
func (r Rules) locate(paths []string) (string, bool) {
	for _, path := range paths {
		if path == "" || len(path) > maxPath || !plain(path) {
			continue
		}
		path = strings.ReplaceAll(path, `\`, "/")
		if len(r.Mappings) == 0 {
			// An address, or the name of no file: "<anonymous>".
			if strings.Contains(path, "://") || strings.HasPrefix(path, "<") {
				continue
			}
			if path, ok := clean(path); ok {
				return path, true
			}
			continue
		}
		for _, m := range r.Mappings {
			rest, ok := strings.CutPrefix(path, strings.ReplaceAll(m.From, `\`, "/"))
			if !ok || m.From != "" && !strings.HasSuffix(m.From, "/") && !strings.HasSuffix(m.From, `\`) && !strings.HasPrefix(rest, "/") {
				continue
			}
			to := strings.ReplaceAll(m.To, `\`, "/")
			if to != "" && !strings.HasSuffix(to, "/") {
				to += "/"
			}
			if m.To != "" || m.From != "" {
				rest = strings.TrimLeft(rest, "/")
			}
			if path, ok := clean(to + rest); ok {
				return path, true
			}
		}
	}
	return "", false
}

// clean leaves out segments that mean nothing. A path that leads upwards is not
// cleaned but refused: on a page of a repository it could end up in another one.
func clean(path string) (string, bool) {
	path = strings.ReplaceAll(path, `\`, "/")
	segments := strings.Split(path, "/")
	if slices.Contains(segments, "..") {
		return "", false
	}
	out := segments[:0]
	for i, segment := range segments {
		if i > 0 && segment == "" || segment == "." {
			continue
		}
		out = append(out, segment)
	}
	path = strings.Join(out, "/")
	return path, strings.Trim(path, "/") != ""
}

// escape makes a path part of an address, in its path or behind that.
func escape(path string, inPath bool) string {
	if !inPath {
		return strings.ReplaceAll(url.QueryEscape(path), "+", "%20")
	}
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

// plain tells whether a text is UTF-8 without control characters.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f })
}

// ParseMappings reads mappings, "from => to" on each line that is not empty.
func ParseMappings(text string) (all []Mapping, err error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		from, to, ok := strings.Cut(line, "=>")
		if !ok {
			return nil, fmt.Errorf("the mapping %.60q has no =>", line)
		}
		all = append(all, Mapping{strings.TrimSpace(from), strings.TrimSpace(to)})
	}
	return all, nil
}

// FormatMappings is what ParseMappings reads.
func FormatMappings(all []Mapping) string {
	var b strings.Builder
	for _, m := range all {
		b.WriteString(strings.TrimSpace(m.From+" => "+m.To) + "\n")
	}
	return b.String()
}
