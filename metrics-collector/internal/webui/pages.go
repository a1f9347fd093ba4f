// Package webui is the web pages of the metrics collector: an overview that
// needs no configuration, the explorer, saved dashboards, and where the series
// come from. Pages work without JavaScript, which adds the charts to their
// tables; every state of a page is in its address.
package webui

import (
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

//go:embed templates/*.html static
var files embed.FS

// Collector is what the pages need of the domain; *metrics.Service is one.
type Collector interface {
	Query(ctx context.Context, q metrics.Query) (*metrics.Result, error)
	Names(project string) []metrics.MetricName
	Projects() []string
	Labels(name, project string, values int) []metrics.LabelCardinality
	Cardinality(project, part string, top int) metrics.Cardinality
	Totals(ctx context.Context, project string, p metrics.Period) ([]metrics.Total, error)
	HTTP(ctx context.Context, project string, p metrics.Period) (*metrics.HTTP, error)
	WebVitals(ctx context.Context, project string, p metrics.Period) (*metrics.WebVitals, error)
}

// Guard lets people in; [auth.Guard] is one.
type Guard interface {
	Page(next http.Handler) http.Handler
	SignIn() http.Handler
	SignOut() http.Handler
}

// Retention is how long each tier is kept, for the pages to say.
type Retention struct{ Raw, Minute, Hour time.Duration }

// Options are what the pages are built from.
type Options struct {
	Collector  Collector
	Dashboards metrics.DashboardStore
	Marks      Marks // nil knows none
	Retention  Retention
	Database   string // path of the file, for its size in the footer
	BasePath   string // "" or "/metrics-collector"; something before the pages strips it
	PublicURL  string // where clients reach the service
	Version    string
	Services   []webui.Service // for the navigation, see [webui.Services]
	Status     *status.Status  // of the page of that name; nil leaves it out
	Log        *slog.Logger
	Now        func() time.Time // nil is time.Now
}

// Pages are the web pages of the metrics collector.
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
		Service:  "metrics-collector",
		Version:  o.Version,
		BasePath: o.BasePath,
		Services: o.Services,
		Sections: []webui.Section{{Path: "/", Label: "Overview"}, {Path: "/explore", Label: "Explore"},
			{Path: "/dashboards", Label: "Dashboards"}, {Path: "/cardinality", Label: "Cardinality"}},
		Pages:  templates,
		Assets: static,
		Search: "Search metrics", SearchPath: "/explore",
		Funcs: template.FuncMap{"value": Value, "percent": percent, "span": metrics.Span, "number64": func(n uint64) string { return webui.Number(int64(min(n, 1<<62))) },
			"share": share, "share2": func(a, b float64) string { return share(a + b) }},
		Storage: p.storage,
		Log:     o.Log,
		Now:     o.Now,
	})
	return p, err
}

// storage is the size of the database and its log.
func (p *Pages) storage(context.Context) (int64, error) {
	total := int64(0)
	for _, suffix := range []string{"", "-wal"} {
		if fi, err := os.Stat(p.opts.Database + suffix); err == nil {
			total += fi.Size()
		}
	}
	return total, nil
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
		page("/", p.overview)
		page("/index.html", p.overview)
		page("/overview.csv", p.overviewCSV)
		page("/explore", p.explore)
		page("/explore.csv", p.exploreCSV)
		page("/dashboards", p.dashboards)
		page("/dashboards/{slug}", p.dashboard)
		page("/dashboards/{slug}/export", p.exportDashboard)
		page("/cardinality", p.cardinality)
		if p.opts.Status != nil {
			page("/status", status.Page(p.ui, p.opts.Status))
		}
		r.Post("/dashboards", p.ui.Handle(p.createDashboard))
		r.Post("/dashboards/{slug}", p.ui.Handle(p.changeDashboard))
	})
}

func get(r chi.Router, path string, h http.Handler) {
	r.Method(http.MethodGet, path, h)
}

// assets of the pages with charts.
var chartAssets = []string{"metrics.css", "refresh.js", "uplot.css", "uplot.js", "chart.js"}

// exploreAssets are those of the explorer: charts, and something to copy.
var exploreAssets = append([]string{"detail.js"}, chartAssets...)

// plainAssets are those of the pages without.
var plainAssets = []string{"metrics.css"}
