package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed layout.html
var layoutText string

//go:embed style.css
var style []byte

var layout = template.Must(template.New("layout").Parse(layoutText))

// repository is where files are shown that are no pages of the site.
const repository = "https://github.com/monlight/monlight/blob/main/"

// site is what pages are made from.
type site struct {
	root, bin, out string
	chapters       []chapter
	pages          map[string]string // by source: the address
}

// page is what the layout shows.
type page struct {
	Title    string
	Base     string // "" or "../"
	Here     string
	Chapters []chapter
	Body     template.HTML
}

// URL is the address of another page, for the layout.
func (p page) URL(e entry) string { return p.Base + e.out() }

// Current tells whether e is this page.
func (p page) Current(e entry) bool { return e.out() == p.Here }

// build writes the whole site and returns the number of its pages.
func build(root, bin, out string) (int, error) {
	s := &site{root: root, bin: bin, out: out, pages: map[string]string{}}
	s.list(contents...)
	more, err := others(root, s.pages)
	if err != nil {
		return 0, err
	}
	if more.Pages != nil {
		s.list(more)
	}
	n := 0
	for _, c := range s.chapters {
		for _, e := range c.Pages {
			body, err := s.body(e)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", e.out(), err)
			}
			if err := s.write(e, body); err != nil {
				return 0, err
			}
			n++
		}
	}
	if err := s.save("style.css", style); err != nil {
		return 0, err
	}
	if err := s.save("llm.txt", s.llm()); err != nil {
		return 0, err
	}
	return n, s.copyFiles()
}

// list adds chapters to the site.
func (s *site) list(chapters ...chapter) {
	for _, c := range chapters {
		s.chapters = append(s.chapters, c)
		for _, e := range c.Pages {
			if e.Source != "" {
				s.pages[e.Source] = e.out()
			}
		}
	}
}

// others are the files in docs/ that have no place in the navigation.
func others(root string, known map[string]string) (chapter, error) {
	more := chapter{Title: "More"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".md" {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || known[filepath.ToSlash(rel)] != "" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		more.Pages = append(more.Pages, entry{Source: filepath.ToSlash(rel), Title: title, About: title + "."})
		return nil
	})
	return more, err
}

func (s *site) body(e entry) ([]byte, error) {
	switch {
	case e.Made == "settings":
		return s.settings()
	case e.Made != "":
		return s.reference(strings.TrimPrefix(e.Made, "api:"))
	}
	source, err := os.ReadFile(filepath.Join(s.root, e.Source))
	if err != nil {
		return nil, err
	}
	return s.markdown(e, source)
}

// markdown makes HTML, with links to other files of the repository turned into
// links to their pages.
func (s *site) markdown(e entry, source []byte) ([]byte, error) {
	links := util.Prioritized(linkRewriter{s, e}, 100)
	md := goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(links)),
		goldmark.WithRendererOptions(html.WithUnsafe()), // the files are ours; the tables of settings have comments
	)
	var b bytes.Buffer
	if err := md.Convert(source, &b, parser.WithContext(parser.NewContext(parser.WithIDs(ids{})))); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// linkRewriter points links of Markdown at the pages of the site.
type linkRewriter struct {
	site *site
	page entry
}

// Transform implements parser.ASTTransformer.
func (l linkRewriter) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch n := n.(type) {
			case *ast.Link:
				n.Destination = []byte(l.site.target(l.page, string(n.Destination)))
			case *ast.Image:
				n.Destination = []byte(l.site.target(l.page, string(n.Destination)))
			}
		}
		return ast.WalkContinue, nil
	})
}

// target is where a link of a page's source leads on the site.
func (s *site) target(e entry, link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Path == "" {
		return link
	}
	file := path.Join(path.Dir(e.Source), u.Path)
	fragment := ""
	if u.Fragment != "" {
		fragment = "#" + u.Fragment
	}
	if to, ok := s.pages[file]; ok {
		return relative(e.out(), to) + fragment
	}
	if strings.HasPrefix(file, "docs/") && filepath.Ext(file) != ".md" {
		return relative(e.out(), strings.TrimPrefix(file, "docs/")) + fragment
	}
	return repository + file + fragment
}

// relative is the way from one page to a file of the site.
func relative(from, to string) string {
	return strings.Repeat("../", strings.Count(from, "/")) + to
}

// htmlPath is the address of a Markdown file's page.
func htmlPath(source string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(source, "docs/"), ".md")) + ".html"
}

func (s *site) write(e entry, body []byte) error {
	var b bytes.Buffer
	err := layout.Execute(&b, page{
		Title: e.Title, Base: strings.Repeat("../", strings.Count(e.out(), "/")), Here: e.out(), Chapters: s.chapters,
		Body: template.HTML(body), //nolint:gosec // made from our own files
	})
	if err != nil {
		return err
	}
	return s.save(e.out(), b.Bytes())
}

func (s *site) save(name string, b []byte) error {
	to := filepath.Join(s.out, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// copyFiles copies pictures, diagrams and OpenAPI documents.
func (s *site) copyFiles() error {
	from := filepath.Join(s.root, "docs")
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".webp", ".svg", ".json"}, filepath.Ext(name)) {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		return errors.Join(err, s.save(rel, b))
	})
}

// llm is a map of the site for programs that read.
func (s *site) llm() []byte {
	var b strings.Builder
	b.WriteString("# Monlight\n\n> Light, self-hosted monitoring for small teams: errors, logs, metrics and a relay for browsers, each one static binary with its database inside.\n")
	for _, c := range s.chapters {
		fmt.Fprintf(&b, "\n## %s\n\n", c.Title)
		for _, e := range c.Pages {
			fmt.Fprintf(&b, "- [%s](%s): %s\n", e.Title, e.out(), e.About)
		}
	}
	b.WriteString("\n## For programs\n\n")
	for _, service := range services {
		fmt.Fprintf(&b, "- [OpenAPI document of %s](api/%s.openapi.json)\n", service, service)
	}
	return []byte(b.String())
}
