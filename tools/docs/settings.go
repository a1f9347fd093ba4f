package main

import (
	"context"
	"fmt"
	"html"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// settingRow is a line of --help: name, default, meaning.
var settingRow = regexp.MustCompile(`(?m)^  ([A-Z][A-Z0-9_]+(?: or [A-Z0-9_]+)?)\s{2,}(\S+)\s{2,}(\S.*)$`)

// fewestSettings is less than any service has: fewer means that the form of --help
// has changed.
const fewestSettings = 10

// settings makes the page of all settings from what the programs print.
func (s *site) settings() ([]byte, error) {
	var b strings.Builder
	b.WriteString("<h1>Configuration</h1>\n<p>Every setting is an environment variable; <code>--help</code> of each program prints these tables, and " +
		"<code>--check-config</code> says everything that is wrong with what is set.</p>\n")
	for _, service := range services {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		help, err := exec.CommandContext(ctx, filepath.Join(s.bin, service), "--help").Output()
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s --help: %w", service, err)
		}
		rows := settingRow.FindAllStringSubmatch(string(help), -1)
		if len(rows) < fewestSettings {
			return nil, fmt.Errorf("%s --help shows only %d settings", service, len(rows))
		}
		fmt.Fprintf(&b, "<h2 id=%q>%s</h2>\n<table><thead><tr><th>variable</th><th>default</th><th>meaning</th></tr></thead><tbody>\n", service, service)
		for _, r := range rows {
			value := "<code>" + html.EscapeString(r[2]) + "</code>"
			switch r[2] {
			case "-":
				value = ""
			case "(required)":
				value = "required"
			}
			fmt.Fprintf(&b, "<tr><td><code>%s</code></td><td>%s</td><td>%s</td></tr>\n", html.EscapeString(r[1]), value, html.EscapeString(r[3]))
		}
		b.WriteString("</tbody></table>\n")
	}
	return []byte(b.String()), nil
}
