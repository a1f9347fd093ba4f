// Package config reads typed settings from environment variables. It collects
// every mistake, so that a bad start names all of them at once.
package config

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// maxValueBytes is the longest value that is read from one variable.
const maxValueBytes = 64 << 10

// Env reads variables through a lookup function such as [os.LookupEnv]. Each
// method reads one variable and remembers its name, default and meaning for
// [Env.WriteHelp]. A variable that is set but empty counts as unset, because
// that is what compose files make of an undefined ${NAME}. After a mistake a
// method returns the default; the mistake is in [Env.Err].
//
// An Env is for one goroutine.
type Env struct {
	service  string
	lookup   func(string) (string, bool)
	vars     []variable
	mistakes []error
}

// variable is a row of the table of --help.
type variable struct {
	name, def, help string
}

// New returns an Env for the named service.
func New(service string, lookup func(string) (string, bool)) *Env {
	return &Env{service: service, lookup: lookup}
}

// Service returns the name that was given to New.
func (e *Env) Service() string { return e.service }

// Err returns all mistakes joined, one line each, or nil.
func (e *Env) Err() error { return errors.Join(e.mistakes...) }

// Fail adds a mistake that a service found by itself, for example two settings
// that do not go together. The text should name the variables.
func (e *Env) Fail(format string, args ...any) {
	e.mistakes = append(e.mistakes, fmt.Errorf(format, args...))
}

// WriteHelp writes the table of all variables that were read so far.
func (e *Env) WriteHelp(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, v := range e.vars {
		_, _ = fmt.Fprintf(t, "  %s\t%s\t%s\n", v.name, v.def, v.help)
	}
	_ = t.Flush()
}

// Parse reads a variable of any type. parse gets the trimmed value; its error
// should say what is wanted ("want a whole number"). def is the default in text
// form and is parsed too; with an empty def the zero T stands for unset.
func Parse[T any](e *Env, name, def, help string, parse func(string) (T, error)) T {
	shown := def
	if shown == "" {
		shown = "-"
	}
	e.remember(name, shown, help)
	var fallback T
	if def != "" {
		v, err := parse(def)
		if err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", name, err)) //nolint:forbidigo // a constant of the program
		}
		fallback = v
	}
	text, ok := e.value(name)
	if !ok {
		return fallback
	}
	v, err := parse(text)
	if err != nil {
		e.wrong(name, text, err)
		return fallback
	}
	return v
}

// String returns the value of name, or def.
func (e *Env) String(name, def, help string) string {
	return Parse(e, name, def, help, parseString)
}

// Required returns the value of name; it is a mistake to leave it out.
func (e *Env) Required(name, help string) string {
	e.remember(name, "(required)", help)
	text, ok := e.value(name)
	if !ok {
		e.Fail("%s is required: %s", name, help)
		return ""
	}
	text, err := parseString(text)
	if err != nil {
		e.wrong(name, text, err)
	}
	return text
}

// Int returns the value of name, a whole number from lowest to highest, or def.
func (e *Env) Int(name string, def, lowest, highest int, help string) int {
	return int(e.Int64(name, int64(def), int64(lowest), int64(highest), help))
}

// Int64 is Int for 64 bits.
func (e *Env) Int64(name string, def, lowest, highest int64, help string) int64 {
	return Parse(e, name, strconv.FormatInt(def, 10), help, func(s string) (int64, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < lowest || n > highest {
			return 0, fmt.Errorf("want a whole number from %d to %d", lowest, highest)
		}
		return n, nil
	})
}

// Bool returns the value of name, or def. It understands 1, t, true, yes, on
// and their opposites in any case.
func (e *Env) Bool(name string, def bool, help string) bool {
	return Parse(e, name, strconv.FormatBool(def), help, func(s string) (bool, error) {
		switch strings.ToLower(s) {
		case "1", "t", "true", "yes", "on":
			return true, nil
		case "0", "f", "false", "no", "off":
			return false, nil
		}
		return false, errors.New("want true or false")
	})
}

