package symbolicate

import (
	"net/url"
	"strings"
)

// MaxPath is how long a normalised path may be, in bytes; what is longer matches nothing.
const MaxPath = 2_000

// NormalizePath is the form in which the name of a generated file is compared:
// the path of a URL, without host, query and fragment, with a slash before it.
// "https://h/js/app.js?v=1", "~/js/app.js", "/js/app.js", "js/app.js" and the
// name of its map, "js/app.js.map", are all "/js/app.js".
func NormalizePath(name string) string {
	name = strings.TrimSpace(name)
	if i := strings.IndexAny(name, "?#"); i >= 0 {
		name = name[:i]
	}
	if i := strings.Index(name, "://"); i > 0 && isScheme(name[:i]) {
		name = name[i+len("://"):]
		i := strings.IndexByte(name, '/')
		if i < 0 {
			return "/"
		}
		name = name[i:]
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	name = strings.ReplaceAll(name, `\`, "/")
	name = strings.TrimPrefix(name, "~")
	var segments []string
	for segment := range strings.SplitSeq(name, "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(segments) > 0 {
				segments = segments[:len(segments)-1]
			}
		default:
			segments = append(segments, segment)
		}
	}
	name = "/" + strings.Join(segments, "/")
	for strings.HasSuffix(name, ".map") && len(name) > len("/.map") {
		name = strings.TrimSuffix(name, ".map")
	}
	return name
}

// BasePath is the last segment of a normalised path.
func BasePath(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func isScheme(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// bestMatch picks the map of path among those with its base name: the one of
// exactly this path, else the one whose path is the end of it or the other way
// round, when only one path is so. Newer maps come first.
func bestMatch(path string, candidates []Candidate) (Candidate, bool) {
	for _, c := range candidates {
		if c.Path == path {
			return c, true
		}
	}
	var best Candidate
	found := false
	for _, c := range candidates {
		if !strings.HasSuffix(path, c.Path) && !strings.HasSuffix(c.Path, path) {
			continue
		}
		switch {
		case !found || len(c.Path) > len(best.Path) && strings.HasSuffix(path, c.Path):
			best, found = c, true
		case c.Path != best.Path && !strings.HasSuffix(path, best.Path):
			return Candidate{}, false // several longer paths end so: it could be any of them
		}
	}
	return best, found
}
