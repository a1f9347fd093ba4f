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

// bestMatch picks the map of path among those with its base name, newest first:
// the one of exactly this path, else the longest that path ends in, as when only
// the bare name was uploaded. Else, for a path that is only the end of theirs,
// the one they all have.
func bestMatch(path string, candidates []Candidate) (Candidate, bool) {
	var best Candidate
	for _, c := range candidates {
		if c.Path == path {
			return c, true
		}
		if len(c.Path) > len(best.Path) && strings.HasSuffix(path, c.Path) {
			best = c
		}
	}
	if best.Path != "" {
		return best, true
	}
	for _, c := range candidates {
		switch {
		case !strings.HasSuffix(c.Path, path) || c.Path == best.Path:
		case best.Path != "":
			return Candidate{}, false // it could be any of them
		default:
			best = c
		}
	}
	return best, best.Path != ""
}
