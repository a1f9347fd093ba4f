package logs

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
	"github.com/monlight/monlight/shared/errs"
)

// ParseFilter reads the parameters of a query that make up a filter: container,
// service, level, stream, since, until and search (or q). container, service,
// level and stream may be given more than once; level and stream with commas,
// too. A level may be ">=NAME". none is true when a level was asked for that does not exist, so that
// nothing passes. Empty values count as not given.
func ParseFilter(values map[string][]string, now time.Time) (f Filter, none bool, err error) {
	if f.Sources, err = list(values, "container", "", MaxSourceName); err != nil {
		return f, false, err
	}
	if f.Services, err = list(values, "service", "", maxLabel); err != nil {
		return f, false, err
	}
	names, err := list(values, "level", ",", 64)
	if err != nil {
		return f, false, err
	}
	for _, name := range names {
		set, ok := ParseLevels(name)
		f.Levels |= set
		none = none || !ok
	}
	none = none && f.Levels == 0
	streams, err := list(values, "stream", ",", 64)
	if err != nil {
		return f, false, err
	}
	for _, name := range streams {
		switch name {
		case "stdout":
			f.Streams = append(f.Streams, Stdout)
		case "stderr":
			f.Streams = append(f.Streams, Stderr)
		default:
			return f, false, errs.New(errs.Invalid, "stream is %s, want stdout or stderr", quote(name))
		}
	}
	if text := one(values, "since"); text != "" {
		if f.Since, _, err = ParseTime("since", text, now); err != nil {
			return f, false, err
		}
	}
	if text := one(values, "until"); text != "" {
		var whole bool
		if f.Until, whole, err = ParseTime("until", text, now); err != nil {
			return f, false, err
		}
		if whole { // entries have nanoseconds, and all of that second is meant
			f.Until = f.Until.Add(time.Second - 1)
		}
	}
	if err := f.check(); err != nil {
		return f, false, err
	}
	text := one(values, "search")
	if text == "" {
		text = one(values, "q")
	}
	f.Search, err = ParseSearch(text)
	return f, none, err
}

// ParseLevels reads a level's name, or ">=" and one for all from there on.
func ParseLevels(text string) (set LevelSet, ok bool) {
	name, from := strings.CutPrefix(text, ">=")
	l, ok := ParseLevel(strings.TrimSpace(name))
	switch {
	case !ok:
		return 0, false
	case from:
		return AtLeast(l), true
	}
	return Only(l), true
}

// one is the first value of a parameter.
func one(values map[string][]string, name string) string {
	if list := values[name]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// list is the values of a parameter, without empty and repeated ones. They are
// split at comma, unless that is "".
func list(values map[string][]string, name, comma string, limit int) ([]string, error) {
	var out []string
	for _, text := range values[name] {
		items := []string{text}
		if comma != "" {
			items = strings.Split(text, comma)
		}
		for _, item := range items {
			if comma != "" {
				item = strings.TrimSpace(item)
			}
			switch {
			case item == "" || slices.Contains(out, item):
				continue
			case len(item) > limit || !utf8.ValidString(item):
				return nil, errs.New(errs.Invalid, "%s is %s, want text of at most %d bytes", name, quote(item), limit)
			}
			if out = append(out, item); len(out) > maxFilterValues {
				return nil, errs.New(errs.Invalid, "%s has more than %d values", name, maxFilterValues)
			}
		}
	}
	return out, nil
}

// MaxColumns is how many fields an answer may show beside each entry.
const MaxColumns = 6

// ParseColumns reads the names of fields that are to be shown beside each entry.
// Empty ones count as not given.
func ParseColumns(names []string) (columns []string, err error) {
	for _, name := range names {
		switch {
		case name == "" || slices.Contains(columns, name):
			continue
		case len(name) > fields.MaxName || !utf8.ValidString(name):
			return nil, errs.New(errs.Invalid, "column is %s, want the name of a field, text of at most %d bytes", quote(name), fields.MaxName)
		}
		if columns = append(columns, name); len(columns) > MaxColumns {
			return nil, errs.New(errs.Invalid, "column has more than %d values, the limit", MaxColumns)
		}
	}
	return columns, nil
}
