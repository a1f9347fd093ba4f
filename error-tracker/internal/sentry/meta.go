package sentry

import (
	"fmt"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

// marks reads _meta: a tree of the same shape as the event, in which the member
// "" of a node says what was done to the value there.
func marks(p *jsonpull.Parser) []event.Mark {
	var all []event.Mark
	var walk func(path []string)
	walk = func(path []string) {
		for name := range p.Object() {
			if name != "" {
				if name == "values" { // where it is only a wrapper
					walk(path)
				} else {
					walk(append(path, name))
				}
				continue
			}
			if note := remark(p); note != "" && len(all) < maxMarks {
				all = append(all, event.Mark{Path: cutPath(strings.Join(path, ".")), Note: note})
			}
		}
	}
	walk(nil)
	return all
}

func cutPath(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// remark reads {"len": characters, "rem": [[rule, kind, from, to], …], "err": […]}.
func remark(p *jsonpull.Parser) string {
	length := ""
	var notes []string
	for name := range p.Object() {
		switch name {
		case "len":
			length, _ = p.Number()
		case "rem":
			for range p.Array() {
				rule, kind := "", ""
				for i := range p.Array() {
					switch i {
					case 0:
						rule, _ = p.String()
					case 1:
						kind, _ = p.String()
					}
				}
				notes = append(notes, removal(rule, kind))
			}
		case "err":
			for range p.Array() {
				if s, ok := p.String(); ok {
					notes = append(notes, "by the SDK: "+s)
				}
				for i := range p.Array() {
					if s, ok := p.String(); ok && i == 0 {
						notes = append(notes, "by the SDK: "+s)
					}
				}
			}
		}
	}
	if length != "" {
		notes = append(notes, fmt.Sprintf("%.20s in all", length))
	}
	note := strings.Join(notes, ", ")
	if len(note) > 200 {
		note = strings.ToValidUTF8(note[:200], "") + "…"
	}
	return note
}

// removal says in words what a rule of the SDK or of a relay did.
func removal(rule, kind string) string {
	if rule == "!limit" {
		return "cut by the SDK"
	}
	switch kind {
	case "x":
		return "removed by the SDK"
	case "s", "m", "p":
		return "masked by the SDK: " + rule
	}
	return "changed by the SDK: " + rule
}
