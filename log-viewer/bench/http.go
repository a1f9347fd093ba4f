package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

const benchKey = "bench-only-key-5c1e77d0"

// server is a running log-viewer.
type server struct {
	url    string
	dir    string
	cmd    *exec.Cmd
	client *http.Client
}

func startServer(ctx context.Context, bin, dir string, env ...string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	empty := filepath.Join(dir, "containers")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		return nil, err
	}
	s := &server{url: "http://" + addr, dir: dir, client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	s.cmd = exec.CommandContext(ctx, bin)
	s.cmd.Env = append(append(os.Environ(), "ADDR="+addr, "API_KEY="+benchKey, "DATABASE_PATH="+filepath.Join(dir, "logs.db"), "LOG_SOURCES="+empty, "CONTAINERS=",
		"RATE_LIMIT=1000000000", "MAX_ENTRIES=100000000", "RETENTION_DAYS=3650", "LOG_LEVEL=error"), env...)
	s.cmd.Stdout, s.cmd.Stderr = os.Stderr, os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if res, err := s.client.Get(s.url + "/health"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("log-viewer does not answer")
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

func (s *server) do(method, path string, body []byte) ([]byte, int, error) {
	r, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("X-API-Key", benchKey)
	r.Header.Set("Content-Type", "application/x-ndjson")
	res, err := s.client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return b, res.StatusCode, err
}

// encode makes the body of POST /api/logs of a batch.
func encode(batch []logs.Entry) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for _, x := range batch {
		e.Encode(map[string]any{"timestamp": x.When().Format(time.RFC3339Nano), "container": x.Source, "stream": []string{"stdout", "stderr"}[x.Stream], "level": x.Level.String(), "message": x.Message})
	}
	return out.Bytes()
}

func (s *server) post(body []byte) error {
	for {
		answer, status, err := s.do(http.MethodPost, "/api/logs", body)
		switch {
		case err != nil:
			return err
		case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
			time.Sleep(50 * time.Millisecond)
		case status/100 != 2:
			return fmt.Errorf("POST /api/logs: %d %s", status, answer)
		default:
			return nil
		}
	}
}

// headlineRun is the run that stands for the service.
const headlineRun = "2 writers"

// benchHTTP measures the built service from outside.
func benchHTTP(ctx context.Context, c config) error {
	fmt.Printf("\n### Over HTTP: %d lines in posts of %d, answered when they are on disk\n\n| run | lines/s | CPU s per 1 M | disk MB per 1 M, at once and at rest | peak RSS MB | RSS at rest MB |\n|---|---|---|---|---|---|\n", c.lines, batchLines)
	if strings.Contains("fresh", c.run) {
		if err := benchFresh(ctx, c); err != nil {
			return err
		}
	}
	for _, run := range []struct {
		name    string
		writers int
		rate    int
		env     []string
	}{
		{"1 writer", 1, 0, nil}, {headlineRun, 2, 0, nil}, {"1,000 lines/s for 60 s", 1, 1000, nil}, {"2 writers, MEMORY_LIMIT=48MB", 2, 0, []string{"MEMORY_LIMIT=48MB"}},
	} {
		if !strings.Contains(run.name, c.run) {
			continue
		}
		if err := benchRun(ctx, c, run.name, run.writers, run.rate, run.env); err != nil {
			return err
		}
	}
	return nil
}

// benchFresh measures a service that has nothing to do yet.
func benchFresh(ctx context.Context, c config) error {
	dir, err := os.MkdirTemp("", "bench-logs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(ctx, c.bin, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	time.Sleep(c.rest)
	pid := s.cmd.Process.Pid
	fmt.Printf("| fresh, without lines | - | - | - | %.0f | %.0f |\n", memory(pid, "VmHWM"), memory(pid, "VmRSS"))
	return nil
}

func benchRun(ctx context.Context, c config, name string, writers, rate int, env []string) error {
	dir, err := os.MkdirTemp("", "bench-logs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(ctx, c.bin, dir, env...)
	if err != nil {
		return err
	}
	defer s.stop()
	pid := s.cmd.Process.Pid
	if rate > 0 {
		c.lines = 60 * rate
	}
	// Bodies are made ahead, so that the client takes little of the machine.
	ready := make(chan []byte, 4000)
	trace, last := "", int64(0)
	var made sync.WaitGroup
	made.Go(func() {
		_, trace, last, err = feed(c, func(b []logs.Entry) error { ready <- encode(b); return nil })
		close(ready)
	})
	if c.lines <= 2_000_000 {
		made.Wait()
	}
	before, began := cpuOf(pid), time.Now()
	var group sync.WaitGroup
	failed := make(chan error, writers)
	for range writers {
		group.Go(func() {
			for n := 0; ; n++ {
				body, ok := <-ready
				if !ok {
					return
				}
				if rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(n) * batchLines * time.Second / time.Duration(rate))))
				}
				if err := s.post(body); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	made.Wait()
	select {
	case err = <-failed:
	default:
	}
	if err != nil {
		return err
	}
	for before := cpuOf(pid); ; before = cpuOf(pid) { // sealing goes on for a moment
		time.Sleep(500 * time.Millisecond)
		if cpuOf(pid) == before {
			break
		}
	}
	m := float64(c.lines) / 1e6
	used, peak, disk := (cpuOf(pid) - before).Seconds(), memory(pid, "VmHWM"), diskMB(dir)
	time.Sleep(c.rest)
	if name == headlineRun {
		err = errors.Join(
			c.note("over HTTP: lines from two writers, each batch on disk", "", float64(c.lines)/took.Seconds(), "/s", false, 200_000),
			c.note("over HTTP: processor time for a million lines", "", used/m, "s", true, 0),
			c.note("over HTTP: peak memory", "", peak, "MB", true, 0),
			c.note(fmt.Sprintf("memory at rest, %v after the lines", c.rest), "", memory(pid, "VmRSS"), "MB", true, 0),
		)
		if err != nil {
			return err
		}
	}
	fmt.Printf("| %s | %.0f | %.1f | %.1f, %.1f | %.0f | %.0f |\n", name, float64(c.lines)/took.Seconds(), used/m, disk/m, diskMB(dir)/m, peak, memory(pid, "VmRSS"))
	if rate > 0 || writers == 1 || env != nil {
		return nil
	}
	return s.queries(trace, last)
}

// queries asks over HTTP what the store was asked directly.
func (s *server) queries(trace string, last int64) error {
	pid := s.cmd.Process.Pid
	out := "\n| query over HTTP | p50 ms | p95 ms | CPU ms | total |\n|---|---|---|---|---|\n"
	for _, q := range questions {
		if q.histogram {
			continue
		}
		p := url.Values{"limit": {"100"}}
		if q.search != "" {
			p.Set("search", q.search)
		}
		if q.search == "%s" {
			p.Set("search", trace)
		}
		if q.level {
			p.Set("level", ">=ERROR")
			p.Set("since", time.Unix(0, last).Add(-time.Hour).UTC().Format(time.RFC3339))
		}
		var answer struct{ Total int64 }
		p50, p95, used, err := measure(func() error {
			b, status, err := s.do(http.MethodGet, "/api/logs?"+p.Encode(), nil)
			if err != nil {
				return err
			}
			if status != http.StatusOK {
				return fmt.Errorf("%s: %d %s", q.name, status, b)
			}
			return json.Unmarshal(b, &answer)
		}, func() time.Duration { return cpuOf(pid) })
		if err != nil {
			return err
		}
		out += fmt.Sprintf("| %s | %.2f | %.2f | %.2f | %d |\n", q.name, p50, p95, used, answer.Total)
	}
	defer fmt.Println(out)
	return nil
}
