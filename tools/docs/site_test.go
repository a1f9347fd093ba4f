package main

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linkIn   = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	anchorIn = regexp.MustCompile(`\sid="([^"]+)"`)
)

// TestTheSiteIsWhole builds the site and follows every link in it that stays
// inside, with its anchor.
func TestTheSiteIsWhole(t *testing.T) {
	bin := os.Getenv("MONLIGHT_BIN")
	if bin == "" {
		bin = "../../bin"
	}
	out := t.TempDir()
	n, err := build("../..", bin, out)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	anchors := map[string]map[string]bool{}
	err = filepath.Walk(out, func(name string, info os.FileInfo, err error) error {
		if err != nil || filepath.Ext(name) != ".html" {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(out, name)
		if err != nil {
			return err
		}
		pages[rel], anchors[rel] = string(b), map[string]bool{}
		for _, m := range anchorIn.FindAllStringSubmatch(string(b), -1) {
			anchors[rel][m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) != n || n < 25 {
		t.Errorf("%d files for %d pages", len(pages), n)
	}
	followed := 0
	for from, text := range pages {
		for _, m := range linkIn.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			if err != nil {
				t.Errorf("%s: %s: %v", from, m[1], err)
				continue
			}
			if strings.HasPrefix(m[1], repository) {
				file := strings.TrimPrefix(u.Path, "/monlight/monlight/blob/main/")
				if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
					t.Errorf("%s leads to %s, which the repository does not have", from, file)
				}
				continue
			}
			if u.Scheme != "" {
				continue
			}
			followed++
			to := from
			if u.Path != "" {
				to = path.Join(path.Dir(from), u.Path)
			}
			if _, err := os.Stat(filepath.Join(out, to)); err != nil {
				t.Errorf("%s leads to %s, which is not there", from, m[1])
			} else if u.Fragment != "" && !anchors[to][u.Fragment] {
				t.Errorf("%s leads to %s, which has no such place", from, m[1])
			}
		}
	}
	if followed < 500 {
		t.Errorf("only %d links were followed", followed)
	}
	text, err := os.ReadFile(filepath.Join(out, "configuration.html"))
	if err != nil || !strings.Contains(string(text), "KEEP_OCCURRENCES") || !strings.Contains(string(text), "SPOOL_MAX_BYTES") {
		t.Errorf("the page of settings lacks some: %v", err)
	}
	reference := pages[filepath.Join("api", "error-tracker-reference.html")]
	for _, want := range []string{`<h3 id="schema-issue">Issue</h3>`, `<td><code>exception_type</code></td><td>text</td><td>always</td>`, `<a href="#schema-issuelist">IssueList</a>`, `<td id="error-429">429</td>`} {
		if !strings.Contains(reference, want) {
			t.Errorf("the reference of the error tracker lacks %s", want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(out, "llm.txt")); err != nil || !strings.Contains(string(text), "getting-started.html") {
		t.Errorf("llm.txt: %v", err)
	}
}
