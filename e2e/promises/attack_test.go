package promises

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// memoryLimits are those of docker-compose.yml: what a service may never have
// resident, also under attack.
var memoryLimits = map[string]int64{"error-tracker": 64 << 20, "log-viewer": 160 << 20, "metrics-collector": 128 << 20, "browser-relay": 64 << 20}

// latencies sends items one after the other, and returns how long each took.
func latencies(t *testing.T, m *model, s *harness.Service, from, n int) []time.Duration {
	t.Helper()
	var all []time.Duration
	for i := range n {
		begin := time.Now()
		if r := s.Do(m.put(from + i)); !slices.Contains(m.accepted, r.Status) {
			t.Errorf("a good item: %d %.200s", r.Status, r.Body)
		}
		all = append(all, time.Since(begin))
	}
	return all
}

// B1: clients that are slow with their headers or bodies, one byte a second, or
// silent. Others do not notice, and the slow ones are gone after a while.
func TestSlowClientsHurtNobodyAndAreDropped(t *testing.T) {
	var services sync.WaitGroup // all at once: it waits for limits of time
	for _, m := range models(t) {
		s := m.start(t)
		services.Go(func() { slowClients(t, m, s) })
	}
	services.Wait()
}

func slowClients(t *testing.T, m *model, s *harness.Service) {
	const slow = 120 // an address has a share of MAX_CONNECTIONS
	alone := latencies(t, m, s, 0, 40)
	files := s.Descriptors()
	var dropped, longest atomic.Int64
	var clients sync.WaitGroup
	for n := range slow {
		clients.Go(func() {
			if took, ok := slowClient(m, s.URL, n, new(net.Dialer)); ok {
				dropped.Add(1)
				longest.Store(max(longest.Load(), int64(took)))
			}
		})
	}
	beside := latencies(t, m, s, 100, 40)
	clients.Wait()
	if dropped.Load() != slow {
		t.Errorf("%s: %d of %d slow clients are still there after 40 s", m.name, slow-dropped.Load(), slow)
	}
	for begin := time.Now(); s.Descriptors() > files+5; time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 5*time.Second {
			t.Errorf("%s: %d descriptors, %d before", m.name, s.Descriptors(), files)
			break
		}
	}
	if p99 := harness.Percentile(beside, 99); p99 > 5*time.Second {
		t.Errorf("%s: good clients waited %v", m.name, p99)
	}
	harness.Note(t, "B1", m.name, "%d slow clients dropped within %v; good ones p99 %v beside them, %v alone; descriptors after it %+d", slow, time.Duration(longest.Load()).Round(100*time.Millisecond),
		harness.Percentile(beside, 99).Round(time.Millisecond), harness.Percentile(alone, 99).Round(time.Millisecond), s.Descriptors()-files)
}

