package auth

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/clientip"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/ratelimit"
)

const (
	headerName = "X-Api-Key" // the canonical form of X-API-Key

	failureWindow = time.Minute
	maxWrongKeys  = 30 // per client and window
	maxSignIns    = 10 // per client and window
	maxClients    = 4096
)

// Options describe a Guard.
type Options struct {
	Service string // in the cookie's name and in its signature
	Key     Key

	// BasePath is the path of the service's public URL without the slash at its
	// end: "" or, for example, "/errors".
	BasePath string

	// Origin is the origin of the public URL, such as "https://mon.example:8443",
	// or "". Changes from there are accepted even when a proxy has changed the
	// Host header.
	Origin string

	// SignInPage shows the sign-in form; nil is a plain one.
	SignInPage func(w http.ResponseWriter, r *http.Request, p SignInPage)

	Now func() time.Time // nil is time.Now
}

// Guard lets requests pass that have the API key or a session.
type Guard struct {
	options  Options
	sessions *sessions
	cross    http.CrossOriginProtection
	wrong    *ratelimit.Limiter // wrong keys in headers
	signIns  *ratelimit.Limiter // tries of the form
	holding  chan struct{}      // an element for each form that is being kept
}

// NewGuard returns a Guard. An Origin that is none is left out.
func NewGuard(o Options) *Guard {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SignInPage == nil {
		o.SignInPage = plainSignInPage
	}
	limits := ratelimit.Options{MaxKeys: maxClients, Now: o.Now}
	g := &Guard{
		options:  o,
		sessions: newSessions(o.Key, o.Service, o.Now),
		wrong:    ratelimit.New(maxWrongKeys, failureWindow, limits),
		signIns:  ratelimit.New(maxSignIns, failureWindow, limits),
		holding:  make(chan struct{}, maxHeldAtOnce),
	}
	if o.Origin != "" {
		_ = g.cross.AddTrustedOrigin(o.Origin)
	}
	return g
}

// API lets requests pass whose X-API-Key header is the key or that have a
// session; the header decides when it is there. A request that changes something
// by a session must come from our own pages (see [http.CrossOriginProtection]),
// else it gets 403. Others get 401 {"detail":"Invalid API key"}. A client that
// sends many wrong keys gets 429 for the next wrong one, never for a right one.
func (g *Guard) API(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := g.caller(w, r)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		next.ServeHTTP(w, withCaller(r, caller))
	})
}

// Page is API for pages that people look at: without key and session it shows
// the sign-in page in place, with status 200 for GET and HEAD and 401 otherwise.
// A form that was sent is kept in that page, to be sent again.
func (g *Guard) Page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := g.caller(w, r)
		switch {
		case err == nil:
			next.ServeHTTP(w, withCaller(r, caller))
		case r.Header[headerName] != nil || errs.KindOf(err) != errs.Unauthorized:
			problem.Write(w, r, err)
		default:
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				g.showEnded(w, r)
				return
			}
			g.showSignIn(w, r, SignInPage{Status: http.StatusOK, Return: g.options.BasePath + r.URL.RequestURI()})
		}
	})
}

// caller says who sent r: "key", or "session" with its short name.
func (g *Guard) caller(w http.ResponseWriter, r *http.Request) (string, error) {
	if keys := r.Header[headerName]; keys != nil {
		if len(keys) == 1 && g.options.Key.Match(keys[0]) {
			return "key", nil
		}
		if ok, wait := g.wrong.Allow(clientip.Key(r)); !ok {
			return "", errs.RetryIn(errs.RateLimited, wait, "Too many wrong API keys")
		}
		return "", errInvalidKey
	}
	s, ok := g.session(r)
	if !ok {
		return "", errInvalidKey
	}
	if err := g.cross.Check(r); err != nil {
		return "", errs.Wrap(errs.Forbidden, err, "Cross-origin request refused")
	}
	if renewed, ok := g.sessions.renew(s); ok {
		g.setCookie(w, r, renewed)
	}
	return "session:" + s.name(), nil
}

var errInvalidKey = errs.New(errs.Unauthorized, "Invalid API key")

// session returns the session that r's cookie names.
func (g *Guard) session(r *http.Request) (session, bool) {
	for _, c := range r.CookiesNamed(g.cookieName(r)) {
		if s, ok := g.sessions.open(c.Value); ok {
			return s, true
		}
	}
	return session{}, false
}

func (g *Guard) setCookie(w http.ResponseWriter, r *http.Request, s session) {
	c := g.cookie(r)
	c.Value = g.sessions.token(s)
	c.MaxAge = int(sessionLife / time.Second)
	http.SetCookie(w, c)
}

// cookie is for the base path and all below it: "/errors" is sent to /errors/1
// and, other than "/errors/", to /errors as well, but never to /errorsx.
func (g *Guard) cookie(r *http.Request) *http.Cookie {
	return &http.Cookie{
		Name: g.cookieName(r), Path: cmp.Or(g.options.BasePath, "/"),
		HttpOnly: true, Secure: isHTTPS(r), SameSite: http.SameSiteLaxMode,
	}
}

// cookieName carries the service, because browsers send cookies to every port of
// a host. The prefix __Host- keeps other hosts of the domain from setting it;
// browsers want it to be secure and for the whole host.
func (g *Guard) cookieName(r *http.Request) string {
	name := "monlight_" + strings.ReplaceAll(g.options.Service, "-", "_")
	if isHTTPS(r) && g.options.BasePath == "" {
		return "__Host-" + name
	}
	return name
}

// isHTTPS reports whether the browser spoke https. X-Forwarded-Proto needs no
// trust here: a client that makes it up only gets a stricter cookie.
func isHTTPS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// callerKey is the context key of who sent a request.
type callerKey struct{}

func withCaller(r *http.Request, caller string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
}

// Caller names who sent r, as a key for limits: "key" for the API key,
// "session:" and a few hex digits for a session, "" when no Guard has let r pass.
func Caller(r *http.Request) string {
	caller, _ := r.Context().Value(callerKey{}).(string)
	return caller
}
