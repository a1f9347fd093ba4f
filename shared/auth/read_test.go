package auth_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
)

const readKey = "4b0f6d1c93ae47d58e12c7a90b3f5d68"

// newReadGuard is newGuard with a key that can only read.
func newReadGuard(o auth.Options) *auth.Guard {
	o.ReadKey = auth.NewKey(config.NewSecret(readKey))
	return newGuard(o)
}

// readCookie signs in with the key that can only read.
func readCookie(t *testing.T, g *auth.Guard) string {
	t.Helper()
	return cookieWith(t, g, readKey)
}

func TestTheReadKeyLooksAndChangesNothing(t *testing.T) {
	g := newReadGuard(auth.Options{})
	full, read := cookieOf(t, g), readCookie(t, g)
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, auth.Caller(r))
		if auth.ReadOnly(r) {
			_, _ = io.WriteString(w, " only reads")
		}
	})
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "PROPFIND", "get"} {
		reads := method == "GET" || method == "HEAD" || method == "OPTIONS"
		for what, h := range map[string]http.Handler{"API": g.API(who), "Page": g.Page(who)} {
			for with, headers := range map[string][]string{"key": {"X-API-Key", readKey}, "session": {"Cookie", read}} {
				w := do(h, request(method, "/api/x", headers...))
				body := w.Body.String()
				switch {
				case reads && (w.Code != 200 || !strings.HasPrefix(body, "read-"+with) || !strings.HasSuffix(body, " only reads")):
					t.Errorf("%s: %s with the read %s = %d %s, want 200", what, method, with, w.Code, body)
				case !reads && (w.Code != 403 || !strings.Contains(body, `"detail":"This key can only read"`)):
					t.Errorf("%s: %s with the read %s = %d %s, want 403", what, method, with, w.Code, body)
				}
			}
			for with, headers := range map[string][]string{"key": {"X-API-Key", key}, "session": {"Cookie", full}, "key with a read session": {"X-API-Key", key, "Cookie", read}} {
				w := do(h, request(method, "/api/x", headers...))
				if body := w.Body.String(); w.Code != 200 || strings.Contains(body, "read") {
					t.Errorf("%s: %s with the full %s = %d %s, want 200", what, method, with, w.Code, body)
				}
			}
			if w := do(h, request("POST", "/api/x", "X-API-Key", readKey, "Cookie", full)); w.Code != 403 {
				t.Errorf("%s: POST with the read key and a full session = %d, want 403: the header decides", what, w.Code)
			}
		}
	}
}

func TestQuestionsWithABodyAreReading(t *testing.T) {
	g := newReadGuard(auth.Options{Reads: func(r *http.Request) bool { return r.URL.Path == "/api/preview" }})
	for path, want := range map[string]int{"/api/preview": 200, "/api/other": 403} {
		if w := do(g.API(caller), request("POST", path, "X-API-Key", readKey)); w.Code != want {
			t.Errorf("POST %s = %d, want %d", path, w.Code, want)
		}
	}
	// Those of other sites are refused all the same.
	if w := do(g.API(caller), request("POST", "/api/preview", "Cookie", readCookie(t, g), "Sec-Fetch-Site", "cross-site")); w.Code != 403 {
		t.Errorf("POST from elsewhere = %d, want 403", w.Code)
	}
}

func TestWithoutAReadKeyThereIsNoSuchRole(t *testing.T) {
	g := newGuard(auth.Options{ReadKey: auth.NewKey(config.Secret{})})
	cookie := readCookie(t, newReadGuard(auth.Options{}))
	for name, headers := range map[string][]string{
		"the key of others": {"X-API-Key", readKey}, "an empty key": {"X-API-Key", ""}, "a session of it": {"Cookie", cookie},
	} {
		if w := do(g.API(caller), request("GET", "/", headers...)); w.Code != 401 {
			t.Errorf("%s = %d, want 401", name, w.Code)
		}
	}
	for _, k := range []string{"", readKey} {
		if w := signIn(g, k, "/"); w.Code != 401 {
			t.Errorf("sign-in with %q = %d, want 401", k, w.Code)
		}
	}
	// Nobody can sign a session with what stands for the missing key.
	for _, from := range [][]byte{nil, make([]byte, sha256.Size)} {
		secret, err := hkdf.Expand(sha256.New, from, "read token v1 error-tracker", sha256.Size)
		if err != nil {
			t.Fatal(err)
		}
		token := append([]byte{1}, make([]byte, 24)...)
		binary.BigEndian.PutUint64(token[1:], uint64(time.Now().Unix()))
		mac := hmac.New(sha256.New, secret)
		mac.Write(token)
		forged := "monlight_error_tracker=" + base64.RawURLEncoding.EncodeToString(mac.Sum(token))
		if w := do(g.API(caller), request("GET", "/", "Cookie", forged)); w.Code != 401 {
			t.Errorf("a session signed with %d zeros = %d, want 401", len(from), w.Code)
		}
	}
}

