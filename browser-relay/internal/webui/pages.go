// Package webui is the web pages of the browser relay: the keys of pages and how
// to use them, what came in and what was refused, and the source maps. They work
// without JavaScript; every state of a page is in its address.
package webui

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

//go:embed templates/*.html static
var files embed.FS

// Guard lets people in; [auth.Guard] is one.
type Guard interface {
	Page(next http.Handler) http.Handler
	SignIn() http.Handler
	SignOut() http.Handler
}

// Intake is what the test of a key needs; *relay.Service is one.
type Intake interface {
	Report(ctx context.Context, k relay.Key, e relay.Event) (relay.Answer, error)
}

// Options are what the pages are built from. Symbolicator may be nil.
type Options struct {
	Keys         *relay.Keyring
	Traffic      *relay.Traffic
	Spool        *relay.Spool
	Courier      *relay.Courier
	Intake       Intake
	Maps         relay.MapStore
	Recent       relay.RecentStore
	Symbolicator relay.Symbolicator

	Limits       Limits
	GlobalOrigin relay.Origins // CORS_ORIGINS
	Database     string        // path of the file, for its size in the footer
	BasePath     string        // "" or "/browser-relay"; something before the pages strips it
	PublicURL    string        // where web pages reach the service
	Script       Script        // the SDK that the relay serves
	Version      string
	Services     []webui.Service // for the navigation, see [webui.Services]
	Status       *status.Status  // of the page of that name; nil leaves it out
	ErrorTracker string          // public URL of the error tracker, "" if not known
	Log          *slog.Logger
	Now          func() time.Time // nil is time.Now
}

// Script is the browser SDK for a script tag: its path below PublicURL, and the
// value of the attribute integrity.
type Script struct{ Path, Integrity string }

// Limits are those that the pages name.
type Limits struct {
	PerClient, PerKey int // requests per minute
	Retention         time.Duration
	SpoolAge          time.Duration
}

// Pages are the web pages of the browser relay.
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
		Service: "browser-relay", Version: o.Version, BasePath: o.BasePath, Services: o.Services,
		Sections: []webui.Section{{Path: "/", Label: "Keys"}, {Path: "/traffic", Label: "Traffic"}, {Path: "/source-maps", Label: "Source maps"}},
		Search:   "Search keys and maps", KeySetting: "ADMIN_API_KEY",
		Pages: templates, Assets: static, Storage: p.storage, Log: o.Log, Now: o.Now,
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
		page("/", p.keys)
		page("/index.html", p.keys)
		page("/keys/{id}", p.key)
		page("/traffic", p.traffic)
		page("/source-maps", p.sourceMaps)
		if p.opts.Status != nil {
			page("/status", status.Page(p.ui, p.opts.Status))
		}
		r.Post("/keys", p.ui.Handle(p.createKey))
		r.Post("/keys/{id}", p.ui.Handle(p.changeKey))
		r.Post("/source-maps/{id}/delete", p.ui.Handle(p.deleteMap))
	})
}

func get(r chi.Router, path string, h http.Handler) { r.Method(http.MethodGet, path, h) }

// assets of every page; those of details add copying and menus.
var assets = []string{"detail.css", "form.css", "relay.css", "detail.js"}

// liveAssets are those of pages with parts that load anew.
var liveAssets = append([]string{"refresh.js"}, assets...)

// form reads a posted form.
func form(r *http.Request) error {
	err := r.ParseForm()
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "the form is not readable")
	}
	return nil
}

// maxSearch is the limit of the text that is looked for in keys and source maps, in
// characters, as the fields for it count.
const maxSearch = 1000

// searchOf is the text that is looked for, "" for none.
func searchOf(r *http.Request) (string, error) {
	text := strings.TrimSpace(r.URL.Query().Get("search"))
	if n := utf8.RuneCountInString(text); n > maxSearch {
		return "", errs.New(errs.Invalid, "search has %d characters, the limit is %d", n, maxSearch)
	}
	return text, nil
}

// done goes to a page with a message.
func (p *Pages) done(w http.ResponseWriter, r *http.Request, path string, f webui.Flash) error {
	p.ui.Flash(w, f)
	http.Redirect(w, r, p.ui.Path(path), http.StatusSeeOther)
	return nil
}
