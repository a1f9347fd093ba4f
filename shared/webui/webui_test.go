package webui

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/logging"
)

func newUI(t *testing.T, change ...func(*Options)) *UI {
	t.Helper()
	o := Options{
		Service: "error-tracker", Version: "1.2.3", Services: Services("", "https://logs.example.com", "", ""),
		Sections: []Section{{"/", "Issues"}, {"/alerts", "Alerts"}},
		Pages: fstest.MapFS{
			"_part.html": {Data: []byte(`{{define "part"}}<b>{{.}}</b>{{end}}`)},
			"one.html":   {Data: []byte(`{{define "content"}}{{template "part" .Data}}{{end}}{{define "fragment-data"}}{{.Data}}{{end}}`)},
			"bad.html":   {Data: []byte(`{{define "content"}}{{.Data.Nothing}}{{end}}`)},
		},
		Assets: fstest.MapFS{"own.css": {Data: []byte("b { color: red; }")}, "own.js": {Data: []byte("// why\n  const a = 1 + +2; // b\n")}},
		Now:    func() time.Time { return time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC) },
	}
	for _, c := range change {
		c(&o)
	}
	u, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func render(t *testing.T, u *UI, p Page, change ...func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/x?a=b", nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	if err := u.Render(w, r, http.StatusOK, p); err != nil {
		t.Fatal(err)
	}
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	var from io.Reader = res.Body
	if res.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		from = z
	}
	b, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRender(t *testing.T) {
	u := newUI(t)
	page := Page{Name: "one", Title: "A <title>", Section: "/alerts", Assets: []string{"own.css", "own.js"}, Data: "<script>x</script>", Keys: []Key{{Keys: "j", Does: "next"}}}
	res := render(t, u, page)
	got := body(t, res)
	for _, want := range []string{
		"<title>A &lt;title&gt; · Monlight Errors</title>", "<b>&lt;script&gt;x&lt;/script&gt;</b>", `href="https://logs.example.com"`,
		`<a href="/alerts" aria-current="page">Alerts</a>`, `<dt><kbd>j</kbd></dt><dd>next</dd>`, "error-tracker 1.2.3", `href="/assets/own.`, `src="/assets/own.`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if strings.Contains(got, ">Metrics<") {
		t.Error("a service that is not installed is in the navigation")
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Security-Policy") != ContentSecurityPolicy {
		t.Errorf("headers %v", res.Header)
	}

	zipped := render(t, u, page, func(r *http.Request) { r.Header.Set("Accept-Encoding", "br;q=1, gzip;q=0.8") })
	if zipped.Header.Get("Content-Encoding") != "gzip" || body(t, zipped) != got {
		t.Error("the compressed page is another one")
	}
	if refused := render(t, u, page, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip;q=0") }); refused.Header.Get("Content-Encoding") != "" {
		t.Error("compressed for a client that refuses it")
	}

	part := render(t, u, page, func(r *http.Request) { r.Header.Set(FragmentHeader, "data") })
	if got := body(t, part); got != "&lt;script&gt;x&lt;/script&gt;" || part.Header.Get(FragmentHeader) != "data" {
		t.Errorf("fragment %q", got)
	}

	dark := body(t, render(t, u, page, func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: themeCookie, Value: "dark"})
		r.AddCookie(&http.Cookie{Name: zoneCookie, Value: `><script>`})
	}))
	if !strings.Contains(dark, `<html lang="en" data-theme="dark">`) {
		t.Errorf("page begins with %.120s", dark)
	}

	w := httptest.NewRecorder()
	if err := u.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), 200, Page{Name: "bad", Data: "x"}); err == nil || w.Body.Len() > 0 {
		t.Errorf("a broken page gave %v and %d bytes", err, w.Body.Len())
	}
	if err := u.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), 200, Page{Name: "none"}); err == nil {
		t.Error("a page that does not exist was rendered")
	}
}

