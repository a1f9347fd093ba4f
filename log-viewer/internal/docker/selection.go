package docker

import (
	"fmt"
	"path"
	"strings"
)

// Selection says which containers are read.
type Selection struct {
	Include []string // names or globs; none includes all
	Exclude []string // names or globs
	Own     string   // id of the container that this program runs in; "" is none
}

// ParseSelection reads the lists of CONTAINERS and EXCLUDE_CONTAINERS. In the
// first, a pattern behind an exclamation mark excludes. Patterns are those of
// path.Match; a slash before a name is left out.
func ParseSelection(containers, exclude []string) (Selection, error) {
	var s Selection
	for _, p := range containers {
		if not, ok := strings.CutPrefix(p, "!"); ok {
			exclude = append(exclude[:len(exclude):len(exclude)], not)
		} else {
			s.Include = append(s.Include, strings.TrimPrefix(p, "/"))
		}
	}
	for _, p := range exclude {
		s.Exclude = append(s.Exclude, strings.TrimPrefix(p, "/"))
	}
	for _, p := range append(s.Include[:len(s.Include):len(s.Include)], s.Exclude...) {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return s, fmt.Errorf("%q is not a container name or a pattern such as web-*", p)
		}
	}
	return s, nil
}

// The label with which a container says by itself whether its log is read.
const switchLabel = "monlight.logs"

// wants tells whether a container is read, and if not, why.
func (s Selection) wants(c container) (bool, string) {
	if s.Own != "" && c.id == s.Own && !contains(s.Include, c.name) {
		return false, "this is the log viewer itself; name it in CONTAINERS to read it"
	}
	if p, ok := match(s.Exclude, c.name); ok {
		return false, fmt.Sprintf("excluded by %q", p)
	}
	switch strings.ToLower(c.logs) {
	case "false", "no", "off", "0":
		return false, "excluded by its label " + switchLabel
	case "true", "yes", "on", "1":
		return true, ""
	}
	if len(s.Include) == 0 {
		return true, ""
	}
	if _, ok := match(s.Include, c.name); ok {
		return true, ""
	}
	return false, "not named in CONTAINERS"
}

func match(patterns []string, name string) (string, bool) {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return p, true
		}
	}
	return "", false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
