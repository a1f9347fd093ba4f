package relay

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Cut shortens s to at most limit bytes, whole characters, and says how long it
// was.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	mark := "… [cut, " + strconv.Itoa(len(s)) + " bytes]"
	end := max(0, limit-len(mark))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// PathOf returns the path of a URL without host, query and fragment, "/" if
// there is none.
func PathOf(rawURL string) string {
	if i := strings.IndexAny(rawURL, "?#"); i >= 0 {
		rawURL = rawURL[:i]
	}
	if _, rest, ok := strings.Cut(rawURL, "://"); ok {
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			return "/"
		}
		rawURL = rest[i:]
	}
	if rawURL == "" {
		return "/"
	}
	return rawURL
}

// slug tells whether s is a short name of letters, digits and ._-/@ that may be
// counted under its own name.
func slug(s string, limit int) bool {
	return s != "" && len(s) <= limit && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && !strings.ContainsRune("._-/@", c)
	})
}
