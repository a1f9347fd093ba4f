package main

import (
	"bytes"
	"context"
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

// target is a running server.
type target struct {
	name   string
	url    string
	dir    string
	cmd    *exec.Cmd
	client *http.Client
	key    string
	encode func(dst []byte, p []point) []byte
	path   string // where points are sent
	header map[string]string
}

const benchKey = "bench-only-key-5c1e77d0"

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start runs a server and waits until it answers. settings are further ones of
// the metrics-collector.
func start(ctx context.Context, c config, name string, settings ...string) (*target, error) {
	dir, err := os.MkdirTemp("", "bench-"+name+"-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	t := &target{name: name, dir: dir, url: "http://" + addr, client: &http.Client{
		Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	ready := "/health"
	switch name {
	case "metrics-collector":
		t.cmd = exec.CommandContext(ctx, c.bin)
		t.cmd.Env = append(os.Environ(), "ADDR="+addr, "API_KEY="+benchKey, "DATABASE_PATH="+filepath.Join(dir, "metrics.db"), "RATE_LIMIT=1000000000",
			"MAX_SERIES=1000000", "MAX_SERIES_PER_PROJECT=1000000", "MAX_SERIES_PER_METRIC=1000000")
		t.cmd.Env = append(t.cmd.Env, settings...)
		t.key, t.path, t.encode = benchKey, "/api/metrics", encodeJSON
	case "victoria-metrics":
		t.cmd = exec.CommandContext(ctx, name, "-storageDataPath="+dir, "-httpListenAddr="+addr, "-retentionPeriod=12", "-search.latencyOffset=0s")
		t.path, t.encode = "/api/v1/import", encodeImport
	case "prometheus":
		conf := filepath.Join(dir, "prometheus.yml")
		if err := os.WriteFile(conf, []byte("global: {}\n"), 0o600); err != nil {
			return nil, err
		}
		t.cmd = exec.CommandContext(ctx, name, "--config.file="+conf, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr,
			"--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=60d")
		t.path, t.encode, ready = "/api/v1/write", encodeRemoteWrite, "/-/ready"
		t.header = map[string]string{"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
	}
	log, err := os.Create(filepath.Join(dir, "log.txt"))
	if err != nil {
		return nil, err
	}
	t.cmd.Stdout, t.cmd.Stderr = log, log
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if res, err := t.client.Get(t.url + ready); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return t, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.stop()
	return nil, fmt.Errorf("%s does not answer", name)
}

// stop ends the server and deletes its data.
func (t *target) stop() {
	t.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { t.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.cmd.Process.Kill()
		<-done
	}
	os.RemoveAll(t.dir)
}

func (t *target) request(method, path string, body []byte) (*http.Request, error) {
	r, err := http.NewRequest(method, t.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if t.key != "" {
		r.Header.Set("X-API-Key", t.key)
	}
	return r, nil
}

// send posts an encoded batch and wants it accepted.
func (t *target) send(body []byte) error {
	r, err := t.request(http.MethodPost, t.path, body)
	if err != nil {
		return err
	}
	for k, v := range t.header {
		r.Header.Set(k, v)
	}
	res, err := t.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %.200s", t.name, res.Status, text)
	}
	return nil
}

// get reads an answer and how long it took.
func (t *target) get(path string) ([]byte, time.Duration, error) {
	r, err := t.request(http.MethodGet, path, nil)
	if err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	res, err := t.client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	took := time.Since(begin)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.200s", t.name, path, res.Status, b)
	}
	return b, took, err
}

// cpu is the processor time that the server has used, to 10 ms.
func (t *target) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is the resident size now and at its peak, in MB.
func (t *target) memory() (now, peak float64) { return t.status("VmRSS"), t.status("VmHWM") }

// status reads a size that the kernel knows of the process, in MB.
func (t *target) status(name string) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name+":" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib / 1024
		}
	}
	return 0
}

// disk is the size of the server's files in MB.
func (t *target) disk() float64 {
	total := int64(0)
	filepath.Walk(t.dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			total += info.Size()
		}
		return nil
	})
	return float64(total) / 1e6
}
