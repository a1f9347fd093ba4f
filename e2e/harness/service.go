package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Key is the API key that services are started with.
const Key = "e2e-key-4f1d0c9b8a7e6f50"

const (
	startLimit = 60 * time.Second
	stopLimit  = 15 * time.Second
	healthStep = 5 * time.Millisecond
)

// Service is a program of ours that a test runs. It keeps its address over
// restarts. Do and Try may be used by several goroutines at once.
type Service struct {
	URL string // "http://127.0.0.1:port"
	Dir string // its working folder, with its database

	t      testing.TB
	name   string
	path   string
	env    []string
	under  []string // a program with its arguments that runs ours
	client *http.Client
	log    logBuffer

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// Start starts the program name with the environment settings, given as
// NAME=value, in a folder of its own, and returns when it is healthy. It is
// killed at the end of the test; if the test fails, the end of its log is shown.
func Start(t testing.TB, name string, settings ...string) *Service {
	t.Helper()
	return StartIn(t, t.TempDir(), name, settings...)
}

// StartIn is Start in a given folder.
func StartIn(t testing.TB, dir, name string, settings ...string) *Service {
	t.Helper()
	s := NewIn(t, dir, name, settings...)
	s.launch()
	return s
}

// NewIn is StartIn without the start: Restart does it.
func NewIn(t testing.TB, dir, name string, settings ...string) *Service {
	t.Helper()
	path, err := Binary(name)
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	s := &Service{
		URL: "http://" + address, Dir: dir, t: t, name: name, path: path,
		client: &http.Client{
			Timeout: 30 * time.Second,
			Transport: &http.Transport{
				MaxIdleConnsPerHost: 64, DisableCompression: true, ExpectContinueTimeout: time.Second, Proxy: nil,
			},
			// A test wants to see the redirect, not where it leads.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.env = append([]string{
		"API_KEY=" + Key, "ADDR=" + address, "BASE_URL=" + s.URL, "DATABASE_PATH=" + s.Database(), "TZ=UTC",
	}, settings...)
	t.Cleanup(s.end)
	return s
}

// end kills the process and says what a failed test wants to know.
func (s *Service) end() {
	s.Kill()
	s.client.CloseIdleConnections()
	log := s.Log()
	if strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		s.t.Errorf("%s panicked", s.name)
	}
	if s.t.Failed() {
		lines := strings.Split(strings.TrimSpace(log), "\n")
		s.t.Logf("the end of the log of %s:\n%s", s.name, strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// command is the program with the service's folder and settings.
func (s *Service) command(args ...string) *exec.Cmd {
	line := append(append(slices.Clone(s.under), s.path), args...)
	cmd := exec.CommandContext(context.Background(), line[0], line[1:]...)
	cmd.Dir = s.Dir
	cmd.Env = s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing outlives the test
	return cmd
}

func (s *Service) launch() {
	s.t.Helper()
	if !s.tryLaunch() {
		s.t.Fatalf("%s ended at its start with code %d:\n%s", s.name, s.cmd.ProcessState.ExitCode(), s.Log())
	}
}

// tryLaunch starts the program and tells whether it became healthy; otherwise
// it has ended.
func (s *Service) tryLaunch() (healthy bool) {
	s.t.Helper()
	cmd, done := s.command(), make(chan struct{})
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.done = cmd, done
	go func() {
		_ = cmd.Wait() // the exit code is in ProcessState
		close(done)
	}()
	for begin := time.Now(); ; time.Sleep(healthStep) {
		if r, err := s.Try(Request{Path: "/health", NoKey: true}); err == nil && r.Status == http.StatusOK {
			return true
		}
		if !s.Running() {
			return false
		}
		if time.Since(begin) > startLimit {
			s.t.Fatalf("%s was not healthy within %v:\n%s", s.name, startLimit, s.Log())
		}
	}
}

// Running tells whether there is a process that has not ended.
func (s *Service) Running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// Kill ends the process as a crash would, and waits until it is gone.
func (s *Service) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // an error means that it has ended already
	<-s.done
	s.client.CloseIdleConnections()
}

// Stop sends SIGTERM and returns the exit code and how long it took to end. A
// process that does not end is killed, and its code is -1.
func (s *Service) Stop() (code int, took time.Duration) {
	s.t.Helper()
	begin := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatalf("stop %s: %v", s.name, err)
	}
	select {
	case <-s.done:
		s.client.CloseIdleConnections()
		return s.cmd.ProcessState.ExitCode(), time.Since(begin)
	case <-time.After(stopLimit):
		s.Kill()
		return -1, time.Since(begin)
	}
}

// Restart starts the program again after Kill or Stop, with the same files and
// the same address, and returns when it is healthy. Further settings win over
// those given before.
func (s *Service) Restart(settings ...string) {
	s.t.Helper()
	if s.Running() {
		s.t.Fatalf("restart of %s, which is running", s.name)
	}
	s.env = append(s.env, settings...)
	s.launch()
}

// RestartUnder is Restart below another program, such as strace, that runs ours
// in its own place. It tells whether the service became healthy; if not, it has
// ended. The next Restart is without it.
func (s *Service) RestartUnder(program ...string) (healthy bool) {
	s.t.Helper()
	if s.Running() {
		s.t.Fatalf("restart of %s, which is running", s.name)
	}
	s.under = program
	defer func() { s.under = nil }()
	return s.tryLaunch()
}

// TryRestart is Restart for a service that may refuse to start.
func (s *Service) TryRestart() (healthy bool) {
	s.t.Helper()
	return s.RestartUnder()
}

// Wait waits until the process has ended by itself.
func (s *Service) Wait() {
	<-s.done
	s.client.CloseIdleConnections()
}

// Run runs the program beside the service, with the same settings, until it
// ends, and returns what it wrote and its exit code.
func (s *Service) Run(args ...string) (out string, code int) {
	s.t.Helper()
	text, err := s.command(args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(text), exit.ExitCode()
	}
	if err != nil {
		s.t.Fatalf("run %s %v: %v", s.name, args, err)
	}
	return string(text), 0
}

// RunUnder is Run below another program that runs ours in its own place.
func (s *Service) RunUnder(program []string, args ...string) (out string, code int) {
	s.t.Helper()
	s.under = program
	defer func() { s.under = nil }()
	return s.Run(args...)
}

// Database is the path of the service's database.
func (s *Service) Database() string { return filepath.Join(s.Dir, s.name+".db") }

// Log is everything the service has written, over all restarts.
func (s *Service) Log() string { return s.log.String() }

// Memory is what the process has resident now, and the most it ever had, in bytes.
func (s *Service) Memory() (now, peak int64) {
	s.t.Helper()
	m, err := MemoryOf(s.cmd.Process.Pid)
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Resident, m.Peak
}

// ResetPeak has the most that the process ever had resident counted anew.
func (s *Service) ResetPeak() {
	s.t.Helper()
	if err := ResetPeak(s.cmd.Process.Pid); err != nil {
		s.t.Fatal(err)
	}
}

// logBuffer collects what a process writes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var _ io.Writer = (*logBuffer)(nil)

// NeedRoot fails a test that needs root where there is none, so that nobody
// takes a green run for a complete one. With E2E_ALLOW_UNPRIVILEGED=1 it says
// loudly that the test did not run, and returns false.
func NeedRoot(t testing.TB, why string) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		return true
	}
	if os.Getenv("E2E_ALLOW_UNPRIVILEGED") != "1" {
		t.Fatalf("%s needs root to %s; set E2E_ALLOW_UNPRIVILEGED=1 to leave it out", t.Name(), why)
	}
	_, _ = fmt.Fprintf(os.Stderr, "\n!!! NOT RUN: %s needs root to %s\n\n", t.Name(), why)
	return false
}
