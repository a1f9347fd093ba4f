package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// request is what is sent over and over.
type request struct {
	path   string
	header map[string]string
	body   []byte
}

// headlineReport is the row that stands for the service.
const headlineReport = "8 KB"

// measure gives a row about requests that make makes for a server.
func (b *bench) measure(name string, make func(*server) ([]request, error)) (string, error) {
	s, err := b.start()
	if err != nil {
		return "", err
	}
	defer s.stop()
	requests, err := make(s)
	if err != nil {
		return "", err
	}
	empty := s.diskBytes()

	cpu, err := s.cpu()
	if err != nil {
		return "", err
	}
	full := atFullSpeed(s, requests, b.connections, b.length)
	if full.failed > 0 {
		return "", fmt.Errorf("%s: %d of %d requests failed: %s", name, full.failed, len(full.took), full.why)
	}
	cpuAfter, err := s.cpu()
	if err != nil {
		return "", err
	}
	steady := atRate(s, requests, b.rate, b.length)
	if steady.failed > 0 {
		return "", fmt.Errorf("%s: %d of %d requests at %d/s failed: %s", name, steady.failed, len(steady.took), b.rate, steady.why)
	}
	memory, err := harness.MemoryOf(s.cmd.Process.Pid)
	if err != nil {
		return "", err
	}
	// A clean stop moves the log into the database file; then it can be measured.
	events := full.stored() + steady.stored()
	_ = s.cmd.Process.Signal(stopSignal)
	_ = s.cmd.Wait()
	perEvent := float64(s.diskBytes()-empty) / float64(events)
	if name == headlineReport {
		p95 := harness.Percentile(steady.took, 95).Seconds() * 1000
		err = errors.Join(
			b.note("reports of 8 KB, on disk before the answer", float64(full.stored())/full.elapsed.Seconds(), "/s", false, 1200),
			b.note(fmt.Sprintf("p95 of a report of 8 KB at %d/s", b.rate), p95, "ms", true, 15),
			b.note("peak memory under reports of 8 KB", float64(memory.Peak)/1e6, "MB", true, 0),
		)
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("| %s | **%.0f/s** | %s | %s | %d, %d | %.2f ms | %.1f MB | %.0f B |",
		name, float64(full.stored())/full.elapsed.Seconds(), full.percentiles(), steady.percentiles(), full.busy, steady.busy,
		(cpuAfter-cpu).Seconds()*1000/float64(len(full.took)), float64(memory.Peak)/1e6, perEvent), nil
}

// result is what a run of requests gave.
type result struct {
	took    []time.Duration
	elapsed time.Duration
	busy    int // answered 503: come back later
	failed  int // answered anything else, or not at all
	why     string
}

func (r *result) stored() int { return len(r.took) - r.busy - r.failed }

func (r *result) percentiles() string {
	ms := func(p int) float64 { return harness.Percentile(r.took, p).Seconds() * 1000 }
	return fmt.Sprintf("%.1f / %.1f / %.1f ms", ms(50), ms(95), ms(99))
}

func (r *result) add(took time.Duration, err error) {
	r.took = append(r.took, took)
	switch {
	case err == nil:
	case errors.Is(err, errBusy):
		r.busy++
	default:
		r.failed++
		r.why = err.Error()
	}
}

// atFullSpeed posts from so many connections, each as fast as it is answered.
func atFullSpeed(s *server, requests []request, connections int, length time.Duration) *result {
	client := newClient(connections)
	defer client.CloseIdleConnections()
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		next  atomic.Int64
		total result
	)
	start := time.Now()
	for range connections {
		all.Go(func() {
			var mine result
			for time.Since(start) < length {
				r := &requests[int(next.Add(1))%len(requests)]
				began := time.Now()
				err := post(client, s.url, r)
				mine.add(time.Since(began), err)
			}
			mu.Lock()
			defer mu.Unlock()
			total.took = append(total.took, mine.took...)
			total.busy += mine.busy
			total.failed += mine.failed
			if mine.why != "" {
				total.why = mine.why
			}
		})
	}
	all.Wait()
	total.elapsed = time.Since(start)
	return &total
}

// atRate posts at fixed times whether or not earlier posts were answered, and
// counts the time from when a post was due: a stall is not hidden.
func atRate(s *server, requests []request, rate int, length time.Duration) *result {
	client := newClient(64)
	defer client.CloseIdleConnections()
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		total result
	)
	start := time.Now()
	n := int(length.Seconds() * float64(rate))
	for i := range n {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		all.Go(func() {
			err := post(client, s.url, &requests[i%len(requests)])
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			total.add(took, err)
		})
	}
	all.Wait()
	total.elapsed = time.Since(start)
	return &total
}

func newClient(connections int) *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true},
	}
}

var errBusy = errors.New("answered 503")

func post(client *http.Client, url string, r *request) error {
	request, err := http.NewRequest(http.MethodPost, url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	for name, value := range r.header {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		return errBusy
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return fmt.Errorf("%d %s", response.StatusCode, text)
	}
	return nil
}
