//go:build sdks

package sdks

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// row is a way in which events come, and what its error must look like.
type row struct {
	name        string
	run         func(t *testing.T, dsn string) (sent []string)
	title       string // "" for the type and value below
	function    string // of the newest frame that is in the app
	transaction string
	userID      string
	needs       string // a file that install.sh leaves out where it cannot make it; "" for none
}

const pythonError = "ValueError: cannot ship order 7: no address"

func rows() []row {
	all := []row{}
	for _, age := range []string{"old", "new"} {
		for _, kind := range []string{"plain", "fastapi", "flask", "django", "celery"} {
			transaction := map[string]string{"fastapi": "ship", "flask": "ship", "django": "ship", "celery": "shop.ship"}[kind]
			all = append(all, row{"Python, " + kind + ", " + age, program(python(age), "python/shop.py", kind), pythonError, "ship_order", transaction, "42", ""})
		}
	}
	return append(all,
		row{"Python, plain, new, without brotli", program("WITHOUT_BROTLI=1", python("new"), "python/shop.py", "plain"), pythonError, "ship_order", "", "42", ""},
		row{"Node", program("node", "node/shop.mjs"), "RangeError: cannot ship order 7: no address", "shipOrder", "", "42", ""},
		row{"Node, large events", program("node", "node/shop.mjs", "large"), "RangeError: cannot ship order 7: no address", "shipOrder", "", "42", ""},
		row{"Browser", browser, "RangeError: cannot ship order 7: no address", "", "", "42", ""},
		row{"Browser, through the tunnel of the relay", tunnelled, "RangeError: cannot ship order 7: no address", "", "", "42", ""},
		row{"Go", program(".cache/shop-go"), "*fmt.wrapError: cannot ship order 7: no address", "shipOrder", "", "42", ""},
		row{"Java", program("java", "-cp", ".cache/java:.cache/java/*", "Shop"), "IllegalStateException: cannot ship order 7: no address", "shipOrder", "", "42", ".cache/java/Shop.class"},
		row{"PHP, by hand", payload("php", true), "RuntimeException: cannot ship order 7: no address", "App\\Orders::shipOrder", "", "42", ""},
		row{"Ruby, by hand", payload("ruby", false), "Orders::ShippingError: cannot ship order 7: no address (Orders::ShippingError)", "rescue in ship_order", "OrdersController#ship", "42", ""},
		row{"Java, by hand", payload("java", true), "IllegalStateException: cannot ship order 7: no address", "shipOrder", "POST /orders/{number}/ship", "42", ""},
		row{".NET, by hand", payload("dotnet", true), "System.InvalidOperationException: cannot ship order 7: no address", "void Orders.ShipOrder(int number)", "POST /orders/{number}/ship", "42", ""},
	)
}

func python(age string) string { return filepath.Join(".cache", age, "bin", "python") }

// command is a program with its arguments, after settings of its environment.
func command(ctx context.Context, dsn string, args ...string) *exec.Cmd {
	var env []string
	for strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), "SENTRY_DSN="+dsn, "NO_PROXY=127.0.0.1", "PYTHONDONTWRITEBYTECODE=1"), env...)
	return cmd
}

// program runs one that prints the IDs it sends.
func program(args ...string) func(*testing.T, string) []string {
	return func(t *testing.T, dsn string) []string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		cmd := command(ctx, dsn, args...)
		var out, errors bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errors
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, out.String(), errors.String())
		}
		return sentIDs(out.String())
	}
}

func sentIDs(out string) (ids []string) {
	for line := range strings.Lines(out) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "sent "); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// browser opens a page of another origin than the service's.
func browser(t *testing.T, dsn string) []string {
	t.Helper()
	return openPage(t, url.Values{"dsn": {dsn}})
}

// tunnelled opens one whose SDK sends all to a relay, for the error tracker of the DSN.
func tunnelled(t *testing.T, dsn string) []string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return openPage(t, url.Values{"dsn": {dsn}, "tunnel": {newTunnel(t, u.Scheme+"://"+u.Host)}})
}

// newTunnel starts a relay before an error tracker and returns the address for SDKs.
func newTunnel(t *testing.T, tracker string) string {
	t.Helper()
	relay := harness.Start(t, "browser-relay", "ADMIN_API_KEY="+harness.Key, "CORS_ORIGINS=*",
		"ERROR_TRACKER_URL="+tracker, "ERROR_TRACKER_API_KEY="+harness.Key,
		"METRICS_COLLECTOR_URL=http://127.0.0.1:9", "METRICS_COLLECTOR_API_KEY="+harness.Key)
	return relay.URL + "/api/browser/tunnel"
}

// openPage opens the page of the shop, told by a query how its SDK is set.
func openPage(t *testing.T, query url.Values) []string {
	t.Helper()
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page.js":
			http.ServeFile(w, r, ".cache/page.js")
		case "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!doctype html><title>Shop</title><script src="/page.js"></script>`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer pages.Close()
	return program("node", "node/browser.mjs", pages.URL+"/?"+query.Encode())(t, query.Get("dsn"))
}

// payload sends envelopes as the SDK of a language that is not at hand sends them.
func payload(language string, compress bool) func(*testing.T, string) []string {
	return func(t *testing.T, dsn string) (sent []string) {
		t.Helper()
		text, err := os.ReadFile("payloads/" + language + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().UTC()
		ids := []string{newID(), newID()}
		fill := strings.NewReplacer("@ERROR", ids[0], "@MESSAGE", ids[1], "@DSN", dsn, "@KEY", u.User.Username(), "@UNIX", fmt.Sprint(now.Unix()),
			"@NOW", now.Format("2006-01-02T15:04:05.000Z"), "@OFFSET", now.Format("2006-01-02T15:04:05.0000000+00:00"))
		for i, envelope := range strings.Split(string(text), "===\n") {
			header, rest, _ := strings.Cut(fill.Replace(envelope), "\n")
			item, event, _ := strings.Cut(strings.TrimRight(rest, "\n"), "\n")
			body := header + "\n" + strings.Replace(item, "@LENGTH", fmt.Sprint(len(event)), 1) + "\n" + event + "\n"
			post(t, u, body, compress)
			sent = append(sent, ids[i])
		}
		return sent
	}
}

func post(t *testing.T, dsn *url.URL, envelope string, compress bool) {
	t.Helper()
	var body bytes.Buffer
	if compress {
		z := gzip.NewWriter(&body)
		_, _ = z.Write([]byte(envelope))
		_ = z.Close()
	} else {
		body.WriteString(envelope)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+dsn.Host+"/api"+dsn.Path+"/envelope/", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-sentry-envelope")
	req.Header.Set("X-Sentry-Auth", "Sentry sentry_version=7, sentry_client=by.hand/1.0, sentry_key="+dsn.User.Username())
	if compress {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%d for %.200s", res.StatusCode, envelope)
	}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