// A new key ends its own sessions and not those of the other one.
func TestEachKeyHasItsOwnSessions(t *testing.T) {
	g := newReadGuard(auth.Options{})
	full, read := cookieOf(t, g), readCookie(t, g)
	secret := func(s string) auth.Key { return auth.NewKey(config.NewSecret(s)) }
	const other = "another key of 16 bytes"
	for name, tt := range map[string]struct {
		guard      *auth.Guard
		full, read int
	}{
		"a restart":      {newReadGuard(auth.Options{}), 200, 200},
		"a new key":      {auth.NewGuard(auth.Options{Service: "error-tracker", Key: secret(other), ReadKey: secret(readKey)}), 401, 200},
		"a new read key": {auth.NewGuard(auth.Options{Service: "error-tracker", Key: secret(key), ReadKey: secret(other)}), 200, 401},
		"no read key":    {auth.NewGuard(auth.Options{Service: "error-tracker", Key: secret(key)}), 200, 401},
		"swapped keys":   {auth.NewGuard(auth.Options{Service: "error-tracker", Key: secret(readKey), ReadKey: secret(key)}), 401, 401},
		"both the same":  {auth.NewGuard(auth.Options{Service: "error-tracker", Key: secret(readKey), ReadKey: secret(readKey)}), 401, 200},
	} {
		t.Run(name, func(t *testing.T) {
			for cookie, want := range map[string]int{full: tt.full, read: tt.read} {
				if w := do(tt.guard.API(caller), request("GET", "/", "Cookie", cookie)); w.Code != want {
					t.Errorf("the %s session = %d, want %d", map[bool]string{true: "read", false: "full"}[cookie == read], w.Code, want)
				}
			}
			if w := do(tt.guard.API(caller), request("POST", "/", "Cookie", read)); w.Code == 200 {
				t.Error("the read session changes something")
			}
		})
	}
	if w := do(g.SignOut(), request("POST", "/sign-out", "Cookie", read)); w.Code != 303 {
		t.Errorf("sign-out = %d, want 303", w.Code)
	}
	for cookie, want := range map[string]int{full: 200, read: 401} {
		if w := do(g.API(caller), request("GET", "/", "Cookie", cookie)); w.Code != want {
			t.Errorf("a session after the read one was signed out = %d, want %d", w.Code, want)
		}
	}
}

func TestARenewedReadSessionOnlyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newReadGuard(auth.Options{})
		cookie := readCookie(t, g)
		for range 3 {
			time.Sleep(25 * time.Hour)
			// Also a request that is refused renews it.
			for _, method := range []string{"POST", "GET"} {
				w := do(g.API(caller), request(method, "/", "Cookie", cookie))
				renewed := w.Result().Cookies()
				if len(renewed) != 1 || (w.Code == 200) != (method == "GET") {
					t.Fatalf("%s = %d with %d cookies", method, w.Code, len(renewed))
				}
				next := renewed[0].Name + "=" + renewed[0].Value
				if w := do(g.API(caller), request("DELETE", "/", "Cookie", next)); w.Code != 403 {
					t.Errorf("DELETE with the renewed session = %d, want 403", w.Code)
				}
				if w := do(g.API(caller), request("GET", "/", "Cookie", next)); w.Code != 200 {
					t.Errorf("GET with the renewed session = %d, want 200", w.Code)
				}
				if method == "GET" {
					cookie = next
				}
			}
		}
	})
}