// Bytes returns the value of name, a size from lowest to highest bytes in the
// form of [ParseBytes], or def in the same form.
func (e *Env) Bytes(name, def string, lowest, highest int64, help string) int64 {
	return Parse(e, name, def, help, func(s string) (int64, error) {
		n, err := ParseBytes(s)
		if err != nil {
			return 0, err
		}
		if n < lowest || n > highest {
			return 0, fmt.Errorf("want a size from %s to %s", FormatBytes(lowest), FormatBytes(highest))
		}
		return n, nil
	})
}

// Duration returns the value of name, a time from lowest to highest in the form
// of [ParseDuration], or def. A bare number counts seconds.
func (e *Env) Duration(name string, def, lowest, highest time.Duration, help string) time.Duration {
	return e.duration(name, def, lowest, highest, help, ParseDuration)
}

// Days is Duration with the difference that a bare number counts days.
func (e *Env) Days(name string, def, lowest, highest time.Duration, help string) time.Duration {
	return e.duration(name, def, lowest, highest, help, ParseDays)
}

func (e *Env) duration(name string, def, lowest, highest time.Duration, help string,
	parse func(string) (time.Duration, error)) time.Duration {
	return Parse(e, name, FormatDuration(def), help, func(s string) (time.Duration, error) {
		d, err := parse(s)
		if err != nil {
			return 0, err
		}
		if d < lowest || d > highest {
			return 0, fmt.Errorf("want a time from %s to %s", FormatDuration(lowest), FormatDuration(highest))
		}
		return d, nil
	})
}

// URL returns the value of name, an absolute http or https URL without user,
// query and fragment and without a slash at its end. It returns nil when name is
// unset and def is empty.
func (e *Env) URL(name, def, help string) *url.URL {
	return Parse(e, name, def, help, ParseURL)
}

// RequiredURL is URL where it is a mistake to leave name out. It returns nil
// after a mistake.
func (e *Env) RequiredURL(name, help string) *url.URL {
	if _, ok := e.value(name); !ok {
		e.remember(name, "(required)", help)
		e.Fail("%s is required: %s", name, help)
		return nil
	}
	return e.URL(name, "", help)
}

// List returns the comma-separated values of name, trimmed and without empty
// ones; nil when it is unset.
func (e *Env) List(name, help string) []string {
	return Parse(e, name, "", help, func(s string) ([]string, error) {
		if _, err := parseString(s); err != nil {
			return nil, err
		}
		return split(s), nil
	})
}

// Prefixes returns the comma-separated networks of name. A bare address is the
// network of that one address.
func (e *Env) Prefixes(name, help string) []netip.Prefix {
	return Parse(e, name, "", help, func(s string) ([]netip.Prefix, error) {
		var ps []netip.Prefix
		for _, item := range split(s) {
			p, err := parsePrefix(item)
			if err != nil {
				return nil, fmt.Errorf("%.50q is no network: want addresses or networks such as 10.0.0.0/8, separated by commas", item)
			}
			ps = append(ps, p)
		}
		return ps, nil
	})
}

// Enum returns the value of name, which must be one of allowed in any case, or
// def. The result is spelled as in allowed.
func (e *Env) Enum(name, def string, allowed []string, help string) string {
	return Parse(e, name, def, help, func(s string) (string, error) {
		i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, s) })
		if i < 0 {
			return "", fmt.Errorf("want one of %s", strings.Join(allowed, ", "))
		}
		return allowed[i], nil
	})
}

// remember adds a row to the table of --help unless name is there already.
func (e *Env) remember(name, def, help string) {
	if slices.ContainsFunc(e.vars, func(v variable) bool { return v.name == name }) {
		return
	}
	e.vars = append(e.vars, variable{name, def, help})
}

// value returns the trimmed value of name; ok is false when it is empty.
func (e *Env) value(name string) (text string, ok bool) {
	text, ok = e.lookup(name)
	text = strings.TrimSpace(text)
	return text, ok && text != ""
}

// wrong adds a mistake in the form NAME = "value", want this.
func (e *Env) wrong(name, value string, err error) {
	const maxShown = 100
	if len(value) > maxShown {
		value = value[:maxShown] + "…"
	}
	e.Fail("%s = %q, %w", name, value, err)
}
