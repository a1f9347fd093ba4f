package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// openTails is the gauge of live streams.
func openTails(t *testing.T, s *harness.Service) int {
	t.Helper()
	for line := range strings.Lines(s.Get("/metrics").Body) {
		if value, ok := strings.CutPrefix(line, "log_viewer_tails "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("/metrics has no log_viewer_tails")
	return 0
}

// rawTail opens a stream that nobody reads, with a small window.
func rawTail(t *testing.T, s *harness.Service) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /api/logs/tail HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", harness.Key)
	return c
}

// flood sends n lines and returns when they are all stored.
func flood(t *testing.T, s *harness.Service, n int) {
	t.Helper()
	const batch = 2000
	text := strings.Repeat("x", 400)
	for from := 0; from < n; from += batch {
		var body strings.Builder
		for i := from; i < from+batch; i++ {
			fmt.Fprintf(&body, `{"container":"flood","message":"%d %s"}`+"\n", i, text)
		}
		if r := s.Post("/api/logs", body.String()); r.Status != http.StatusAccepted {
			t.Fatalf("send: %d %.200s", r.Status, r.Body)
		}
	}
}

// A reader that is too slow costs little memory, is told how many entries it
// missed, and gets what comes afterwards.
func TestSlowReadersOfTheTailAreToldWhatTheyMissed(t *testing.T) {
	s, _ := startLogs(t)
	c := rawTail(t, s)
	eventually(t, "the stream", func() bool { return openTails(t, s) == 1 })
	const n = 60_000 // 25 MB, which no buffer of a socket holds
	flood(t, s, n)
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil) //nolint:bodyclose // closing it would wait for the end of the stream
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	got, dropped := 0, 0
	for got+dropped < n && lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e struct{ ID, Count int64 }
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.ID > 0 && e.ID != int64(got+dropped)+1:
			t.Fatalf("entry %d came after %d entries and %d that were dropped", e.ID, got, dropped)
		case e.ID > 0:
			got++
		case e.Count > 0:
			dropped += int(e.Count)
		}
	}
	if got+dropped != n || dropped == 0 || got < 1000 {
		t.Errorf("%d entries came and %d were dropped of %d: %v", got, dropped, n, lines.Err())
	}
	t.Logf("%d entries came, %d were dropped", got, dropped)
	if body := s.Get("/metrics").Body; !strings.Contains(body, fmt.Sprintf("\nlog_viewer_tail_dropped_total %d\n", dropped)) {
		t.Error("log_viewer_tail_dropped_total does not agree")
	}
	flood(t, s, 2000)
	if _, message := nextLog(t, lines); !strings.HasPrefix(message, "0 x") {
		t.Errorf("afterwards came %.20q", message)
	}
}

// Streams that are opened and left, again and again and many at once, take
// neither places nor memory for good.
func TestAThousandTailsComeAndGo(t *testing.T) {
	s, _ := startLogs(t)
	eventually(t, "an answer", func() bool { return openTails(t, s) == 0 })
	before, _ := s.Memory()
	refused := 0
	for range 10 {
		var open []net.Conn
		for range 100 {
			open = append(open, rawTail(t, s))
		}
		for _, c := range open {
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			status := make([]byte, len("HTTP/1.1 200"))
			if _, err := io.ReadFull(c, status); err != nil {
				t.Fatal(err)
			}
			switch string(status[len("HTTP/1.1 "):]) {
			case "200":
			case "503":
				refused++
			default:
				t.Fatalf("%s", status)
			}
		}
		if n := openTails(t, s); n > 50 {
			t.Errorf("%d streams are open, the limit is 50", n)
		}
		for _, c := range open {
			c.Close()
		}
		eventually(t, "the end of the streams", func() bool { return openTails(t, s) == 0 })
	}
	after, _ := s.Memory()
	if refused < 100 {
		t.Errorf("%d of 1,000 streams were refused; they were not open at once", refused)
	}
	if after > before+24<<20 {
		t.Errorf("memory grew from %d to %d MB", before>>20, after>>20)
	}
	t.Logf("%d of 1,000 refused, memory %.1f → %.1f MB", refused, float64(before)/(1<<20), float64(after)/(1<<20))
}
