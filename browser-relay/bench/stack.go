package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	adminKey = "bench-only-key-5c1e77d0"
	dsnKey   = "0123456789abcdef0123456789abcdef"
)

// process is a service that runs.
type process struct {
	url string
	cmd *exec.Cmd
}

// stack is the relay and the services behind it.
type stack struct {
	dir                       string
	relay, tracker, collector *process
}

func startStack(ctx context.Context, c config) (*stack, error) {
	dir, err := os.MkdirTemp("", "bench-relay-")
	if err != nil {
		return nil, err
	}
	s := &stack{dir: dir}
	if s.tracker, err = start(ctx, c, dir, "error-tracker", "API_KEY="+adminKey); err != nil {
		return nil, err
	}
	if s.collector, err = start(ctx, c, dir, "metrics-collector", "API_KEY="+adminKey); err != nil {
		return nil, err
	}
	s.relay, err = start(ctx, c, dir, "browser-relay", "ADMIN_API_KEY="+adminKey, "DSN_KEYS=bench:"+dsnKey, "KEY_RATE_LIMIT=1000000", "SPOOL_MAX_BYTES=1GB",
		"ERROR_TRACKER_URL="+s.tracker.url, "ERROR_TRACKER_API_KEY="+adminKey, "METRICS_COLLECTOR_URL="+s.collector.url, "METRICS_COLLECTOR_API_KEY="+adminKey)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func start(ctx context.Context, c config, dir, name string, settings ...string) (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	p := &process{url: "http://" + addr, cmd: exec.CommandContext(ctx, filepath.Join(c.bin, name))}
	p.cmd.Env = append(os.Environ(), append([]string{"ADDR=" + addr, "DATABASE_PATH=" + filepath.Join(dir, name+".db"), "RATE_LIMIT=1000000"}, settings...)...)
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if _, err := p.get("/health"); err == nil {
			return p, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("%s does not answer; its log is in %s", name, dir)
}

func (p *process) get(path string) ([]byte, error) {
	r, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-API-Key", adminKey)
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return b, err
}

// cpu is the processor time that the process has used, to 10 ms.
func (p *process) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// peak is the largest resident size so far, in MB.
func (p *process) peak() float64 { return p.memory("VmHWM:") }

// restTime is how long a started service takes to give back what only its start needed.
const restTime = 4 * time.Second

// rest waits for that, has the peak counted anew, and returns what is resident.
func (p *process) rest(ctx context.Context) (float64, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(restTime):
	}
	const peak = "5"
	err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte(peak), 0)
	return p.memory("VmRSS:"), err
}

// memory is a field of /proc/PID/status, in MB.
func (p *process) memory(field string) float64 { return memoryOf(p.cmd.Process.Pid, field) }

func memoryOf(pid int, field string) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); strings.HasPrefix(line, field) {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}

// waiting is how many entries are in the relay's spool.
func (s *stack) waiting() int {
	var health struct{ Waiting int }
	b, err := s.relay.get("/health")
	if err != nil || json.Unmarshal(b, &health) != nil {
		return -1
	}
	return health.Waiting
}

// drained waits until nothing is in the spool.
func (s *stack) drained(limit time.Duration) (time.Duration, error) {
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if s.waiting() == 0 {
			return time.Since(begin), nil
		}
		if time.Since(begin) > limit {
			return 0, fmt.Errorf("%d entries still wait after %s", s.waiting(), limit)
		}
	}
}

// delivered is how many items the services behind have, as the relay counts.
func (s *stack) delivered() (n int) {
	b, _ := s.relay.get("/metrics")
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "browser_relay_items_total{") && strings.Contains(line, `what="delivered"`) {
			v, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			n += int(v)
		}
	}
	return n
}

// end stops the process, unless it was.
func (p *process) end() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.cmd.Wait()
}

func (s *stack) stop() {
	for _, p := range []*process{s.relay, s.tracker, s.collector} {
		_ = p.end()
	}
	os.RemoveAll(s.dir)
}
