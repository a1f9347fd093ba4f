package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// TestMain lets the test binary be the service of the example, so that tests can
// send signals to a real process.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_NOTES") != "" {
		Example()
		return
	}
	os.Exit(m.Run())
}

// notes is the service of the example with arguments and environment.
func notes(args []string, env map[string]string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	p := server.Program[settings]{Service: "notes", Version: "1.2.3", About: "keeps notes", Load: load, Run: run}
	code = p.Main(context.Background(), args, lookup, &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestArguments(t *testing.T) {
	good := map[string]string{"API_KEY": testKey}
	bad := map[string]string{"API_KEY": "changeme", "RETENTION_DAYS": "soon", "LOG_LEVEL": "loud", "ADDR": "x"}
	mistakes := `ADDR = "x", want address:port such as :8000 or 127.0.0.1:8000
API_KEY has 8 characters, want at least 16: make one with: openssl rand -hex 16
RETENTION_DAYS = "soon", want a whole number of days, or a time such as 12h or 30d
LOG_LEVEL = "loud", want error, warn, info or debug
`
	tests := map[string]struct {
		args           []string
		env            map[string]string
		code           int
		stdout, stderr string
	}{
		"version":                    {[]string{"--version"}, nil, 0, "notes 1.2.3\n", ""},
		"good settings":              {[]string{"--check-config"}, good, 0, "configuration is valid\n", ""},
		"bad settings":               {[]string{"--check-config"}, bad, 1, "", mistakes},
		"start with bad settings":    {nil, bad, 1, "", mistakes},
		"other arguments are passed": {[]string{"--frobnicate", "--version"}, bad, 1, "", mistakes},
	}
	for name, tt := range tests {
		code, stdout, stderr := notes(tt.args, tt.env)
		if code != tt.code || stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("%s: exit %d\nstdout %s\nstderr %s\nwant %d\nstdout %s\nstderr %s", name, code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
		}
	}
	code, help, _ := notes([]string{"--help"}, bad)
	for _, want := range []string{"notes 1.2.3: keeps notes", "API_KEY or API_KEY_FILE", "RETENTION_DAYS", "90d", "LOG_LEVEL", "MAX_INFLIGHT_BYTES", "8MB"} {
		if code != 0 || !strings.Contains(help, want) {
			t.Errorf("--help = %d without %q:\n%s", code, want, help)
		}
	}
}

func TestBackupCopiesTheDatabaseWhateverTheOtherSettings(t *testing.T) {
	dir := t.TempDir()
	schema := fstest.MapFS{"0001_start.sql": {Data: []byte("CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;")}}
	db, err := sqlitedb.Open(t.Context(), dir+"/notes.db", sqlitedb.Options{Migrations: schema, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	database := dir + "/notes.db"
	flag := func(args ...string) (code int, stdout, stderr string) {
		var out, errOut bytes.Buffer
		p := server.Program[settings]{
			Service: "notes", Load: load, Run: run, Database: func(settings) string { return database }, Schema: sqlitedb.Options{Migrations: schema},
		}
		code = p.Main(t.Context(), args, func(string) (string, bool) { return "", false }, &out, &errOut)
		return code, out.String(), errOut.String()
	}
	backup := func(args ...string) (code int, stdout, stderr string) {
		return flag(append([]string{"--backup"}, args...)...)
	}
	if code, out, _ := backup(dir + "/copy.db"); code != 0 || !strings.Contains(out, "copied to") {
		t.Errorf("backup = %d %s", code, out)
	}
	if fi, err := os.Stat(dir + "/copy.db"); err != nil || fi.Size() == 0 {
		t.Errorf("the copy: %v", err)
	}
	if code, out, _ := flag("--verify-backup", dir+"/copy.db"); code != 0 || !strings.Contains(out, "is whole, schema version 1, notes 0") {
		t.Errorf("verify = %d %s", code, out)
	}
	if code, out, _ := flag("--schema-version"); code != 0 || out != "1\n" {
		t.Errorf("--schema-version = %d %s", code, out)
	}
	code, streamed, _ := backup("-")
	if err := os.WriteFile(dir+"/streamed.db", []byte(streamed), 0o600); err != nil {
		t.Fatal(err)
	}
	if verified, _, stderr := flag("--verify-backup", dir+"/streamed.db"); code != 0 || verified != 0 {
		t.Errorf("backup to standard output = %d, and of that verify = %d %s", code, verified, stderr)
	}
	if code, out, stderr := flag("--restore", dir+"/streamed.db"); code != 0 || !strings.Contains(out, "notes.db is restored, schema version 1, notes 0") {
		t.Errorf("restore = %d %s%s", code, out, stderr)
	}
	if code, _, stderr := flag("--restore", dir+"/nothing.db"); code != 1 || !strings.Contains(stderr, "nothing.db") {
		t.Errorf("restore of nothing = %d %s", code, stderr)
	}
	if left, err := filepath.Glob(dir + "/notes.db.backup*"); err != nil || left != nil {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := os.Truncate(dir+"/streamed.db", 5000); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := flag("--verify-backup", dir+"/streamed.db"); code != 1 || out != "" || !strings.Contains(stderr, "the end is missing") {
		t.Errorf("verify of a torn backup = %d %s%s", code, out, stderr)
	}
	for want, args := range map[string][]string{"usage: notes --backup FILE": nil, "itself": {database}} {
		if code, _, stderr := backup(args...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("--backup %v = %d %q, want %q", args, code, stderr, want)
		}
	}
	database = dir + "/none.db"
	if code, _, stderr := backup(dir + "/x.db"); code != 1 || !strings.Contains(stderr, "none.db") {
		t.Errorf("without a database: %d %s", code, stderr)
	}
}

func TestHealthcheckNeedsNoSettings(t *testing.T) {
	status := 200
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		w.WriteHeader(status)
	}))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	for _, addr := range []string{":" + port, "0.0.0.0:" + port, "[::]:" + port, "127.0.0.1:" + port, "localhost:" + port} {
		if code, _, _ := notes([]string{"--healthcheck"}, map[string]string{"ADDR": addr}); code != 0 || path != "/health" {
			t.Errorf("healthcheck with ADDR=%s = %d on %q, want 0 on /health", addr, code, path)
		}
	}
	for _, status = range []int{503, 404, 302, 204} {
		if code, _, _ := notes([]string{"--healthcheck"}, map[string]string{"ADDR": ":" + port}); code != 1 {
			t.Errorf("healthcheck of a service that answers %d = %d, want 1", status, code)
		}
	}
	srv.Close()
	for _, addr := range []string{":" + port, "nonsense"} {
		if code, _, _ := notes([]string{"--healthcheck"}, map[string]string{"ADDR": addr}); code != 1 {
			t.Errorf("healthcheck of nothing with ADDR=%s = %d, want 1", addr, code)
		}
	}
}

// process is a real service.
type process struct {
	cmd  *exec.Cmd
	addr string
	out  *bufio.Scanner
}

func startProcess(t *testing.T) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = []string{"RUN_NOTES=1", "API_KEY=" + testKey, "ADDR=127.0.0.1:0"}
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, out: bufio.NewScanner(pipe)}
	var line struct{ Msg, Addr, TS, Level, Service string }
	if !p.out.Scan() || json.Unmarshal(p.out.Bytes(), &line) != nil || line.Msg != "listening" || line.Addr == "" ||
		line.TS == "" || line.Level != "info" || line.Service != "notes" {
		t.Fatalf("first line of the log: %s", p.out.Text())
	}
	p.addr = line.Addr
	return p
}

