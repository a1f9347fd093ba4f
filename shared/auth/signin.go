package auth

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

const (
	// maxHeldBytes bounds a form that is kept until its sender has signed in again.
	maxHeldBytes = 64 << 10
	// maxHeldFields bounds what such a form takes when it is read: many times its bytes.
	maxHeldFields = 2000
	// maxHeldAtOnce bounds how many of them are in memory: whoever sends one need
	// not have the key.
	maxHeldAtOnce = 4
	// maxKeyFormBytes bounds the sign-in form without a kept one.
	maxKeyFormBytes = 8 << 10
	// maxFormBytes bounds the sign-in form, with a kept one in it that is encoded twice.
	maxFormBytes   = maxKeyFormBytes + 3*maxHeldBytes
	maxReturnBytes = 2 << 10

	heldRetry = time.Second // when there may be room for another one
)

// SignInPage is what a sign-in page shows: a form that posts the fields "key"
// and "return" to Action, and those of [Held] if there is one.
type SignInPage struct {
	Service    string
	Status     int           // the status to answer with
	Action     string        // path of the form, with the base path
	Return     string        // local path to go to afterwards; the value of field "return"
	WrongKey   bool          // the key was wrong
	RetryAfter time.Duration // > 0: too many tries, wait so long
	Ended      bool          // a form was sent and not obeyed, because its session had ended
	Held       *Held         // that form, or nil when it cannot be kept
	SignedIn   bool          // the key was right: nothing is left to do but to send Held again, or not
	ReadOnly   bool          // it can only read, so Held cannot be sent: the form is for the other key
	HasReadKey bool          // there is a key that can only read
}

// Held is a form that was sent when its session had ended. It is kept in the
// sign-in page, in the fields "held_action" and "held", and can be sent again after
// that.
type Held struct {
	Action string // path of the form, with the base path
	Fields url.Values
}

// Encoded is the value of the field "held".
func (h *Held) Encoded() string { return h.Fields.Encode() }

// SignIn handles POST /sign-in: the form fields key and return. A right key
// begins a session of its role and redirects with 303 to the return path, or to the start
// page when that is not a path of this service. A kept form is shown to be sent, or
// to be kept on until the other key is typed in, when that one can only read. Each client has 10 tries a
// minute; further ones are refused unread. One with a kept form in it gets 503 while
// others are being read.
func (g *Guard) SignIn() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.postFromHere(w, r); err != nil {
			problem.Write(w, r, err)
			return
		}
		ok, wait := g.signIns.Allow(clientip.Key(r))
		if !ok {
			g.showSignIn(w, r, SignInPage{Status: http.StatusTooManyRequests, RetryAfter: wait})
			return
		}
		limit := int64(maxKeyFormBytes)
		if r.ContentLength > maxKeyFormBytes {
			if !g.beginHolding() {
				problem.Write(w, r, errs.RetryIn(errs.Unavailable, heldRetry, "Too many forms are being kept, try again"))
				return
			}
			defer g.endHolding()
			limit = maxFormBytes
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if err := r.ParseForm(); err != nil {
			problem.Write(w, r, errs.Wrap(errs.Invalid, err, "form cannot be read, want at most %d bytes", limit))
			return
		}
		to := g.localPath(r.PostForm.Get("return"))
		held := g.held(r.PostForm.Get("held_action"), r.PostForm.Get("held"))
		as := g.roleOf(strings.TrimSpace(r.PostForm.Get("key")))
		if as == nil {
			g.showSignIn(w, r, SignInPage{Status: http.StatusUnauthorized, WrongKey: true, Return: to, Ended: held != nil, Held: held})
			return
		}
		g.setCookie(w, r, as, as.sessions.begin())
		if held != nil {
			g.showSignIn(w, r, SignInPage{Status: http.StatusOK, SignedIn: true, ReadOnly: as.readOnly, Return: to, Held: held})
			return
		}
		redirect(w, to)
	})
}