// A browser gets a page that says the same, a program the problem.
func TestRefusalIsAPageForBrowsers(t *testing.T) {
	g := newReadGuard(auth.Options{RefusalPage: func(w http.ResponseWriter, r *http.Request, err error) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "page: "+err.Error()+" "+auth.Caller(r))
	}})
	cookie := readCookie(t, g)
	for accept, want := range map[string]string{
		"text/html,application/xhtml+xml": "page: This key can only read read-session:",
		"application/json":                `"detail":"This key can only read"`,
		"":                                `"detail":"This key can only read"`,
	} {
		w := do(g.Page(caller), request("POST", "/x", "Cookie", cookie, "Accept", accept))
		if w.Code != 403 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("Accept %q: %d %s, want %s", accept, w.Code, w.Body, want)
		}
		if w := do(g.API(caller), request("POST", "/x", "Cookie", cookie, "Accept", accept)); !strings.Contains(w.Body.String(), `"detail"`) {
			t.Errorf("API with Accept %q: %s, want a problem", accept, w.Body)
		}
	}
}

// A form that is kept stays so over a sign-in with the read key, which cannot send
// it, until the other one is typed in.
func TestAKeptFormOutlivesSigningInToRead(t *testing.T) {
	var shown auth.SignInPage
	g := newReadGuard(auth.Options{SignInPage: func(w http.ResponseWriter, _ *http.Request, p auth.SignInPage) {
		shown = p
		w.WriteHeader(p.Status)
	}})
	kept := &auth.Held{Action: "/issues", Fields: url.Values{"text": {"two words"}}}
	with := func(k string) string {
		t.Helper()
		r := request("POST", "/sign-in", "Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(url.Values{"key": {k}, "return": {"/7"}, "held_action": {kept.Action}, "held": {kept.Encoded()}}.Encode()))
		w := do(g.SignIn(), r)
		if w.Code != 200 || len(w.Result().Cookies()) != 1 {
			t.Fatalf("sign-in with a kept form = %d", w.Code)
		}
		kept = shown.Held
		return w.Result().Cookies()[0].Name + "=" + w.Result().Cookies()[0].Value
	}
	for _, tt := range []struct {
		key    string
		reads  bool
		status int
	}{{readKey, true, 403}, {key, false, 200}} {
		cookie := with(tt.key)
		want := auth.SignInPage{Service: "error-tracker", Status: 200, Action: "/sign-in", Return: "/7", SignedIn: true, ReadOnly: tt.reads, HasReadKey: true,
			Held: &auth.Held{Action: "/issues", Fields: url.Values{"text": {"two words"}}}}
		if !reflect.DeepEqual(shown, want) {
			t.Errorf("reads only: %t: %+v, want %+v", tt.reads, shown, want)
		}
		if w := do(g.Page(caller), request("POST", "/issues", "Cookie", cookie)); w.Code != tt.status {
			t.Errorf("the kept form = %d, want %d", w.Code, tt.status)
		}
	}
}

// The plain page does the same.
func TestThePlainSignInPageKeepsAForm(t *testing.T) {
	g := newReadGuard(auth.Options{})
	for k, want := range map[string][]string{
		"wrong": {"That is not", `action="/sign-in"`, `name="held" value="a%3C=%22"`, `name="key"`},
		readKey: {"can only read", `action="/sign-in"`, `name="held_action" value="/issues"`, `name="held" value="a%3C=%22"`, `name="key"`, `href="/7"`},
		key:     {`action="/issues"`, `name="a&lt;" value="&#34;"`, "Send it now", `href="/7"`},
	} {
		r := request("POST", "/sign-in", "Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(url.Values{"key": {k}, "return": {"/7"}, "held_action": {"/issues"}, "held": {"a%3C=%22"}}.Encode()))
		body := do(g.SignIn(), r).Body.String()
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("with the key %q: %s is not in %s", k, text, body)
			}
		}
		if (k == key) == strings.Contains(body, `name="key"`) {
			t.Errorf("with the key %q: %s", k, body)
		}
	}
}
