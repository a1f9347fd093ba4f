package status_test

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

var migrations fs.FS = fstest.MapFS{"0001_start.sql": {Data: []byte("CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT;")}}

// options are those of a small service.
func options(t *testing.T, db *sqlitedb.DB) status.Options {
	t.Helper()
	env := config.New("notes", func(string) (string, bool) { return "", false })
	log := logging.New(io.Discard, "notes", slog.LevelInfo)
	return status.Options{
		Service: "notes", Version: "1.2.3", DB: db, Edge: server.NewEdge("notes", "1.2.3", server.Load(env), log), Log: log,
		Ingest: func() status.Ingest { return status.Ingest{Unit: "notes", Accepted: 7, Rejected: 2} },
	}
}

func TestTheReportHasOneShape(t *testing.T) {
	db := dbtest.Open(t, migrations)
	o := options(t, db)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o.Started, o.Now = now.Add(-90*time.Minute), func() time.Time { return now }
	o.Warnings = func(context.Context) []string { return []string{"the moon is full"} }
	o.Log.Error("job failed", "job", "tidy")
	w := httptest.NewRecorder()
	status.New(o).Handler()(w, httptest.NewRequest(http.MethodGet, "/api/status", nil))
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("answer %d %s: %v", w.Code, w.Body, err)
	}
	for name, want := range map[string]any{
		"service": "notes", "version": "1.2.3", "status": "degraded", "started": "2026-01-02T01:34:05Z", "uptime_seconds": 5400.0, "schema_version": 1.0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if m := got["mistakes"].([]any); len(m) != 1 || m[0].(map[string]any)["message"] != "job failed" {
		t.Errorf("mistakes %v", m)
	}
	storage := got["storage"].(map[string]any)
	if storage["limit_bytes"] != nil || storage["database_bytes"].(float64) <= 0 || storage["disk_free_bytes"].(float64) <= 0 {
		t.Errorf("storage %v", storage)
	}
	if rss := got["memory"].(map[string]any)["rss_bytes"]; rss == nil || rss.(float64) < 1<<20 {
		t.Errorf("rss_bytes is %v", rss)
	}
	for _, list := range []string{"peers", "warnings", "mistakes"} {
		if _, ok := got[list].([]any); !ok {
			t.Errorf("%s is %v, want a list", list, got[list])
		}
	}
}

func TestAnAlmostFullDiskIsAWarning(t *testing.T) {
	db := dbtest.OpenWith(t, t.TempDir()+"/x.db", sqlitedb.Options{Migrations: migrations, MinFreeBytes: 1 << 60})
	r := status.New(options(t, db)).Read(t.Context())
	if r.Status != "degraded" || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "almost full") {
		t.Errorf("%s: %q", r.Status, r.Warnings)
	}
}

// peer is a service that answers /health with a status and a body.
func peer(t *testing.T, code int, body string, headers ...string) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/base/health" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/base", &asked
}

func TestPeersAreAskedForTheirHealth(t *testing.T) {
	secret, secretAsked := peer(t, 200, `{"status":"ok"}`)
	cases := map[string]struct {
		code    int
		body    string
		headers []string
		want    string
	}{
		"well":              {200, `{"status":"ok"}`, nil, "ok"},
		"disk low":          {200, `{"status":"ok","disk_low":true}`, nil, "degraded"},
		"cannot work":       {503, `{"status":"unavailable","detail":"no disk"}`, nil, "unavailable"},
		"another program":   {200, `<html>`, nil, "unreachable"},
		"a redirect":        {302, ``, []string{"Location", secret + "/health"}, "unreachable"},
		"an endless answer": {200, `{"detail":"` + strings.Repeat("x", 1<<20), nil, "unreachable"},
	}
	db := dbtest.Open(t, migrations)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			at, asked := peer(t, c.code, c.body, c.headers...)
			o := options(t, db)
			o.Peers = status.NewPeers("error-tracker", map[string]string{"error-tracker": "/", "log-viewer": at}, nil)
			s := status.New(o)
			got := s.Read(t.Context()).Peers
			if len(got) != 1 || got[0].Status != c.want || got[0].Name != "log-viewer" || got[0].Link != at {
				t.Fatalf("peers %+v, want one that is %s", got, c.want)
			}
			if s.Read(t.Context()); asked.Load() != 1 {
				t.Errorf("asked %d times within ten seconds, want once", asked.Load())
			}
		})
	}
	if secretAsked.Load() != 0 {
		t.Errorf("a redirect was followed")
	}
}

func TestAPeerThatIsAwayIsSaidSo(t *testing.T) {
	s := httptest.NewServer(nil)
	away, _ := url.Parse(s.URL)
	s.Close()
	db := dbtest.Open(t, migrations)
	o := options(t, db)
	o.Peers = status.NewPeers("error-tracker", map[string]string{"log-viewer": "https://logs.example.com"}, map[string]*url.URL{"log-viewer": away})
	got := status.New(o).Read(t.Context()).Peers
	if len(got) != 1 || got[0].Status != "unreachable" || got[0].Link != "https://logs.example.com" {
		t.Errorf("peers %+v", got)
	}
}

func TestPeersAreNamedServicesOnly(t *testing.T) {
	load := func(text string) (map[string]*url.URL, error) {
		env := config.New("notes", func(string) (string, bool) { return text, true })
		return status.LoadPeers(env), env.Err()
	}
	got, err := load("log-viewer=http://logs:8000, browser-relay=https://r.example.com/relay,")
	if err != nil || len(got) != 2 || got["log-viewer"].String() != "http://logs:8000" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"metadata=http://169.254.169.254", "log-viewer", "log-viewer=file:///etc/passwd"} {
		if _, err := load(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestThePageTellsTheSame(t *testing.T) {
	db := dbtest.Open(t, migrations)
	o := options(t, db)
	o.Log.Warn("health <b>changed</b>", "err", "<script>")
	at, _ := peer(t, 200, `{"status":"ok"}`)
	o.Peers = status.NewPeers("error-tracker", map[string]string{"log-viewer": at}, nil)
	ui, err := webui.New(webui.Options{Service: "notes", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	ui.Handle(status.Page(ui, status.New(o)))(w, httptest.NewRequest(http.MethodGet, "/status", nil))
	body := w.Body.String()
	for _, want := range []string{"<h1>Status</h1>", "Accepted", ">7<", "health &lt;b&gt;changed", "&lt;script&gt;", `href="` + at + `/status"`, "writes are refused below"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}
