package webui

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/monlight/monlight/shared/webui"
)

// The members of an event's extra data in which browser-relay tells what source
// maps said about its stack, and how the stack was before.
const (
	sourcesMember  = "source_maps"
	rawStackMember = "raw_stack"
)

const maxUnmapped = 20

// sourcesView is how far the stack of an event was un-minified.
type sourcesView struct {
	Calls, Mapped int
	Missing       []unmapped
	// Fixable tells whether a source map could change something about it.
	Fixable bool
	Before  string // the stack as it came; "" if nothing was changed
}

// unmapped are calls that stayed as they were.
type unmapped struct {
	File  string
	Calls int
	Text  string // why
}

// sourcesOf reads what browser-relay noted in the extra data, nil if it did not.
func sourcesOf(extra json.RawMessage) *sourcesView {
	var x struct {
		Notes *struct {
			Calls   int `json:"calls"`
			Mapped  int `json:"mapped"`
			Missing []struct {
				File   string `json:"file"`
				At     string `json:"at"`
				Calls  int    `json:"calls"`
				Reason string `json:"reason"`
				Text   string `json:"text"`
			} `json:"not_mapped"`
		} `json:"source_maps"`
		Before string `json:"raw_stack"`
	}
	// Members of a program's own may have these names: then it is no such note.
	if json.Unmarshal(extra, &x) != nil || x.Notes == nil || x.Notes.Calls < 1 || x.Notes.Mapped < 0 || x.Notes.Mapped > x.Notes.Calls {
		return nil
	}
	v := &sourcesView{Calls: x.Notes.Calls, Mapped: x.Notes.Mapped, Before: webui.Clip(strings.TrimRight(x.Before, "\n"), maxTextBytes)}
	for i, m := range x.Notes.Missing {
		if i == maxUnmapped {
			break
		}
		file := m.At
		if file == "" || m.Calls > 1 {
			file = m.File
		}
		v.Missing = append(v.Missing, unmapped{File: webui.Line(file, 300), Calls: m.Calls, Text: webui.Line(m.Text, 600)})
		v.Fixable = v.Fixable || !slices.Contains([]string{"no_place", "no_file", "limit"}, m.Reason)
	}
	return v
}

// Unmapped is how many calls stayed as they were.
func (v *sourcesView) Unmapped() int { return v.Calls - v.Mapped }

// withoutSources leaves out of the extra data what is shown with the stack.
func withoutSources(n *webui.Node) *webui.Node {
	if n == nil {
		return nil
	}
	n.Children = slices.DeleteFunc(n.Children, func(c *webui.Node) bool { return c.Key == sourcesMember || c.Key == rawStackMember })
	if len(n.Children) == 0 {
		return nil
	}
	return n
}