// slowClient is slow with its header, slow with its body, or silent, and says
// after how long it was dropped.
func slowClient(m *model, url string, n int, dialer *net.Dialer) (took time.Duration, dropped bool) {
	begin := time.Now()
	c, err := dialer.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return 0, true
	}
	defer func() { _ = c.Close() }()
	switch n % 3 {
	case 0:
		_, err = io.WriteString(c, "POST / HTTP/1.1\r\nX-Slow: ")
	case 1:
		_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 2000\r\n\r\n", m.put(1).Path, harness.Key)
	}
	for err == nil {
		if time.Since(begin) > 40*time.Second {
			return 0, false
		}
		if n%3 != 2 {
			if _, err = io.WriteString(c, "a"); err != nil {
				break
			}
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err = io.Copy(io.Discard, c); err == nil {
			err = io.EOF
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
	}
	return time.Since(begin), true
}

func squeezed(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// B2: bodies that become large.
func TestCompressedBombs(t *testing.T) {
	small := squeezed(t, strings.NewReader("{}"))
	wrong := bytes.Clone(small)
	wrong[len(wrong)-6] ^= 0xff // its checksum
	bodies := []struct {
		name, encoding string
		body           []byte
		status         []int
	}{
		{"256 MB in 256 KB", "gzip", squeezed(t, io.LimitReader(zeros{}, 256<<20)), []int{400, 413}},
		{"one in another", "gzip", squeezed(t, bytes.NewReader(squeezed(t, io.LimitReader(zeros{}, 64<<20)))), []int{400, 413, 415}},
		{"2,500 members", "gzip", bytes.Repeat(squeezed(t, strings.NewReader("")), 2500), []int{400, 413}},
		{"cut off", "gzip", small[:len(small)-5], []int{400}},
		{"a wrong checksum", "gzip", wrong, []int{400}},
		{"no gzip", "gzip", []byte("hello"), []int{400}},
		{"two encodings", "gzip, gzip", small, []int{415}},
		{"an unknown encoding", "zip", small, []int{415}},
	}
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		latencies(t, m, s, 0, 20)
		_, before := s.Memory()
		answered := 0
		for _, b := range bodies {
			r := m.put(1000)
			r.Body = b.body
			r.Header["Content-Encoding"] = b.encoding
			got, err := s.Try(r)
			for again := 0; err != nil && again < 2; again++ { // a refusal that closes the connection can be lost on the way
				got, err = s.Try(r)
			}
			if err != nil {
				t.Errorf("%s: no answer: %v", b.name, err)
				continue
			}
			answered++
			if !slices.Contains(b.status, got.Status) {
				t.Errorf("%s: %d %.200s, want one of %v", b.name, got.Status, got.Body, b.status)
			}
		}
		latencies(t, m, s, 2000, 1)
		_, after := s.Memory()
		if after-before > 24<<20 {
			t.Errorf("memory at its peak was %d MB more than before", (after-before)>>20)
		}
		harness.Note(t, "B2", m.name, "%d of %d bombs and broken bodies answered, with 400, 413 or 415; peak memory %+.1f MB", answered, len(bodies), float64(after-before)/(1<<20))
	})
}

// B3: JSON that parsers stumble over. Each is refused with a reason or taken,
// quickly, and never with 5xx.
func TestHostileJSON(t *testing.T) {
	bodies := map[string]string{
		"deep arrays": strings.Repeat("[", 60_000), "deep objects": strings.Repeat(`{"a":`, 12_000), "closed deep arrays": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"60,000 digits": strings.Repeat("9", 60_000), "an exponent": "1e999999999", "NaN": "NaN", "text after it": "{} {}x", "a lone surrogate": `{"a":"\ud800"}`,
		"invalid UTF-8": "{\"a\":\"\xff\xfe\"}", "NUL": `{"a":"\u0000"}`, "a byte order mark": "\xef\xbb\xbf{}", "nothing": "", "blanks": strings.Repeat(" ", 60_000),
		"an open string": `{"a":"`, "members in capitals": `{"V":1,"NAME":"x"}`, "repeated members": `{"v":1,"v":2,"name":"a","name":"b","message":"m","message":"n"}`,
		"null": "null", "true": "true", "a text": `"x"`, "many members": "{" + strings.TrimSuffix(strings.Repeat(`"k":1,`, 9_000), ",") + "}", "a comment": "{/**/}", "single quotes": "{'a':1}",
	}
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		slowest := time.Duration(0)
		for name, body := range bodies {
			r := m.put(0)
			r.Body, r.Header["Idempotency-Key"] = body, harness.NewEventID()
			begin := time.Now()
			got := s.Do(r)
			slowest = max(slowest, time.Since(begin))
			if got.Status >= 500 || got.Status >= 400 && got.Detail() == "" {
				t.Errorf("%s: %d %.200s", name, got.Status, got.Body)
			}
		}
		if slowest > 3*time.Second {
			t.Errorf("one took %v", slowest)
		}
		harness.Note(t, "B3", m.name, "%d hostile bodies: 5xx 0, the slowest %v", len(bodies), slowest.Round(time.Millisecond))
	})
}

