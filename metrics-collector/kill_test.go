package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// process is the real program, started from the test's own file.
type process struct {
	t    *testing.T
	addr string
	dir  string
	cmd  *exec.Cmd
	env  []string
}

func newProcess(t *testing.T, env ...string) *process {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return &process{t: t, addr: l.Addr().String(), dir: t.TempDir(), env: env}
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), append([]string{childVariable + "=1", "ADDR=" + p.addr, "API_KEY=" + testKey, "RATE_LIMIT=1000000000",
		"DATABASE_PATH=" + filepath.Join(p.dir, "metrics.db"), "AGGREGATION_INTERVAL=1s"}, p.env...)...)
	var out bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &out, &out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for range 400 {
		if res, err := http.Get("http://" + p.addr + "/health"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.kill()
	p.t.Fatalf("the service does not answer: %s", out.String())
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) do(method, path, key string, body []byte) (int, []byte, error) {
	r, err := http.NewRequest(method, "http://"+p.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("X-API-Key", testKey)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// sent is a batch, and the sum of its values for each metric.
type sent struct {
	key  string
	body []byte
	sums map[string]float64
}

func randomBatch(r *rand.Rand, key string) sent {
	b := sent{key: key, sums: map[string]float64{}}
	var points []map[string]any
	for range 1 + r.IntN(200) {
		name, typ := "kill_counter", "counter"
		if r.IntN(3) == 0 {
			name, typ = "kill_histogram", "histogram"
		}
		age := time.Duration(0)
		if r.IntN(4) == 0 {
			age = time.Duration(r.Int64N(int64(40 * time.Hour))) // hours that are merged, and days that are
		}
		v := float64(1 + r.IntN(100))
		b.sums[name] += v
		points = append(points, map[string]any{"name": name, "type": typ, "value": v, "labels": map[string]string{"n": strconv.Itoa(r.IntN(100)), "m": strconv.Itoa(r.IntN(3))},
			"timestamp": time.Now().Add(-age).UTC().Format(time.RFC3339Nano)})
	}
	b.body, _ = json.Marshal(points)
	return b
}

// TestKilledAtAnyMomentNothingIsLostOrCountedTwice kills the program at random
// moments while batches arrive and flushes and merges run. A batch without an
// answer is sent again with its key, as a client does, so in the end every
// batch counts exactly once.
func TestKilledAtAnyMomentNothingIsLostOrCountedTwice(t *testing.T) {
	const side = 2 // most of the time of a program's life is waiting
	for n := range side {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			killAndCount(t, killRounds()/side)
		})
	}
}

func killAndCount(t *testing.T, rounds int) {
	p := newProcess(t)
	want := map[string]float64{}
	batches, repeated := 0, 0
	const clients = 3
	pending := make([]*sent, clients) // the batch of each client that has no answer yet
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	for round := range rounds {
		p.start()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(round*clients+c)))
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					b := pending[c]
					if b == nil {
						fresh := randomBatch(r, fmt.Sprintf("%d-%d-%d", round, c, n))
						b = &fresh
						pending[c] = b
					}
					status, answer, err := p.do(http.MethodPost, "/api/metrics", b.key, b.body)
					if err != nil {
						return // killed: what became of the batch is not known
					}
					if status != http.StatusAccepted {
						t.Errorf("status %d: %s", status, answer)
						return
					}
					mu.Lock()
					for name, v := range b.sums {
						want[name] += v
					}
					batches++
					if bytes.Contains(answer, []byte(`"duplicate":true`)) {
						repeated++
					}
					mu.Unlock()
					pending[c] = nil
				}
			})
		}
		r := rand.New(rand.NewPCG(seed, uint64(round)+1<<40))
		time.Sleep(time.Duration(20+r.IntN(1500)) * time.Millisecond)
		p.kill()
		close(stop)
		wg.Wait()
		if t.Failed() {
			return
		}
	}
	p.start()
	defer p.kill()
	for c, b := range pending {
		if b == nil {
			continue
		}
		if status, answer, err := p.do(http.MethodPost, "/api/metrics", b.key, b.body); err != nil || status != http.StatusAccepted {
			t.Fatalf("client %d: %d %s %v", c, status, answer, err)
		}
		for name, v := range b.sums {
			want[name] += v
		}
	}
	for name, sum := range want {
		for _, step := range []string{"60", "3600"} {
			// By a label, so that it comes from the series, and as the sum of all.
			for _, by := range []string{"", "n"} {
				if got := p.total(name, step, by); got != sum {
					t.Errorf("%s, step %s, by %q: %v, want %v", name, step, by, got, sum)
				}
			}
		}
	}
	t.Logf("%d kills, %d batches, %d of them sent again after they were stored; sums exact: %v", rounds, batches, repeated, want)
}

// total is the sum of a metric over its whole time.
func (p *process) total(name, step, by string) float64 {
	p.t.Helper()
	v := url.Values{"name": {name}, "from": {"now-3d"}, "to": {time.Now().Add(time.Minute).UTC().Format(time.RFC3339)}, "step": {step}, "agg": {"sum"}, "limit": {"1000"}}
	if by != "" {
		v.Set("by", by)
	}
	status, b, err := p.do(http.MethodGet, "/api/metrics?"+v.Encode(), "", nil)
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("query: %d %s %v", status, b, err)
	}
	var answer struct {
		Data   []struct{ Value float64 }
		Series []struct{ Data []struct{ Value float64 } }
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		p.t.Fatal(err)
	}
	sum := 0.0
	for _, row := range answer.Data {
		sum += row.Value
	}
	for _, s := range answer.Series {
		for _, row := range s.Data {
			sum += row.Value
		}
	}
	return sum
}
