package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// client gives up: a server that hangs ends the run.
var client = http.Client{Timeout: time.Minute}

// server is a running binary with a folder of its own.
type server struct {
	url, folder string
	cmd         *exec.Cmd
}

// start runs the binary with as much kept of each issue as a busy
// installation would set, and waits until it is healthy.
func (b *bench) start() (*server, error) {
	folder, err := os.MkdirTemp("", "monlight-bench-")
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	s := &server{url: "http://" + address, folder: folder}
	s.cmd = exec.CommandContext(context.Background(), b.binary)
	s.cmd.Env = append([]string{
		"API_KEY=" + harness.Key, "ADDR=" + address, "DATABASE_PATH=" + filepath.Join(folder, "errors.db"),
		"RATE_LIMIT=100000000", "KEEP_OCCURRENCES=100000",
	}, b.settings...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		if r, err := client.Get(s.url + "/health"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("%s is not healthy after 4 s", b.binary)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	os.RemoveAll(s.folder)
}

// diskBytes is the size of the database and its log.
func (s *server) diskBytes() (total int64) {
	files, _ := filepath.Glob(filepath.Join(s.folder, "errors.db*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && !strings.HasSuffix(f, "-wal") && !strings.HasSuffix(f, "-shm") {
			total += info.Size()
		}
	}
	return total
}

// cpu is the processor time the server has used so far.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// Fields 14 and 15 of the line, counted after the name in parentheses.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil // USER_HZ is 100 on Linux
}

// idleMemory is what a service without any request has resident: its own
// memory, and the pages of its binary, which are shared and can be dropped.
func (b *bench) idleMemory() (harness.MemoryUse, error) {
	s, err := b.start()
	if err != nil {
		return harness.MemoryUse{}, err
	}
	defer s.stop()
	time.Sleep(3 * time.Second)
	return harness.MemoryOf(s.cmd.Process.Pid)
}