// B6: half as much as it can take, as much, twice and four times. It refuses
// what is too much, goes on at about the speed it had, its memory has a bound,
// and health is answered. SOAK_OVERLOAD_MS is for how long each; without it only
// four times is tried.
func TestOverloadIsShed(t *testing.T) {
	length := time.Duration(soakNumber(t, "SOAK_OVERLOAD_MS", 1500)) * time.Millisecond
	steps := []float64{4}
	if os.Getenv("SOAK_OVERLOAD_MS") != "" {
		steps = []float64{0.5, 1, 2, 4}
	}
	table := []string{"| service | offered | goodput | refused | not sent | health p50, p99 | peak memory |", "|---|---|---|---|---|---|---|"}
	each(t, func(t *testing.T, m *model) {
		if m.name == "metrics-collector" {
			m.put, m.found = putCount, nil // a series for each item would be a flood
		}
		if m.name != "browser-relay" { // which has no higher limit than that of its model
			m.settings = append(m.settings, "RATE_LIMIT=1000000000")
		}
		l := newLoad(m, m.start(t))
		alone := min(length, 20*time.Second)
		l.begin(8)
		time.Sleep(alone)
		l.end()
		capacity := float64(len(l.acknowledged)) / alone.Seconds()
		l.s.Stop()
		for _, times := range steps {
			t.Run(fmt.Sprintf("%g times", times), func(t *testing.T) {
				table = append(table, overload(t, m, capacity, times, length))
			})
		}
	})
	t.Log("the curve:\n" + strings.Join(table, "\n"))
}

// overload starts requests at a rate, whether or not others were answered, and
// returns a row of the table.
func overload(t *testing.T, m *model, capacity, times float64, length time.Duration) string {
	t.Helper()
	const most = 200 // the clients of one address
	s := m.start(t)
	l := newLoad(m, s)
	end := watch(t, s.URL+"/health")
	var inFlight atomic.Int64
	offered, unsent := 0, 0
	begin := time.Now()
	for time.Since(begin) < length {
		for ; float64(offered) < times*capacity*time.Since(begin).Seconds(); offered++ {
			if inFlight.Load() >= most {
				unsent++
				continue
			}
			inFlight.Add(1)
			l.done.Go(func() {
				defer inFlight.Add(-1)
				l.one()
			})
		}
		time.Sleep(2 * time.Millisecond)
	}
	l.done.Wait()
	took := time.Since(begin)
	health := end()
	goodput := float64(len(l.acknowledged)) / took.Seconds()
	_, peak := s.Memory()
	if goodput < min(times, 1)*capacity/4 {
		t.Errorf("goodput fell from %.0f to %.0f items/s", capacity, goodput)
	}
	if peak > memoryLimits[m.name] {
		t.Errorf("memory at its peak %d MB, the bound is %d", peak>>20, memoryLimits[m.name]>>20)
	}
	if len(health) < 10 {
		t.Errorf("health was asked only %d times", len(health))
	}
	p99 := harness.Percentile(health, 99)
	if p99 > 2*time.Second {
		t.Errorf("health took %v under overload", p99)
	}
	l.odd = slices.DeleteFunc(l.odd, func(text string) bool { return strings.HasPrefix(text, "429 ") }) // as good as 503
	if m.found == nil {
		if n, least := counted(t, s, "items"), len(l.acknowledged); n < int64(least) || n > int64(least+len(l.unknown)) {
			t.Errorf("%d items are counted; %d were acknowledged, and of %d it is not known", n, least, len(l.unknown))
		}
		for _, text := range l.odd {
			t.Errorf("an item was answered with %s", text)
		}
	} else {
		l.verify(t)
	}
	refused, notSent := 100*float64(len(l.unknown))/float64(offered), 100*float64(unsent)/float64(offered)
	p50 := harness.Percentile(health, 50).Round(100 * time.Microsecond)
	p99 = p99.Round(100 * time.Microsecond)
	harness.Note(t, "B6", m.name, "%g × %.0f/s for %v: goodput %.0f/s (%.0f %%), refused %.1f %%, not sent as %d were on the way %.1f %%; health p50 %v, p99 %v; peak memory %.1f MB; lost 0",
		times, capacity, length.Round(time.Second/10), goodput, 100*goodput/capacity, refused, most, notSent, p50, p99, float64(peak)/1e6)
	return fmt.Sprintf("| %s | %g × %.0f/s | %.0f/s (%.0f %%) | %.1f %% | %.1f %% | %v, %v | %.1f MB |", m.name, times, capacity, goodput, 100*goodput/capacity, refused, notSent, p50, p99, float64(peak)/1e6)
}

// putCount is a point of one of a thousand series.
func putCount(n int) harness.Request {
	body := []map[string]any{{"name": "items", "type": "counter", "value": 1, "labels": map[string]string{"n": item(n % 1000)}}}
	return harness.Request{Method: http.MethodPost, Path: "/api/metrics", Body: body, Header: headers(n)}
}
