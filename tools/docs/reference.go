package main

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openAPI is what is shown of an OpenAPI document.
type openAPI struct {
	Info struct {
		Title       string `json:"title"`
		Description string `json:"description"`
	} `json:"info"`
	Paths map[string]map[string]operation `json:"paths"`
}

type operation struct {
	Summary    string `json:"summary"`
	Parameters []struct {
		Name     string         `json:"name"`
		In       string         `json:"in"`
		Required bool           `json:"required"`
		Schema   map[string]any `json:"schema"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]json.RawMessage `json:"content"`
	} `json:"requestBody"`
	Responses map[string]json.RawMessage `json:"responses"`
	Security  *[]json.RawMessage         `json:"security"`
}

// reference makes the page of a service's routes.
func (s *site) reference(service string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.root, "docs", "api", service+".openapi.json"))
	if err != nil {
		return nil, err
	}
	var doc openAPI
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<h1>%s: reference</h1>\n<p>%s</p>\n<p><a href=\"%s.openapi.json\">The document itself</a> is for clients and tools. <a href=\"%s.html\">The guide</a> has examples.</p>\n",
		html.EscapeString(doc.Info.Title), html.EscapeString(doc.Info.Description), service, service)
	b.WriteString("<table class=\"routes\"><thead><tr><th>route</th><th>parameters and body</th><th>answers</th></tr></thead><tbody>\n")
	for _, path := range sorted(doc.Paths) {
		for _, method := range sorted(doc.Paths[path]) {
			op := doc.Paths[path][method]
			fmt.Fprintf(&b, "<tr><td><code><b>%s</b> %s</code><br>%s%s</td><td>%s</td><td>%s</td></tr>\n", strings.ToUpper(method), html.EscapeString(path),
				html.EscapeString(op.Summary), op.openly(), op.takes(), strings.Join(sorted(op.Responses), ", "))
		}
	}
	b.WriteString("</tbody></table>\n")
	return []byte(b.String()), nil
}

func (o operation) openly() string {
	if o.Security != nil && len(*o.Security) == 0 {
		return " <small>(without the API key)</small>"
	}
	return ""
}

// takes lists the parameters and the kinds of bodies.
func (o operation) takes() string {
	var parts []string
	for _, p := range o.Parameters {
		if p.In == "path" {
			continue
		}
		text := "<code>" + html.EscapeString(p.Name) + "</code>"
		if p.In == "header" {
			text += " (header)"
		}
		if p.Required {
			text += " (required)"
		}
		parts = append(parts, text)
	}
	if o.RequestBody != nil {
		for _, kind := range sorted(o.RequestBody.Content) {
			parts = append(parts, "body: "+html.EscapeString(kind))
		}
	}
	return strings.Join(parts, ", ")
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
