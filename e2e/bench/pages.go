package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

const (
	perIssue   = 100 // events of an issue
	batch      = 100 // reports in a request
	pageRounds = 100 // requests for each page
)

// pages measures how long the pages take of a tracker that holds many events.
func (b *bench) pages() error {
	many := *b
	many.settings = append([]string{"KEEP_OCCURRENCES=50"}, b.settings...) // as it comes
	s, err := many.start()
	if err != nil {
		return err
	}
	defer s.stop()
	began := time.Now()
	if err := s.fill(b.events); err != nil {
		return err
	}
	fmt.Printf("pages with %d events in %d issues, 50 and the first of each kept in full (%.0f MB), filled in %v; one request after the other, with the time of the network\n\n",
		b.events, b.events/perIssue, float64(s.diskBytes())/1e6, time.Since(began).Round(time.Second))
	fmt.Println("| page | p50 | p95 | slowest | bytes |")
	fmt.Println("|---|--:|--:|--:|--:|")
	random := rand.New(rand.NewPCG(1, 2))
	issue := func() string { return fmt.Sprint("/errors/", 1+random.IntN(b.events/perIssue)) }
	for _, page := range []struct {
		name string
		path func() string
	}{
		{"list", func() string { return "/" }},
		{"list of a project", func() string { return "/?project=service-3" }},
		{"list of an environment, by events", func() string { return "/?environment=staging&sort=count" }},
		{"list, a search", func() string { return "/?search=save_" + word(random.IntN(b.events/perIssue)) }},
		{"list, a search without a hit", func() string { return "/?search=nothing+like+this" }},
		{"issue, any of them", issue},
		{"issue, in 14 days", func() string { return issue() + "?stats=14d" }},
		{"ingest", func() string { return "/ingest" }},
		{"API: list of 50", func() string { return "/api/errors" }},
	} {
		var took []time.Duration
		size := 0
		for range pageRounds {
			path := page.path()
			began := time.Now()
			n, err := s.read(path)
			if err != nil {
				return err
			}
			took, size = append(took, time.Since(began)), max(size, n)
		}
		ms := func(p int) float64 { return harness.Percentile(took, p).Seconds() * 1000 }
		if page.name == "list" || page.name == "issue, any of them" {
			what := fmt.Sprintf("p95 of the page %q with %d events", page.name, b.events)
			if err := b.note(what, ms(95), "ms", true, 50); err != nil {
				return err
			}
		}
		fmt.Printf("| %s | %.1f ms | %.1f ms | %.1f ms | %d |\n", page.name, ms(50), ms(95), ms(100), size)
	}
	fmt.Println()
	return nil
}

// fill reports so many events, in a hundredth as many issues.
func (s *server) fill(events int) error {
	random := rand.New(rand.NewPCG(3, 4))
	client := newClient(4)
	defer client.CloseIdleConnections()
	jobs := make(chan *request)
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range 4 {
		wait.Go(func() {
			for r := range jobs {
				for {
					err := post(client, s.url, r)
					if err == errBusy { //nolint:errorlint // it is never wrapped
						time.Sleep(50 * time.Millisecond)
						continue
					}
					if err != nil {
						mu.Lock()
						failed = err
						mu.Unlock()
					}
					break
				}
			}
		})
	}
	for sent := 0; sent < events; sent += batch {
		var b bytes.Buffer
		b.WriteString(`{"reports":[`)
		for i := range batch {
			if i > 0 {
				b.WriteByte(',')
			}
			n := sent + i
			b.Write(encode(small(random, n%(events/perIssue), n)))
		}
		b.WriteString("]}")
		jobs <- &request{"/api/errors/batch", map[string]string{"X-API-Key": harness.Key, "Content-Type": "application/json"}, b.Bytes()}
	}
	close(jobs)
	wait.Wait()
	return failed
}

// small is a report of about 900 bytes; the name of the function that failed tells
// issues apart.
func small(random *rand.Rand, issue, n int) map[string]any {
	r := report(random, issue, n)
	function := fmt.Sprintf("save_%s_%d", word(issue), issue)
	r["traceback"] = fmt.Sprintf("Traceback (most recent call last):\n  File \"/srv/app/views/%s.py\", line %d, in post\n    order = self.%s(order)\n  File \"/srv/app/store/%s.py\", line %d, in %s\n    raise error(order)\nValueError: order cannot be stored",
		words[issue%len(words)], 40+issue, function, words[issue%len(words)], 90+issue, function)
	return r
}

// read gets a page and returns its size.
func (s *server) read(path string) (int, error) {
	req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-API-Key", harness.Key)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d", path, res.StatusCode)
	}
	return len(text), err
}