func TestNewRefusesMistakes(t *testing.T) {
	for name, o := range map[string]Options{
		"a base path that is none":          {BasePath: "https://x"},
		"a template that does not parse":    {Pages: fstest.MapFS{"x.html": {Data: []byte("{{if}}")}}},
		"a template that cannot be escaped": {Pages: fstest.MapFS{"x.html": {Data: []byte(`{{define "content"}}{{if .}}<script>{{end}}{{end}}`)}}},
		"a fragment that cannot be":         {Pages: fstest.MapFS{"x.html": {Data: []byte(`{{define "content"}}{{end}}{{define "fragment-x"}}{{if .}}<script>{{end}}{{end}}`)}}},
		"a page without content":            {Pages: fstest.MapFS{"x.html": {Data: []byte("x")}}},
		"an icon that does not exist":       {Pages: fstest.MapFS{"x.html": {Data: []byte(`{{define "content"}}{{if .Flash}}{{template "icon" "none"}}{{end}}{{end}}`)}}},
		"a joined sheet of no sheets":       {Joined: map[string][]string{"all.css": {"none.css"}}},
		"a joined sheet with a script":      {Joined: map[string][]string{"all.css": {"detail.js"}}},
		"an asset of no known kind":         {Assets: fstest.MapFS{"x.png": {Data: []byte("x")}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestFlashIsShownOnceToWhoeverCausedIt(t *testing.T) {
	now := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	u := newUI(t, func(o *Options) { o.Now = func() time.Time { return now } })
	flash := func() *http.Cookie {
		w := httptest.NewRecorder()
		u.Flash(w, Flash{Text: "1 issue <resolved>.", Undo: &Undo{Label: "Undo", Action: "/issues", Fields: []Field{{"id", "7"}}}})
		return w.Result().Cookies()[0]
	}
	with := func(c *http.Cookie) string {
		return body(t, render(t, u, Page{Name: "one"}, func(r *http.Request) { r.AddCookie(c) }))
	}
	has := func(c *http.Cookie) bool {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if c != nil {
			r.AddCookie(c)
		}
		return u.HasFlash(r)
	}
	c := flash()
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %v", c)
	}
	forged := *c
	forged.Value = "1 issue resolved"
	if got := with(&forged); strings.Contains(got, "issue resolved") {
		t.Error("words from a cookie are on the page")
	}
	if has(nil) || has(&forged) || !has(c) {
		t.Errorf("something is to be shown: without a cookie %v, with a forged one %v, else %v; want the last only", has(nil), has(&forged), has(c))
	}
	got := with(c)
	for _, want := range []string{"1 issue &lt;resolved&gt;.", `action="/issues"`, `name="id" value="7"`, `name="back" value="/x?a=b"`} {
		if !strings.Contains(got, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if strings.Contains(with(c), "resolved") {
		t.Error("shown twice")
	}
	c = flash()
	now = now.Add(2 * flashLife)
	if has(c) || strings.Contains(with(c), "resolved") {
		t.Error("shown long after")
	}
	for range 3 * maxFlashes {
		flash()
	}
	if n := len(u.flashes.byID); n > maxFlashes {
		t.Errorf("%d messages are kept, the limit is %d", n, maxFlashes)
	}
}

func TestAJoinedFileStandsForItsParts(t *testing.T) {
	u := newUI(t, func(o *Options) {
		o.Joined = map[string][]string{"all.css": {"detail.css", "own.css"}, "all.js": {"own.js"}}
	})
	render := func(assets ...string) string {
		w := httptest.NewRecorder()
		if err := u.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), 200, Page{Name: "one", Assets: assets}); err != nil {
			t.Fatal(err)
		}
		return w.Body.String()
	}
	links := func(page string) []string {
		return regexp.MustCompile(`/assets/([\w-]+\.)[0-9a-f]{8}\.((?:css|js)")`).FindAllString(page, -1)
	}
	plain := func(name string) string { return string(u.assets.files[u.assets.names[name]].plain) }
	if got := plain("all.css"); got != plain("app.css")+plain("detail.css")+plain("own.css") {
		t.Errorf("the sheet is not its parts in order: %q", got)
	}
	if got := plain("all.js"); got != plain("core.js")+plain("own.js") {
		t.Errorf("the script is not its parts in order: %q", got)
	}
	for _, c := range []struct {
		assets []string
		want   []string // the files that the page loads
	}{
		{nil, []string{"app.css", "core.js"}},
		{[]string{"own.css", "own.js"}, []string{"app.css", "core.js", "own.css", "own.js"}},
		{[]string{"all.css", "own.js"}, []string{"core.js", "all.css", "own.js"}},
		{[]string{"all.css", "all.js"}, []string{"all.css", "all.js"}},
	} {
		page := render(c.assets...)
		var want []string
		for _, name := range c.want {
			url, err := u.assets.url(name)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, url+`"`)
		}
		if got := links(page); !slices.Equal(got, want) {
			t.Errorf("with %q the page loads %q, want %q", c.assets, got, want)
		}
	}
}

func TestAssets(t *testing.T) {
	u := newUI(t)
	get := func(path string, header ...string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		u.Assets().ServeHTTP(w, r)
		return w.Result()
	}
	for _, name := range []string{"app.css", "core.js", "detail.css", "detail.js", "form.css", "favicon.svg"} {
		url, err := u.assets.url(name)
		if err != nil {
			t.Fatal(err)
		}
		plain, zipped := get(url), get(url, "Accept-Encoding", "gzip")
		if zipped.Header.Get("Content-Encoding") != "gzip" || body(t, plain) != body(t, zipped) {
			t.Errorf("%s differs when compressed", name)
		}
		if got := plain.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
	for _, path := range []string{"/assets/app.css", "/assets/", "/assets/../webui.go", "/assets/app.000000000000.css"} {
		if res := get(path); res.StatusCode != http.StatusNotFound || strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s = %d, %q", path, res.StatusCode, res.Header.Get("Cache-Control"))
		}
	}
	own, _ := u.assets.url("own.js")
	if got := body(t, get(own)); got != "const a=1 + +2;// b\n" {
		t.Errorf("script became %q", got)
	}
}

func TestSqueeze(t *testing.T) {
	if got, want := string(squeezeCSS([]byte("/* a { } */\na > b , c :hover {\n  margin: calc(1px + 2px) 0;\n  font: 1px \"A B\" , x;\n}\n"))), "a>b,c :hover{margin:calc(1px + 2px) 0;font:1px \"A B\",x}"; got != want {
		t.Errorf("sheet became %q, want %q", got, want)
	}
	if got, want := string(squeezeJS([]byte("  // no\n  const s = 'a , b // c' + `x ; ${ y }` + \"it\\\" ( \";\n"))), "const s='a , b // c' + `x ; ${ y }` + \"it\\\" ( \";\n"; got != want {
		t.Errorf("script became %q, want %q", got, want)
	}
}

func TestBackPath(t *testing.T) {
	u := newUI(t, func(o *Options) { o.BasePath = "/errors/" })
	for in, want := range map[string]string{
		"/errors/x?a=b": "/errors/x?a=b", "/errors": "/errors", "/other": "/errors/", "/errorsx": "/errors/", "": "/errors/", "//evil": "/errors/", `/\evil`: "/errors/",
		"/errors/../logs": "/errors/", "/errors/%2e%2e": "/errors/", "/errors/7..8": "/errors/7..8",
		"https://evil/errors/": "/errors/", "/errors/\n": "/errors/", "/errors/" + strings.Repeat("x", 5000): "/errors/",
	} {
		if got := u.BackPath(in, "/"); got != want {
			t.Errorf("BackPath(%.30q) = %q, want %q", in, got, want)
		}
	}
}

func TestErrorPages(t *testing.T) {
	u := newUI(t)
	tests := map[string]struct {
		err    error
		status int
		want   string
		lacks  string
	}{
		"not found":   {errs.New(errs.NotFound, "issue 42 not found"), 404, "Issue 42 not found.", "Try again"},
		"unavailable": {errs.RetryIn(errs.Unavailable, 1500*time.Millisecond, "the disk is full"), 503, "Try again", ""},
		"internal":    {errors.New("secret path"), 500, "req-7", "secret"},
		"hostile":     {errs.New(errs.Invalid, "%s", "<script>\u202e"), 400, "&lt;script&gt;[U&#43;202E].", "<script>\u202e"},
		"conflict":    {errs.New(errs.Conflict, "no"), 409, "That cannot be done now", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/x?y", nil)
			r = r.WithContext(logging.WithRequestID(context.Background(), "req-7"))
			u.Error(w, r, tt.err)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || tt.lacks != "" && strings.Contains(w.Body.String(), tt.lacks) {
				t.Errorf("status %d, want %d with %q and without %q", w.Code, tt.status, tt.want, tt.lacks)
			}
			if tt.status == 503 && w.Header().Get("Retry-After") != "2" {
				t.Errorf("Retry-After %q, want 2", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestNotFoundOffersASearch(t *testing.T) {
	const form = `action="/search-me/" role="search"`
	show := func(u *UI, write func(http.ResponseWriter, *http.Request)) string {
		w := httptest.NewRecorder()
		write(w, httptest.NewRequest(http.MethodGet, "/x", nil))
		return w.Body.String()
	}
	u := newUI(t, func(o *Options) { o.BasePath, o.Search = "/search-me", `Search "things"` })
	missing := func(w http.ResponseWriter, r *http.Request) {
		u.Error(w, r, errs.New(errs.NotFound, "thing 42 not found"))
	}
	for _, page := range []string{show(u, u.NotFound), show(u, missing)} {
		if !strings.Contains(page, form) || !strings.Contains(page, `aria-label="Search &#34;things&#34;"`) || !strings.Contains(page, `name="search"`) {
			t.Error(page)
		}
	}
	elsewhere := newUI(t, func(o *Options) { o.BasePath, o.Search, o.SearchPath = "/search-me", "Search", "/things" })
	if page := show(elsewhere, elsewhere.NotFound); !strings.Contains(page, `action="/search-me/things" role="search"`) {
		t.Error(page)
	}
	if page := show(u, func(w http.ResponseWriter, r *http.Request) { u.Error(w, r, errors.New("broken")) }); strings.Contains(page, `role="search"`) {
		t.Error("a failure offers a search")
	}
	if page := show(newUI(t), newUI(t).NotFound); strings.Contains(page, `role="search"`) {
		t.Error("a service without a search offers one")
	}
}

func TestSignInPage(t *testing.T) {
	u := newUI(t)
	w := httptest.NewRecorder()
	u.SignIn(w, httptest.NewRequest(http.MethodGet, "/", nil), auth.SignInPage{Status: 401, Action: "/sign-in", Return: `/"><x>`, WrongKey: true})
	page := w.Body.String()
	if w.Code != 401 || !strings.Contains(page, `value="/&#34;&gt;&lt;x&gt;"`) || !strings.Contains(page, `role="alert"`) || strings.Contains(page, "Sign out") {
		t.Errorf("status %d", w.Code)
	}
	for setting, want := range map[string]string{"": "The value of <code>API_KEY</code>", "ADMIN_API_KEY": "The value of <code>ADMIN_API_KEY</code>"} {
		u.opts.KeySetting, w = setting, httptest.NewRecorder()
		u.SignIn(w, httptest.NewRequest(http.MethodGet, "/", nil), auth.SignInPage{Status: 200, Action: "/sign-in"})
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("KeySetting %q: want %s", setting, want)
		}
	}
	for page, named := range map[auth.SignInPage]bool{
		{Status: 200}: false, {Status: 200, HasReadKey: true}: true,
		{Status: 401, HasReadKey: true, Ended: true, Held: &auth.Held{}}: false, // it could not send what is kept
	} {
		w = httptest.NewRecorder()
		u.SignIn(w, httptest.NewRequest(http.MethodGet, "/", nil), page)
		if strings.Contains(w.Body.String(), "or, to look only, <code>READ_API_KEY</code> in the settings") != named {
			t.Errorf("%+v: want the key that can only read to be named: %t", page, named)
		}
	}
}

func TestSignInPageKeepsAForm(t *testing.T) {
	u := newUI(t)
	held := &auth.Held{Action: "/rules", Fields: url.Values{`a"b`: {"<script>1</script>", "two"}}}
	show := func(p auth.SignInPage) string {
		w := httptest.NewRecorder()
		u.SignIn(w, httptest.NewRequest(http.MethodPost, "/", nil), p)
		return w.Body.String()
	}
	page := show(auth.SignInPage{Status: 401, Action: "/sign-in", Ended: true, Held: held})
	if !strings.Contains(page, "session has ended") || !strings.Contains(page, `name="held" value="a%22b=%3Cscript%3E1%3C%2Fscript%3E&amp;a%22b=two"`) || !strings.Contains(page, `id="key"`) {
		t.Errorf("before: %s", page)
	}
	page = show(auth.SignInPage{Status: 200, SignedIn: true, Return: "/7", Held: held})
	if !strings.Contains(page, `action="/rules"`) || !strings.Contains(page, `name="a&#34;b" value="&lt;script&gt;1&lt;/script&gt;"`) || !strings.Contains(page, `value="two"`) || strings.Contains(page, `id="key"`) {
		t.Errorf("after: %s", page)
	}
	page = show(auth.SignInPage{Status: 200, Action: "/sign-in", SignedIn: true, ReadOnly: true, HasReadKey: true, Return: "/7", Held: held})
	for _, want := range []string{"a key that can only read", `name="held_action" value="/rules"`, `name="held" value="a%22b=%3Cscript`, `id="key"`, `action="/sign-in"`, `href="/7"`} {
		if !strings.Contains(page, want) {
			t.Errorf("signed in with the key that can only read: %s is not in %s", want, page)
		}
	}
	if strings.Contains(page, "Send it now") || strings.Contains(page, `action="/rules"`) {
		t.Errorf("what would be refused is offered: %s", page)
	}
	if page = show(auth.SignInPage{Status: 401, Action: "/sign-in", Ended: true}); !strings.Contains(page, "could not be kept") || strings.Contains(page, "held_action") {
		t.Errorf("a form that cannot be kept: %s", page)
	}
}

// TestSourcesHoldNothingThatThePolicyForbids keeps the pages working under the
// policy, and the ways for text to become markup out of the scripts.
func TestSourcesHoldNothingThatThePolicyForbids(t *testing.T) {
	inTemplates := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script(?: src="\{\{asset [^}]+\}\}" defer)?[^ >]|<script>|javascript:|https?://`)
	inScripts := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setTimeout\(['"]|\.style\.|setAttribute\('style|https?://|createContextualFragment|srcdoc|\$\{[^}]*\x60`)
	for pattern, dirs := range map[*regexp.Regexp][]string{inTemplates: {"templates", "templates/pages"}, inScripts: {"static"}} {
		for _, dir := range dirs {
			entries, err := files.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.IsDir() || dir == "static" && !strings.HasSuffix(e.Name(), ".js") {
					continue
				}
				b, _ := files.ReadFile(dir + "/" + e.Name())
				if at := pattern.FindIndex(b); at != nil {
					t.Errorf("%s/%s holds %q", dir, e.Name(), b[at[0]:at[1]])
				}
			}
		}
	}
}

// TestContrast computes the contrast of WCAG 2.2 for the pairs of text and ground.
func TestContrast(t *testing.T) {
	b, err := files.ReadFile("static/10-tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	token := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));`).FindAllStringSubmatch(string(b), -1) {
		if token[m[1]] = [2]string{m[2], m[3]}; m[4] != "" {
			token[m[1]] = [2]string{m[4], m[4]}
		}
	}
	if len(token) < 20 {
		t.Fatalf("%d tokens were read", len(token))
	}
	pairs := "text dim accent red:ground text dim accent red amber green blue violet:surface text dim red violet blue accent:sunken text dim accent red:hover text dim accent:raised " +
		"accent text:accent-soft red:red-soft amber:amber-soft green:green-soft blue:blue-soft violet:violet-soft text red dim:hit on-accent:accent-ground on-accent:red-ground"
	var front []string
	for _, word := range strings.Fields(pairs) {
		text, ground, last := strings.Cut(word, ":")
		front = append(front, text)
		if !last {
			continue
		}
		for _, f := range front {
			for scheme, name := range []string{"light", "dark"} {
				if c := contrast(t, token[f][scheme], token[ground][scheme]); c < 4.5 {
					t.Errorf("%s on %s has a contrast of %.2f in %s colours, want 4.5", f, ground, c, name)
				}
			}
		}
		front = nil
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) != 7 {
		t.Fatalf("%q is no colour", hex)
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestRenderIsSafeForConcurrentUse(t *testing.T) {
	u := newUI(t)
	done := make(chan error)
	for i := range 8 {
		go func() {
			var err error
			for range 50 {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Accept-Encoding", "gzip")
				err = errors.Join(err, u.Render(w, r, 200, Page{Name: "one", Data: i}))
				z, zerr := gzip.NewReader(w.Body)
				if zerr != nil {
					err = errors.Join(err, zerr)
					continue
				}
				b, zerr := io.ReadAll(z)
				if err = errors.Join(err, zerr); !strings.Contains(string(b), fmt.Sprintf("<b>%d</b>", i)) {
					err = errors.Join(err, errors.New("a page of somebody else"))
				}
				u.Flash(w, Flash{Text: "x"})
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
