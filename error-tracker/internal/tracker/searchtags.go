package tracker

import (
	"encoding/json"
	"slices"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Limits of what an event can be searched by. Values are cut; tags with longer
// names, and further tags, are kept with the event but not searched.
const (
	MaxSearchTags     = 32
	MaxSearchTagName  = 64  // bytes
	MaxSearchTagValue = 200 // bytes
)

// SearchTags are what e can be searched by, beside its environment and release:
// facts about it under the names that Sentry's search has for them, and its own
// tags. None is there twice.
func SearchTags(e *event.Event) []event.Tag {
	all := make([]event.Tag, 0, 12)
	add := func(name, value string) {
		if value == "" || name == "" || len(name) > MaxSearchTagName || len(all) == MaxSearchTags {
			return
		}
		t := event.Tag{Name: name, Value: cutText(value, MaxSearchTagValue)}
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	add("level", e.Level)
	add("user.id", e.User.ID)
	add("user.email", e.User.Email)
	add("user.username", e.User.Username)
	add("transaction", e.Transaction)
	add("server_name", e.ServerName)
	add("logger", e.Logger)
	add("dist", e.Dist)
	for i := range e.Contexts {
		switch c := &e.Contexts[i]; c.Name {
		case "browser", "os", "runtime":
			add(c.Name+".name", nameIn(c.Data))
		}
	}
	for _, t := range e.Tags {
		switch t.Name {
		case "environment", "release": // counted by the fields of these names
		default:
			add(t.Name, t.Value)
		}
	}
	return all
}

// nameIn is the member name of a JSON object, or "".
func nameIn(data json.RawMessage) string {
	const large = 4 << 10
	var c struct {
		Name string `json:"name"`
	}
	if len(data) > large || json.Unmarshal(data, &c) != nil {
		return ""
	}
	return c.Name
}

// cutText shortens s to at most n bytes, at the border of a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
