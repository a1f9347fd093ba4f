// Package webui is the web pages of the log viewer: the explorer, the live
// stream, one entry with what stands around it, and the containers. Pages work
// without JavaScript, which adds the list that scrolls through everything, the
// drawer and the live stream; every state of a page is in its address.
package webui

import (
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

//go:embed templates/*.html static
var files embed.FS

// Logs is what the pages need of the domain; *logs.Service is one.
type Logs interface {
	Search(ctx context.Context, q logs.Query) (logs.Page, error)
	Entry(ctx context.Context, id int64) (logs.Entry, error)
	Around(ctx context.Context, id int64, f logs.Filter, before, after int) ([]logs.Entry, error)
	Histogram(ctx context.Context, f logs.Filter, b logs.Buckets) (logs.Histogram, error)
	Facets(ctx context.Context, f logs.Filter) (logs.Facets, error)
	Sources(ctx context.Context) ([]logs.SourceStats, error)
	Stats(ctx context.Context) (logs.Stats, error)
	Live() logs.Live
}

// Guard lets people in; [auth.Guard] is one.
type Guard interface {
	Page(next http.Handler) http.Handler
	SignIn() http.Handler
	SignOut() http.Handler
}

// Retention is how much is kept, for the pages to say.
type Retention struct {
	Entries int64
	Bytes   int64 // 0 is no limit
	Age     time.Duration
}

// Reading is how the reading of containers goes, for the page of containers.
type Reading struct {
	Error   string // why their folder cannot be read; "" when it can
	Paused  string // why nothing is taken in at the moment; "" when it is
	Behind  int64  // bytes that were not read yet
	Sources []SourceState
}

// SourceState is how the reading of one container goes.
type SourceState struct {
	ID      string // of the container
	Name    string
	State   string // "reading", or what is the matter
	Problem bool
	Life    *logs.Lifecycle // nil when it is not known
}

// Options are what the pages are built from.
type Options struct {
	Logs       Logs
	Reading    func() Reading // nil when no containers are read
	Damaged    func() int64   // blocks and batches that could not be read and are left out; nil is none
	Containers []string       // the patterns of containers that are followed; none is all
	Folder     string         // where their logs are
	Retention  Retention
	BasePath   string // "" or "/log-viewer"; something before the pages strips it
	PublicURL  string // where clients reach the service; "" is where the reader did
	Version    string
	Services   []webui.Service // for the navigation, see [webui.Services]
	Status     *status.Status  // of the page of that name; nil leaves it out
	Log        *slog.Logger
	Now        func() time.Time // nil is time.Now
}

// Pages are the web pages of the log viewer.
type Pages struct {
	opts Options
	ui   *webui.UI
}

// New makes the pages. An error means that the program itself is wrong, or BasePath.
func New(o Options) (*Pages, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pages{opts: o}
	templates, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	p.ui, err = webui.New(webui.Options{
		Service:  "log-viewer",
		Version:  o.Version,
		BasePath: o.BasePath,
		Services: o.Services,
		Sections: []webui.Section{{Path: "/", Label: "Explore"}, {Path: "/live", Label: "Live tail"}, {Path: "/containers", Label: "Containers"}},
		Pages:    templates,
		Assets:   static,
		Funcs:    template.FuncMap{"clock": clock, "stamp": stamp},
		Storage:  p.storage,
		Search:   "Search logs",
		Log:      o.Log,
		Now:      o.Now,
	})
	return p, err
}

func (p *Pages) storage(ctx context.Context) (int64, error) {
	st, err := p.opts.Logs.Stats(ctx)
	return st.DiskBytes, err
}

// publicURL is where clients reach the service.
func (p *Pages) publicURL(r *http.Request) string {
	if p.opts.PublicURL != "" {
		return p.opts.PublicURL
	}
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host + p.opts.BasePath
}

// SignInPage shows the sign-in page, for [auth.Options].
func (p *Pages) SignInPage(w http.ResponseWriter, r *http.Request, page auth.SignInPage) {
	p.ui.SignIn(w, r, page)
}

// RefusalPage shows what a key cannot do, for [auth.Options].
func (p *Pages) RefusalPage(w http.ResponseWriter, r *http.Request, err error) { p.ui.Error(w, r, err) }

// NotFound answers with the page for an address that does not exist.
func (p *Pages) NotFound(w http.ResponseWriter, r *http.Request) { p.ui.NotFound(w, r) }

// Mount adds the pages to r. All but the assets and the sign-in form are behind
// guard.Page, which also refuses forms that were sent from other sites.
func (p *Pages) Mount(r chi.Router, guard Guard, body func(http.Handler) http.Handler) {
	get(r, "/assets/{name}", p.ui.Assets())
	get(r, "/favicon.ico", p.ui.Favicon())
	r.Method(http.MethodPost, "/sign-in", guard.SignIn())
	r.Method(http.MethodPost, "/sign-out", guard.SignOut())
	r.Group(func(r chi.Router) {
		r.Use(guard.Page, body)
		page := func(path string, f problem.HandlerFunc) { get(r, path, p.ui.Handle(f)) }
		page("/", p.explore)
		page("/index.html", p.explore)
		page("/live", p.live)
		page("/containers", p.containers)
		page("/logs/{id:[0-9]+}", p.entry)
		if p.opts.Status != nil {
			page("/status", status.Page(p.ui, p.opts.Status))
		}
	})
}

func get(r chi.Router, path string, h http.Handler) {
	r.Method(http.MethodGet, path, h)
}

// assets of the pages with lists of entries. The last script is the one that
// begins.
var (
	listAssets = []string{"detail.css", "logs.css", "list.css", "refresh.js", "detail.js", "clock.js", "lines.js", "history.js", "list.js", "find.js", "logs.js"}
	liveAssets = []string{"detail.css", "logs.css", "list.css", "detail.js", "clock.js", "lines.js", "history.js", "list.js", "find.js", "live.js", "logs.js"}
)
