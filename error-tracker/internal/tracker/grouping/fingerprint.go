package grouping

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

const (
	defaultVariable = "default"
	maxVariable     = 100     // bytes of a name with its blanks
	maxTemplate     = 1 << 10 // bytes of a part with variables; a longer one is taken as it is
	maxCustom       = 20      // parts that are explained
)

// custom replaces the key by a grouping that somebody chose, if it is one.
func (k *key) custom(parts []string) {
	if len(parts) == 0 || len(parts) == 1 && isDefault(parts[0]) || !slices.ContainsFunc(parts, func(s string) bool { return s != "" }) {
		return
	}
	reasons := k.Reasons
	k.Reasons = nil
	d := newDigest(k.event.Project, "f")
	for i, part := range parts {
		value, isDefault := k.resolve(part)
		d.add(value)
		if isDefault {
			k.Reasons = append(k.Reasons, reasons...)
			reasons = nil
		} else if i < maxCustom {
			k.because("fingerprint", value)
		}
	}
	k.Hash = d.hash()
}

func isDefault(part string) bool {
	name, rest, ok := variable(strings.TrimSpace(part))
	return ok && rest == "" && name == defaultVariable
}

// variable reads "{{ name }}" at the beginning of s.
func variable(s string) (name, rest string, ok bool) {
	inner, ok := strings.CutPrefix(s, "{{")
	if !ok {
		return "", s, false
	}
	end := strings.Index(inner[:min(len(inner), maxVariable)], "}}")
	if end < 0 {
		return "", s, false
	}
	name, rest = strings.TrimSpace(inner[:end]), inner[end+2:]
	if name == "" || strings.ContainsAny(name, "{ \t\n") {
		return "", s, false
	}
	return name, rest, true
}

// Variables names what may stand in {{ }} in a fingerprint, for people.
const Variables = "default, type, message, function, module, transaction, level, logger, environment, release, platform, tags.NAME"

// UnknownVariable returns the first name in {{ }} that is none of Variables.
func UnknownVariable(part string) (name string, found bool) {
	known := key{event: &event.Event{}}
	for rest := part; ; {
		i := strings.Index(rest, "{{")
		if i < 0 {
			return "", false
		}
		name, after, ok := variable(rest[i:])
		if !ok {
			inner, _, _ := strings.Cut(rest[i+2:], "}}")
			return strings.TrimSpace(inner), true
		}
		if _, known := known.variable(name); !known || name == "tags." {
			return name, true
		}
		rest = after
	}
}

// resolve replaces the variables in one part of a fingerprint. Names that it
// does not know stay as they are. whole tells that the part is the built-in key.
func (k *key) resolve(part string) (value string, whole bool) {
	if isDefault(part) {
		return k.Hash.String(), true
	}
	if len(part) > maxTemplate || !strings.Contains(part, "{{") {
		return part, false
	}
	var b strings.Builder
	for rest := part; rest != ""; {
		i := strings.Index(rest, "{{")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		name, after, ok := variable(rest[i:])
		if !ok {
			b.WriteString("{{")
			rest = rest[i+2:]
			continue
		}
		if v, known := k.variable(name); known {
			b.WriteString(v)
		} else {
			b.WriteString(rest[i : len(rest)-len(after)])
		}
		rest = after
	}
	return b.String(), false
}

// variable is the value of a name in a fingerprint. Sentry's longer names mean
// the same.
func (k *key) variable(name string) (value string, known bool) {
	e := k.event
	switch name {
	case defaultVariable:
		return k.Hash.String(), true
	case "type", "error.type":
		if len(e.Exceptions) == 0 {
			return "", true
		}
		return k.Title, true
	case "message", "error.value":
		if k.normalised == "" {
			k.normalised = Normalize(k.Message)
		}
		return k.normalised, true
	case "function", "stack.function":
		return k.place.function, true
	case "module", "stack.module", "path", "stack.abs_path":
		return k.place.place, true
	case "transaction":
		return e.Transaction, true
	case "level":
		return e.Level, true
	case "logger":
		return e.Logger, true
	case "environment":
		return e.Environment, true
	case "release":
		return e.Release, true
	case "platform":
		return e.Platform, true
	}
	if tag, ok := strings.CutPrefix(name, "tags."); ok {
		for _, t := range e.Tags {
			if t.Name == tag {
				return t.Value, true
			}
		}
		return "", true
	}
	return "", false
}