// beginHolding tells whether one more form may be kept; endHolding is called after
// that, when it is sent.
func (g *Guard) beginHolding() bool {
	select {
	case g.holding <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g *Guard) endHolding() { <-g.holding }

// showEnded shows the page for a form that was sent without a session. It leads
// back to where the form was, and keeps the form unless another site sent it, or
// too many are being kept.
func (g *Guard) showEnded(w http.ResponseWriter, r *http.Request) {
	p := SignInPage{Status: http.StatusUnauthorized, Return: g.options.BasePath + "/"}
	if r.Method != http.MethodPost || g.cross.Check(r) != nil {
		g.showSignIn(w, r, p)
		return
	}
	p.Ended = true
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		p.Return = from.RequestURI()
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) == "application/x-www-form-urlencoded" && g.beginHolding() {
		defer g.endHolding()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHeldBytes))
		if err == nil {
			p.Held = g.held(g.options.BasePath+r.URL.RequestURI(), string(body))
		}
	}
	g.showSignIn(w, r, p)
}

// held reads a form that is kept; nil when it is none, has too many fields, or
// goes elsewhere.
func (g *Guard) held(action, encoded string) *Held {
	if strings.Count(encoded, "&") >= maxHeldFields {
		return nil
	}
	fields, err := url.ParseQuery(encoded)
	if action == "" || err != nil || g.localPath(action) != action {
		return nil
	}
	return &Held{Action: action, Fields: fields}
}

// SignOut handles POST /sign-out: it ends the session and redirects with 303 to
// the start page.
func (g *Guard) SignOut() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.postFromHere(w, r); err != nil {
			problem.Write(w, r, err)
			return
		}
		if as, s := g.session(r); as != nil {
			as.sessions.revoke(s)
		}
		c := g.cookie(r)
		c.MaxAge = -1
		http.SetCookie(w, c)
		redirect(w, g.options.BasePath+"/")
	})
}

// postFromHere refuses what is not a POST of one of our own pages.
func (g *Guard) postFromHere(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return errs.New(errs.MethodNotAllowed, "Method not allowed")
	}
	if err := g.cross.Check(r); err != nil {
		return errs.Wrap(errs.Forbidden, err, "Cross-origin request refused")
	}
	return nil
}

func (g *Guard) showSignIn(w http.ResponseWriter, r *http.Request, p SignInPage) {
	p.Service = g.options.Service
	p.Action = g.options.BasePath + "/sign-in"
	p.Return = g.localPath(p.Return)
	p.HasReadKey = g.options.ReadKey.isSet()
	w.Header().Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(waitSeconds(p.RetryAfter)))
	}
	g.options.SignInPage(w, r, p)
}

// localPath returns s when a browser takes it for a path of this service, else
// the start page.
func (g *Guard) localPath(s string) string {
	start := g.options.BasePath + "/"
	switch {
	case len(s) > maxReturnBytes, !strings.HasPrefix(s, start), strings.HasPrefix(s, "//"):
		return start
	case strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f }):
		// Browsers read \ as / and drop tabs and newlines.
		return start
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return start
	}
	if strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./") {
		return start // a browser would walk out of the base path
	}
	if p := strings.TrimPrefix(u.Path, g.options.BasePath); p == "/sign-in" || p == "/sign-out" {
		return start
	}
	return s
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// plainSignInPage is the form without any style.
func plainSignInPage(w http.ResponseWriter, _ *http.Request, p SignInPage) {
	text := html.EscapeString
	hidden := func(name, value string) string {
		return `<input type="hidden" name="` + text(name) + `" value="` + text(value) + `">`
	}
	note, fields := "", hidden("return", p.Return)
	switch {
	case p.RetryAfter > 0:
		note = "<p>Too many tries. Try again in " + strconv.Itoa(waitSeconds(p.RetryAfter)) + " seconds.</p>"
	case p.WrongKey:
		note = "<p>That is not the API key.</p>"
	case p.ReadOnly:
		note = `<p>That key can only read. What you sent is kept: sign in with the other key to send it, or <a href="` + text(p.Return) + `">go back without it</a>.</p>`
	}
	action, button := p.Action, `<label>API key <input type="password" name="key" autocomplete="current-password" required autofocus></label> <button>Sign in</button>`
	switch {
	case p.Held != nil && p.SignedIn && !p.ReadOnly:
		action, fields, button = p.Held.Action, "", `<button>Send it now</button> <a href="`+text(p.Return)+`">Go back without it</a>`
		for name, values := range p.Held.Fields {
			for _, value := range values {
				fields += hidden(name, value)
			}
		}
	case p.Held != nil:
		fields += hidden("held_action", p.Held.Action) + hidden("held", p.Held.Encoded())
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Sign in</title><h1>`+text(p.Service)+`</h1>`+note+
		`<form method="post" action="`+text(action)+`">`+fields+button+`</form></html>`)
}

func waitSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
