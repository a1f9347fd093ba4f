// Package webui is the look and behaviour that the web pages of all services
// share: the layout with its navigation, the style sheet and the small script,
// and the helpers that turn domain values into what people read.
//
// Pages are html/template and work without JavaScript; the script adds to
// them. Nothing is inline and nothing comes from another origin, so the
// pages run under [ContentSecurityPolicy]. Text from outside is only ever text.
package webui

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"embed"
)

//go:embed static templates
var files embed.FS

// ContentSecurityPolicy is the policy the pages are made for. A page is sent
// with it unless a middleware has set one before.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// Options describe a service to its pages.
type Options struct {
	Service  string    // the service's name: "error-tracker"
	Version  string    // shown in the footer
	BasePath string    // path prefix under which a proxy publishes the service: "" or "/errors"
	Services []Service // the navigation between services; those without URL are not shown
	Sections []Section // the navigation within the service

	// Pages holds the service's templates. Each *.html that does not start
	// with an underscore is a page and defines "content"; the others hold
	// partials for all of them.
	Pages fs.FS
	// Joined are sheets and scripts of several files, by a name that pages give in
	// [Page.Assets]: "issue-all.css". app.css, or core.js, is the first part of each,
	// and a page that names one does without those. One file is smaller than its
	// parts, so this is for pages that people come to first.
	Joined map[string][]string
	// Assets holds *.css, *.js and *.svg of the service, which pages name in
	// [Page.Assets]. May be nil.
	Assets fs.FS
	// Funcs are added to the template functions. May be nil.
	Funcs template.FuncMap
	// Search is offered where an address does not exist: the label of a field whose
	// text becomes the parameter "search" of the page at SearchPath. "" offers none.
	Search     string
	SearchPath string // without the base path; "" is the first page
	// KeySetting is the setting whose value is typed in to sign in; "" is API_KEY.
	KeySetting string
	// Storage tells the bytes on disk for the footer. May be nil.
	Storage func(ctx context.Context) (int64, error)

	Log *slog.Logger
	Now func() time.Time
}

// Service is one of the product's services in the navigation.
type Service struct {
	Name  string // "error-tracker"
	Label string // "Errors"
	URL   string // absolute, or a path on this host; "" when it is not installed
}

// Section is a part of the service in the navigation.
type Section struct {
	Path  string // without the base path
	Label string
}

// UI renders pages. It is safe for concurrent use.
type UI struct {
	opts    Options
	pages   map[string]*template.Template
	assets  *assets
	flashes flashes
}

// New parses the templates and packs the assets. It fails only for mistakes in
// the embedded files or in BasePath, so an error is one of the program.
func New(o Options) (*UI, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.BasePath = strings.TrimRight(o.BasePath, "/")
	if o.BasePath != "" && !isLocal(o.BasePath) {
		return nil, fmt.Errorf("base path %q is not a path from the root of a site", o.BasePath)
	}
	u := &UI{opts: o, flashes: flashes{now: o.Now}}
	var err error
	if u.assets, err = packAssets(u.Path("/assets/"), files, o.Assets, o.Joined); err != nil {
		return nil, err
	}
	if u.pages, err = u.parse(); err != nil {
		return nil, err
	}
	return u, nil
}

// parse makes a template set of its own for each page: the shared templates,
// the service's partials and the page.
func (u *UI) parse() (map[string]*template.Template, error) {
	base, err := template.New("").Funcs(u.funcs()).Funcs(u.opts.Funcs).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse shared templates: %w", err)
	}
	if u.opts.Pages != nil {
		if partials, _ := fs.Glob(u.opts.Pages, "_*.html"); len(partials) > 0 {
			if base, err = base.ParseFS(u.opts.Pages, partials...); err != nil {
				return nil, fmt.Errorf("parse partials: %w", err)
			}
		}
	}
	pages := map[string]*template.Template{}
	add := func(from fs.FS, pattern string) error {
		names, err := fs.Glob(from, pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			short := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".html")
			if strings.HasPrefix(short, "_") {
				continue
			}
			t, err := base.Clone()
			if err == nil {
				t, err = t.ParseFS(from, name)
			}
			if err == nil {
				err = check(t)
			}
			if err != nil {
				return fmt.Errorf("parse page %s: %w", name, err)
			}
			pages[short] = t
		}
		return nil
	}
	if err := add(files, "templates/pages/*.html"); err != nil {
		return nil, err
	}
	if u.opts.Pages != nil {
		if err := add(u.opts.Pages, "*.html"); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// check has t escaped, which html/template does when it is first executed, so
// that a mistake in a template stops the start and not a request. Without data
// the execution itself fails soon, and that is no matter.
func check(t *template.Template) error {
	if t.Lookup("content") == nil {
		return errors.New("it defines no content")
	}
	for _, each := range t.Templates() {
		if each.Tree != nil {
			for _, m := range iconNamed.FindAllStringSubmatch(each.Tree.Root.String(), -1) {
				if _, err := iconPath(m[1]); err != nil {
					return err
				}
			}
		}
		if name := each.Name(); name != "layout" && !strings.HasPrefix(name, "fragment-") {
			continue
		}
		err := each.Execute(io.Discard, nil)
		if e, ok := errors.AsType[*template.Error](err); ok {
			return e
		}
	}
	return nil
}

// Path puts the base path before p, which starts with a slash.
func (u *UI) Path(p string) string { return u.opts.BasePath + p }

// BackPath is a form's or a query's path to return to when it is a path of this
// site below the base path, else fallback (which is without the base path).
func (u *UI) BackPath(path, fallback string) string {
	if !isLocal(path) || (u.opts.BasePath != "" && path != u.opts.BasePath && !strings.HasPrefix(path, u.opts.BasePath+"/")) {
		return u.Path(fallback)
	}
	return path
}

// isLocal tells whether a browser takes p for a path of the same site:
// "//host", "/\host" and anything with control characters are not.
func isLocal(p string) bool {
	if len(p) == 0 || len(p) > 4096 || p[0] != '/' || strings.HasPrefix(p, "//") {
		return false
	}
	for i := range len(p) {
		if p[i] < ' ' || p[i] == 0x7f || p[i] == '\\' {
			return false
		}
	}
	u, err := url.Parse(p)
	// A browser would walk out of the base path by "..", escaped or not.
	return err == nil && u.Host == "" && u.Scheme == "" && !strings.Contains(u.Path+"/", "/../")
}

// Services is the navigation of the product: the public URL of each service,
// "" for those that are not installed.
func Services(errorTracker, logViewer, metricsCollector, browserRelay string) []Service {
	return []Service{
		{Name: "error-tracker", Label: "Errors", URL: errorTracker},
		{Name: "log-viewer", Label: "Logs", URL: logViewer},
		{Name: "metrics-collector", Label: "Metrics", URL: metricsCollector},
		{Name: "browser-relay", Label: "Browser", URL: browserRelay},
	}
}
