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
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas   map[string]schema   `json:"schemas"`
		Responses map[string]response `json:"responses"`
	} `json:"components"`
}

type operation struct {
	Summary    string `json:"summary"`
	Parameters []struct {
		Name        string `json:"name"`
		In          string `json:"in"`
		Description string `json:"description"`
		Required    bool   `json:"required"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]response `json:"responses"`
	Security  *[]json.RawMessage  `json:"security"`
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
				html.EscapeString(op.Summary), op.openly(), op.takes(), op.answers())
		}
	}
	b.WriteString("</tbody></table>\n<h2 id=\"errors\">Errors</h2>\n<p>Each is a <a href=\"#schema-problem\">Problem</a>, 429 and 503 a <a href=\"#schema-retrylater\">RetryLater</a>.</p>\n" +
		"<table><thead><tr><th>status</th><th>when</th><th>headers</th></tr></thead><tbody>\n")
	for _, status := range sorted(doc.Components.Responses) {
		r := doc.Components.Responses[status]
		fmt.Fprintf(&b, "<tr><td id=\"error-%s\">%s</td><td>%s</td><td>%s</td></tr>\n", status, status, html.EscapeString(r.Description), html.EscapeString(strings.Join(sorted(r.Headers), ", ")))
	}
	b.WriteString("</tbody></table>\n<h2 id=\"schemas\">Schemas</h2>\n")
	for _, name := range sorted(doc.Components.Schemas) {
		if err := doc.Components.Schemas[name].section(&b, name); err != nil {
			return nil, fmt.Errorf("%s: schema %s: %w", service, name, err)
		}
	}
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
		if p.Description != "" {
			text += " <small>" + html.EscapeString(p.Description) + "</small>"
		}
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
			text := "body: "
			switch of := o.RequestBody.Content[kind].Schema; {
			case kind != "application/json":
				text += html.EscapeString(kind)
			case len(of.Properties) > 0:
				text += of.inline()
			default:
				text += of.kind()
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "<br>")
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
