package auth

import (
	"cmp"
	"context"
	"errors"
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
	ReadKey Key // lets look and change nothing; the zero Key is nobody's

	// Reads reports whether r changes nothing although its method says so: a
	// question with a body. Those pass with ReadKey too. nil is none.
	Reads func(r *http.Request) bool

	// BasePath is the path of the service's public URL without the slash at its
	// end: "" or, for example, "/errors".
	BasePath string

	// Origin is the origin of the public URL, such as "https://mon.example:8443",
	// or "". Changes from there are accepted even when a proxy has changed the
	// Host header.
	Origin string

	// SignInPage shows the sign-in form; nil is a plain one.
	SignInPage func(w http.ResponseWriter, r *http.Request, p SignInPage)

	// RefusalPage shows a browser the error for what ReadKey cannot do; nil is a problem.
	RefusalPage func(w http.ResponseWriter, r *http.Request, err error)

	Now func() time.Time // nil is time.Now
}

// role is what one of the keys lets do.
type role struct {
	key      Key
	sessions *sessions
	prefix   string // of the caller's name
	readOnly bool
}

// Guard lets requests pass that have a key or a session.
type Guard struct {
	options Options
	roles   [2]role
	cross   http.CrossOriginProtection
	wrong   *ratelimit.Limiter // wrong keys in headers
	signIns *ratelimit.Limiter // tries of the form
	holding chan struct{}      // an element for each form that is being kept
}

// NewGuard returns a Guard. An Origin that is none is left out.
func NewGuard(o Options) *Guard {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SignInPage == nil {
		o.SignInPage = plainSignInPage
	}
	if o.Reads == nil {
		o.Reads = func(*http.Request) bool { return false }
	}
	limits := ratelimit.Options{MaxKeys: maxClients, Now: o.Now}
	g := &Guard{
		options: o,
		roles: [2]role{
			{key: o.Key, sessions: newSessions(o.Key, "token v1 "+o.Service, o.Now)},
			{key: o.ReadKey, sessions: newSessions(o.ReadKey, "read token v1 "+o.Service, o.Now), prefix: "read-", readOnly: true},
		},
		wrong:   ratelimit.New(maxWrongKeys, failureWindow, limits),
		signIns: ratelimit.New(maxSignIns, failureWindow, limits),
		holding: make(chan struct{}, maxHeldAtOnce),
	}
	if o.Origin != "" {
		_ = g.cross.AddTrustedOrigin(o.Origin)
	}
	return g
}

// API lets requests pass whose X-API-Key header is a key or that have a
// session; the header decides when it is there. A request that changes something
// by a session must come from our own pages (see [http.CrossOriginProtection]),
// else it gets 403, as one gets that changes something with the key that can only
// read: {"detail":"This key can only read"}. Others get 401 {"detail":"Invalid API key"}. A client that
// sends many wrong keys gets 429 for the next wrong one, never for a right one.
func (g *Guard) API(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, err := g.caller(w, r)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		next.ServeHTTP(w, by.of(r))
	})
}

// Page is API for pages that people look at: without key and session it shows
// the sign-in page in place, with status 200 for GET and HEAD and 401 otherwise.
// A form that was sent is kept in that page, to be sent again.
func (g *Guard) Page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, err := g.caller(w, r)
		switch {
		case err == nil:
			next.ServeHTTP(w, by.of(r))
		case errors.Is(err, errReadOnly) && g.options.RefusalPage != nil && strings.Contains(r.Header.Get("Accept"), "text/html"):
			g.options.RefusalPage(w, by.of(r), err)
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

// caller says who sent r, also beside the error for what that role cannot do.
func (g *Guard) caller(w http.ResponseWriter, r *http.Request) (caller, error) {
	if keys := r.Header[headerName]; keys != nil {
		if len(keys) == 1 {
			if as := g.roleOf(keys[0]); as != nil {
				return caller{as.prefix + "key", as.readOnly}, g.allows(as, r)
			}
		}
		if ok, wait := g.wrong.Allow(clientip.Key(r)); !ok {
			return caller{}, errs.RetryIn(errs.RateLimited, wait, "Too many wrong API keys")
		}
		return caller{}, errInvalidKey
	}
	as, s := g.session(r)
	if as == nil {
		return caller{}, errInvalidKey
	}
	if err := g.cross.Check(r); err != nil {
		return caller{}, errs.Wrap(errs.Forbidden, err, "Cross-origin request refused")
	}
	if renewed, ok := as.sessions.renew(s); ok {
		g.setCookie(w, r, as, renewed)
	}
	return caller{as.prefix + "session:" + s.name(), as.readOnly}, g.allows(as, r)
}

var (
	errInvalidKey = errs.New(errs.Unauthorized, "Invalid API key")
	errReadOnly   = errs.New(errs.Forbidden, "This key can only read")
)

// allows returns an error for what a role cannot do.
func (g *Guard) allows(as *role, r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if as.readOnly && !g.options.Reads(r) {
		return errReadOnly
	}
	return nil
}

// roleOf returns the role whose key text is, or nil. It compares with every key, so
// that the time it takes does not tell which one it was.
func (g *Guard) roleOf(text string) (found *role) {
	for i := range g.roles {
		if g.roles[i].key.Match(text) {
			found = &g.roles[i]
		}
	}
	return found
}

// session returns the session that r's cookie names and its role, nil if there is none.
func (g *Guard) session(r *http.Request) (*role, session) {
	for _, c := range r.CookiesNamed(g.cookieName(r)) {
		for i := range g.roles {
			if s, ok := g.roles[i].sessions.open(c.Value); ok {
				return &g.roles[i], s
			}
		}
	}
	return nil, session{}
}

func (g *Guard) setCookie(w http.ResponseWriter, r *http.Request, as *role, s session) {
	c := g.cookie(r)
	c.Value = as.sessions.token(s)
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

// caller is who sent a request.
type caller struct {
	name     string
	readOnly bool
}

// of returns r with its caller.
func (c caller) of(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// Caller names who sent r, as a key for limits: "key" for the API key,
// "session:" and a few hex digits for a session, both after "read-" for the key that
// can only read, and "" when no Guard has let r pass.
func Caller(r *http.Request) string {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c.name
}

// ReadOnly tells whether who sent r can look and change nothing. Such a reader is
// shown no key with which something could be sent.
func ReadOnly(r *http.Request) bool {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c.readOnly
}
