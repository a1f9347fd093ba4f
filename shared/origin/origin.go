// Package origin is lists of web origins: which pages may use a key.
package origin

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/shared/errs"
)

// Any stands in a list for every origin.
const Any = "*"

// Limits of a list.
const (
	MaxOrigins = 32
	MaxBytes   = 256 // of one origin
)

// List is origins as browsers send them, "https://shop.example". An entry may
// contain one star, which stands for one or more characters other than / : and
// @: "https://*.example.com" is every host below example.com but not that itself.
type List []string

// Allows tells whether pages of the origin are in the list.
func (l List) Allows(origin string) bool {
	return slices.ContainsFunc(l, func(entry string) bool { return entry == Any || match(entry, origin) })
}

// match compares case-sensitively: browsers send origins in lower case.
func match(entry, origin string) bool {
	before, after, star := strings.Cut(entry, "*")
	if !star {
		return entry == origin
	}
	if len(origin) <= len(before)+len(after) || !strings.HasPrefix(origin, before) || !strings.HasSuffix(origin, after) {
		return false
	}
	return !strings.ContainsAny(origin[len(before):len(origin)-len(after)], "/:@")
}

// Validate names the first entry that no browser would ever send, or says that
// there are too many. Its error is of kind Invalid.
func (l List) Validate() error {
	if len(l) > MaxOrigins {
		return errs.New(errs.Invalid, "%d origins, want at most %d", len(l), MaxOrigins)
	}
	for _, entry := range l {
		if err := valid(entry); err != nil {
			return err
		}
	}
	return nil
}

func valid(entry string) error {
	if entry == Any || entry == "null" {
		return nil
	}
	if len(entry) > MaxBytes {
		return errs.New(errs.Invalid, "origin %.40q… has %d bytes, want at most %d", entry, len(entry), MaxBytes)
	}
	scheme, rest, ok := strings.Cut(entry, "://")
	if !ok || scheme == "" || rest == "" || strings.Count(entry, "*") > 1 || strings.ContainsAny(rest, `/?#@\`) ||
		strings.ContainsFunc(entry, func(c rune) bool { return c <= ' ' || c > '~' }) ||
		strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.") != "" {
		return errs.New(errs.Invalid, `origin %.100q is none: want one such as "https://shop.example" or "https://*.shop.example:8443", without a path, or "*"`, entry)
	}
	if strings.ToLower(entry) != entry {
		return errs.New(errs.Invalid, "origin %.100q has capital letters: browsers send origins in lower case", entry)
	}
	return nil
}

// Parse reads entries that are separated by commas, spaces or lines. Repeated
// ones are dropped, and slashes at the end of one.
func Parse(text string) List {
	var l List
	for _, field := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c <= ' ' }) {
		field = strings.TrimRight(field, "/")
		if field != "" && !slices.Contains(l, field) {
			l = append(l, field)
		}
	}
	return l
}
