package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
)

// schema is what is shown of a JSON schema.
type schema struct {
	Ref         string            `json:"$ref"`
	Type        any               `json:"type"` // a name or several
	Format      string            `json:"format"`
	Description string            `json:"description"`
	Properties  map[string]schema `json:"properties"`
	Required    []string          `json:"required"`
	Items       *schema           `json:"items"`
	Additional  json.RawMessage   `json:"additionalProperties"`
	Enum        []any             `json:"enum"`
	Const       any               `json:"const"`
	OneOf       []schema          `json:"oneOf"`
	AnyOf       []schema          `json:"anyOf"`
	Example     json.RawMessage   `json:"example"`
}

// response is an answer, or where it is described.
type response struct {
	Ref         string           `json:"$ref"`
	Description string           `json:"description"`
	Content     map[string]media `json:"content"`
	Headers     map[string]any   `json:"headers"`
}

type media struct {
	Schema schema `json:"schema"`
}

// refName is the last part of a reference.
func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// schemaID is the anchor of a schema on its page.
func schemaID(name string) string { return "schema-" + strings.ToLower(name) }

// kind says in HTML what a value is: a type, a link to a schema, or choices.
func (s schema) kind() string {
	if s.Ref != "" {
		name := refName(s.Ref)
		return fmt.Sprintf("<a href=\"#%s\">%s</a>", schemaID(name), html.EscapeString(name))
	}
	if s.Const != nil {
		return "<code>" + html.EscapeString(literal(s.Const)) + "</code>"
	}
	if len(s.Enum) > 0 {
		choices := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			choices[i] = "<code>" + html.EscapeString(literal(e)) + "</code>"
		}
		return strings.Join(choices, " ")
	}
	if several := append(append([]schema{}, s.OneOf...), s.AnyOf...); len(several) > 0 {
		kinds := make([]string, len(several))
		for i, one := range several {
			kinds[i] = one.kind()
		}
		return strings.Join(kinds, " or ")
	}
	if s.Items != nil {
		return "list of " + s.Items.kind()
	}
	if of := s.values(); of != nil && len(s.Properties) == 0 {
		return "object of " + of.kind()
	}
	return s.typeName()
}

func literal(v any) string {
	if text, ok := v.(string); ok && text != "" {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// values is the schema of members that have no name of their own.
func (s schema) values() *schema {
	var of schema
	if len(s.Additional) == 0 || s.Additional[0] != '{' || json.Unmarshal(s.Additional, &of) != nil {
		return nil
	}
	return &of
}

func (s schema) typeName() string {
	names := map[string]string{"integer": "whole number", "boolean": "true or false", "string": "text"}
	plain := func(v any) string {
		name := fmt.Sprint(v)
		if s.Format == "date-time" && name == "string" {
			return "time"
		}
		if other := names[name]; other != "" {
			return other
		}
		return name
	}
	switch t := s.Type.(type) {
	case string:
		return plain(t)
	case []any:
		all := make([]string, len(t))
		for i, v := range t {
			all[i] = plain(v)
		}
		return strings.Join(all, " or ")
	}
	return "any"
}

// rows lists the members of an object, those of an object within it below it.
func (s schema) rows(b *strings.Builder, prefix string) {
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	for _, name := range sorted(s.Properties) {
		p := s.Properties[name]
		presence := "always"
		if !required[name] {
			presence = "if any"
		}
		fmt.Fprintf(b, "<tr><td><code>%s</code></td><td>%s</td><td>%s</td><td>%s</td></tr>\n", html.EscapeString(prefix+name), p.kind(), presence, html.EscapeString(p.Description))
		switch {
		case len(p.Properties) > 0:
			p.rows(b, prefix+name+".")
		case p.Items != nil && len(p.Items.Properties) > 0:
			p.Items.rows(b, prefix+name+"[].")
		}
	}
}

// section is a schema with its members and an example.
func (s schema) section(b *strings.Builder, name string) error {
	fmt.Fprintf(b, "<h3 id=\"%s\">%s</h3>\n", schemaID(name), html.EscapeString(name))
	if s.Description != "" {
		fmt.Fprintf(b, "<p>%s</p>\n", html.EscapeString(s.Description))
	}
	if len(s.Properties) == 0 {
		fmt.Fprintf(b, "<p>%s</p>\n", s.kind())
	} else {
		b.WriteString("<table><thead><tr><th>member</th><th>what</th><th>given</th><th></th></tr></thead><tbody>\n")
		s.rows(b, "")
		b.WriteString("</tbody></table>\n")
	}
	if len(s.Example) > 0 {
		var text bytes.Buffer
		if err := json.Indent(&text, s.Example, "", "  "); err != nil {
			return err
		}
		fmt.Fprintf(b, "<pre><code>%s</code></pre>\n", html.EscapeString(text.String()))
	}
	return nil
}

// answers lists the answers of 2xx with what they are, and the statuses of errors.
func (o operation) answers() string {
	var parts, refused []string
	for _, status := range sorted(o.Responses) {
		r := o.Responses[status]
		if r.Ref != "" {
			refused = append(refused, fmt.Sprintf("<a href=\"#error-%s\">%s</a>", refName(r.Ref), html.EscapeString(status)))
			continue
		}
		text := "<b>" + html.EscapeString(status) + "</b> "
		for _, kind := range sorted(r.Content) {
			of := r.Content[kind].Schema
			what := of.kind()
			if len(of.Properties) > 0 {
				what = of.inline()
			}
			if kind != "application/json" {
				what = html.EscapeString(kind)
			}
			text += what + " "
		}
		parts = append(parts, strings.TrimSpace(text))
	}
	if len(refused) > 0 {
		parts = append(parts, "<small>errors: "+strings.Join(refused, " ")+"</small>")
	}
	return strings.Join(parts, "<br>")
}

// inline lists the members of a small object in a line.
func (s schema) inline() string {
	var parts []string
	for _, name := range sorted(s.Properties) {
		parts = append(parts, "<code>"+html.EscapeString(name)+"</code> "+s.Properties[name].kind())
	}
	return strings.Join(parts, ", ")
}
