package webui

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// funcs are what templates can call beside the built-in ones.
func (u *UI) funcs() template.FuncMap {
	return template.FuncMap{
		"path":     func(p string, args ...any) string { return u.Path(fmt.Sprintf(p, args...)) },
		"asset":    func(name string) (string, error) { return u.assets.url(name) },
		"iconPath": iconPath,
		"holds":    u.assets.holds,
		"isCSS":    func(name string) bool { return strings.HasSuffix(name, ".css") },
		"ago":      func(t time.Time) string { return Ago(t, u.opts.Now()) },
		"iso":      ISO,
		"utc":      UTC,
		"number":   Number,
		"short":    Short,
		"bytes":    Bytes,
		"plural":   Plural,
		"plural64": func(n int, one, many string) string { return Plural(int64(n), one, many) },
		"line":     Line,
		"clip":     Clip,
		"weburl":   WebURL,
		"badge":    NewBadge,
		"props":    props,
		"refreshs": func() []RefreshChoice { return RefreshChoices },
		"ranges":   func() []RangeChoice { return RangeChoices },
	}
}

// props makes a map of its arguments, names and values in turn, so that a
// partial can take more than one.
func props(args ...any) (map[string]any, error) {
	if len(args)%2 != 0 {
		return nil, fmt.Errorf("props wants pairs, got %d arguments", len(args))
	}
	m := make(map[string]any, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok {
			return nil, fmt.Errorf("props wants names, got %v", args[i])
		}
		m[name] = args[i+1]
	}
	return m, nil
}
