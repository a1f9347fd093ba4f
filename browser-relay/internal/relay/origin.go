package relay

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/shared/errs"
)

// Words that stand in a list of origins for what is no origin.
const (
	// AnyOrigin is every origin.
	AnyOrigin = "*"
	// NoOrigin is a request without an Origin header: an app or a server, since
	// browsers send one with every POST.
	NoOrigin = "none"
)

// Origins are the web origins whose pages may use a key. An origin is as
// browsers send it, "https://shop.example", and may contain one star, which
// stands for one or more characters other than / : and @: so
// "https://*.example.com" is every host below example.com but not that itself.
type Origins []string

// Match is how an origin is allowed.
type Match uint8

const (
	NotAllowed Match = iota
	Named            // by an entry that names it or a part of it
	ByAny            // by AnyOrigin only
)

// Match tells whether, and how, an Origin header is allowed. The empty origin is
// that of a request without the header.
func (o Origins) Match(origin string) Match {
	found := NotAllowed
	for _, pattern := range o {
		switch {
		case origin == "":
			if pattern == NoOrigin {
				return Named
			}
		case pattern == AnyOrigin:
			found = ByAny
		case pattern != NoOrigin && matchOrigin(pattern, origin):
			return Named
		}
	}
	return found
}

// matchOrigin compares case-sensitively: browsers send origins in lower case.
func matchOrigin(pattern, origin string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == origin
	}
	if len(origin) <= len(before)+len(after) || !strings.HasPrefix(origin, before) || !strings.HasSuffix(origin, after) {
		return false
	}
	return !strings.ContainsAny(origin[len(before):len(origin)-len(after)], "/:@")
}

// Validate says which entry browsers would never send, or that there are too many.
func (o Origins) Validate() error {
	if len(o) > MaxOrigins {
		return errs.New(errs.Invalid, "%d origins, want at most %d", len(o), MaxOrigins)
	}
	for _, origin := range o {
		if err := validOrigin(origin); err != nil {
			return err
		}
	}
	return nil
}

func validOrigin(origin string) error {
	const want = `want one such as "https://shop.example" or "https://*.shop.example:8443", without a path, or one of the words "*", "null" and "none"`
	if origin == AnyOrigin || origin == NoOrigin || origin == "null" {
		return nil
	}
	if len(origin) > MaxOrigin {
		return errs.New(errs.Invalid, "origin %.40q… has %d bytes, want at most %d", origin, len(origin), MaxOrigin)
	}
	scheme, rest, ok := strings.Cut(origin, "://")
	switch {
	case !ok, scheme == "", rest == "", strings.Count(origin, "*") > 1, strings.ContainsAny(rest, `/?#@\`),
		strings.ContainsFunc(origin, func(c rune) bool { return c <= ' ' || c > '~' }),
		strings.ContainsFunc(scheme, func(c rune) bool { return !isSchemeChar(c) }):
		return errs.New(errs.Invalid, "origin %.100q is none: %s", origin, want)
	case strings.ToLower(origin) != origin:
		return errs.New(errs.Invalid, "origin %.100q has capital letters: browsers send origins in lower case", origin)
	}
	return nil
}

func isSchemeChar(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("+-.", c)
}

// ParseOrigins reads entries that are separated by commas, spaces or lines, and
// drops repeated ones and slashes at the end of one.
func ParseOrigins(text string) Origins {
	var list Origins
	for _, field := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c <= ' ' }) {
		field = strings.TrimRight(field, "/")
		if field != "" && !slices.Contains(list, field) {
			list = append(list, field)
		}
	}
	return list
}
