package webui

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/shared/auth"
)

// FragmentHeader names the part of a page that a script asks for, and in the
// answer the part that it got. An answer without it is a whole page: the
// sign-in page after the session ended, usually.
const FragmentHeader = "X-Fragment"

// Cookies that keep the reader's choices. They belong to the host, so that a
// choice made in one service is good for all.
const (
	themeCookie = "monlight_theme"
	zoneCookie  = "monlight_zone"
)

// Page is what a handler gives to [UI.Render].
type Page struct {
	Name    string        // the template: "issues" for issues.html
	Title   string        // of the document; the service's name is added
	Assets  []string      // style sheets and scripts beside the ones of every page: "detail.css", "detail.js"
	Section string        // Path of the current Section
	Refresh time.Duration // for readers without JavaScript, who want the page anew that often; 0 is never
	Keys    []Key         // the page's keyboard shortcuts, for the help dialog
	Window  Window        // the time that the page shows, which the navigation carries to the other services
	Plain   bool          // neither navigation within the service nor account controls: the sign-in page
	Data    any
}

// Key is a keyboard shortcut.
type Key struct {
	Keys string // "j", "Enter"
	Does string // "next issue"

	Changes bool // it changes something, so it is not there for who can only read
}

// View is the dot of the templates.
type View struct {
	Page
	Service  string
	Label    string
	Version  string
	Services []navItem
	Sections []navItem
	Theme    string // "light", "dark" or "" for the system's
	Zone     string // "utc" or "" for the browser's
	Storage  string
	Flash    *Flash
	Here     string // path and query of this page, for forms to come back to
	Now      time.Time
	ReadOnly bool // the reader can change nothing: forms and buttons for it are left out
}

type navItem struct {
	Label   string
	URL     string
	Current bool
}

// pooled buffers larger than this are left to the garbage collector.
const maxPooledBytes = 256 << 10

var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	zippers = sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(nil, 8) // fails for an unknown level only
		return z
	}}
)

// Render answers with the page, or with the one fragment of it that the request
// asks for. Nothing is written when it returns an error.
func (u *UI) Render(w http.ResponseWriter, r *http.Request, status int, p Page) error {
	t := u.pages[p.Name]
	if t == nil {
		return fmt.Errorf("no page %q", p.Name)
	}
	name, fragment := "layout", r.Header.Get(FragmentHeader)
	if fragment != "" && t.Lookup("fragment-"+fragment) != nil {
		name = "fragment-" + fragment
	} else {
		fragment = ""
	}
	v := u.view(r, p)
	if fragment == "" {
		v.Flash = u.flashes.take(w, r, u.flashCookie(), u.Path("/"))
		v.Storage = u.storage(r.Context())
	}
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	defer func() {
		if b.Cap() <= maxPooledBytes {
			buffers.Put(b)
		}
	}()
	if err := t.ExecuteTemplate(b, name, v); err != nil {
		return fmt.Errorf("render page %s: %w", p.Name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Encoding, "+FragmentHeader)
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", ContentSecurityPolicy)
	}
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	if fragment != "" {
		h.Set(FragmentHeader, fragment)
	}
	send(w, r, status, b)
	return nil
}

// send writes the body, compressed when the client takes gzip.
func send(w http.ResponseWriter, r *http.Request, status int, b *bytes.Buffer) {
	if b.Len() < 1024 || !acceptsGzip(r) {
		w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()) // the client left: nothing to do about it
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := zippers.Get().(*gzip.Writer)
	z.Reset(w)
	_, _ = z.Write(b.Bytes())
	_ = z.Close()
	zippers.Put(z)
}

// acceptsGzip reads Accept-Encoding as RFC 9110, section 12.5.3 says, as far
// as gzip is concerned.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

func (u *UI) view(r *http.Request, p Page) *View {
	v := &View{
		Page:    p,
		Service: u.opts.Service,
		Version: u.opts.Version,
		Theme:   choice(r, themeCookie, "light", "dark"),
		Zone:    choice(r, zoneCookie, "utc"),
		Here:    u.here(r),
		Now:     u.opts.Now(),

		ReadOnly: auth.ReadOnly(r),
	}
	for _, s := range u.opts.Services {
		current := s.Name == u.opts.Service
		if current {
			v.Label = s.Label
		}
		if s.URL == "" && !current {
			continue
		}
		if current {
			s.URL = u.Path("/")
		} else if _, timed := params[s.Name]; timed && !p.Window.IsZero() {
			s.URL = u.Link(s.Name, "/", p.Window)
		}
		v.Services = append(v.Services, navItem{Label: s.Label, URL: s.URL, Current: current})
	}
	if v.Label == "" {
		v.Label = u.opts.Service
	}
	if v.ReadOnly {
		v.Keys = slices.DeleteFunc(slices.Clone(v.Keys), func(k Key) bool { return k.Changes })
	}
	if !p.Plain {
		for _, s := range u.opts.Sections {
			v.Sections = append(v.Sections, navItem{Label: s.Label, URL: u.Path(s.Path), Current: s.Path == p.Section})
		}
	}
	return v
}

// here is where a form on the page returns to. A page that answers a POST
// has no address of its own.
func (u *UI) here(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return u.Path("/")
	}
	here := u.Path(r.URL.EscapedPath())
	if r.URL.RawQuery != "" {
		here += "?" + r.URL.RawQuery
	}
	return u.BackPath(here, "/")
}

func choice(r *http.Request, cookie string, allowed ...string) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	for _, a := range allowed {
		if c.Value == a {
			return a
		}
	}
	return ""
}

func (u *UI) storage(ctx context.Context) string {
	if u.opts.Storage == nil {
		return ""
	}
	n, err := u.opts.Storage(ctx)
	if err != nil || n <= 0 {
		return "" // the footer is no reason to fail a page
	}
	return Bytes(n)
}

// flashCookie carries the service's name, because cookies are shared by all
// ports of a host.
func (u *UI) flashCookie() string { return "monlight_flash_" + u.opts.Service }