// slowPost begins a request that the service has to wait for.
func (p *process) slowPost(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, "POST /api/notes HTTP/1.1\r\nHost: x\r\nX-API-Key: "+testKey+"\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n') // so the handler is reading
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("answer %q, %v", line, err)
	}
	return c
}

func TestSignalsStopTheProcess(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := startProcess(t)
		c := p.slowPost(t)
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if !p.out.Scan() || !strings.Contains(p.out.Text(), `"msg":"stopping"`) {
			t.Fatalf("log after %v: %s", sig, p.out.Text())
		}
		_, _ = io.WriteString(c, "abc") // the request is finished in peace
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		answer, _ := io.ReadAll(c)
		if !strings.Contains(string(answer), "201 Created") || !strings.HasSuffix(string(answer), `{"bytes":3}`) {
			t.Errorf("%v: the running request got %q", sig, answer)
		}
		for p.out.Scan() {
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%v: %v, want exit code 0", sig, err)
		}
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := startProcess(t)
	p.slowPost(t)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !p.out.Scan() || !strings.Contains(p.out.Text(), `"msg":"stopping"`) {
		t.Fatalf("log: %s", p.out.Text())
	}
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for p.out.Scan() {
	}
	err := p.cmd.Wait()
	if took := time.Since(began); err == nil || took > 2*time.Second {
		t.Errorf("after the second signal: %v in %v, want a failure at once", err, took)
	}
}
