package logstest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// Lines makes entries like those of a small fleet: 13 sources at random, half
// of the lines text with varying numbers, half JSON with the ids of traces that
// go through several services. The same seed gives the same entries.
type Lines struct {
	r       *rand.Rand
	at      int64
	step    int64
	samples [][]string // lines to vary, by kind of source; nil makes its own
	traces  []trace
	buf     []byte
}

type trace struct {
	id   [2]uint64
	left int
}

// LinesStart is the time of the first entry.
const LinesStart = 1_760_000_000_000_000_000

// NewLines returns a source of entries of which n fill 24 hours. With a folder
// of log samples (files *.log), the text is made of those.
func NewLines(seed uint64, n int, samples string) (*Lines, error) {
	l := &Lines{r: rand.New(rand.NewPCG(seed, 11)), at: LinesStart, step: max(1, int64(24*time.Hour)/int64(max(n, 1)))}
	if samples == "" {
		return l, nil
	}
	files, err := filepath.Glob(filepath.Join(samples, "*.log"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		lines, err := readLines(name)
		if err != nil {
			return nil, err
		}
		l.samples = append(l.samples, lines)
	}
	if len(l.samples) == 0 {
		return nil, fmt.Errorf("%s: no files *.log", samples)
	}
	return l, nil
}

func readLines(name string) (out []string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if t := strings.ToValidUTF8(strings.TrimRight(s.Text(), "\r"), "?"); t != "" {
			out = append(out, t)
		}
	}
	return out, nil
}

var (
	textSources = []string{"nginx-1", "sshd", "postgres-1", "spark-worker", "hdfs-node", "kafka-1", "cron"}
	jsonSources = []string{"checkout", "catalog", "users", "payments", "search", "gateway"}
	jsonRoutes  = []string{"/api/cart", "/api/products", "/api/users/me", "/api/payments", "/api/search", "/api/orders"}
	jsonTexts   = []string{"request completed", "cache miss", "query executed", "token validated", "message published", "upstream responded", "retrying request", "connection reset by peer"}
	jsonLevels  = []string{"debug", "info", "info", "info", "info", "info", "info", "warn", "error"}
)

// Next returns the next entry.
func (l *Lines) Next() logs.Entry {
	l.at += l.r.Int64N(2*l.step) / 1000 * 1000
	if l.r.IntN(2) == 0 {
		return l.json()
	}
	return l.text()
}

// Batch returns the next n entries.
func (l *Lines) Batch(n int) []logs.Entry {
	out := make([]logs.Entry, n)
	for i := range out {
		out[i] = l.Next()
	}
	return out
}

func (l *Lines) json() logs.Entry {
	if len(l.traces) < 16 {
		l.traces = append(l.traces, trace{[2]uint64{l.r.Uint64(), l.r.Uint64()}, 7})
	}
	k := l.r.IntN(len(l.traces))
	t := &l.traces[k]
	t.left--
	id := t.id
	if t.left == 0 {
		l.traces[k] = l.traces[len(l.traces)-1]
		l.traces = l.traces[:len(l.traces)-1]
	}
	service := l.r.IntN(len(jsonSources))
	text, level := jsonTexts[l.r.IntN(len(jsonTexts))], jsonLevels[l.r.IntN(len(jsonLevels))]
	status := 200
	if level == "error" {
		status = 500 + l.r.IntN(4)
	}
	l.buf = fmt.Appendf(l.buf[:0], `{"ts":"%s","level":"%s","service":"%s","msg":"%s","route":"%s","status":%d,"dur_ms":%d.%d,"user_id":%d,"trace_id":"%016x%016x","span_id":"%016x"}`,
		time.Unix(0, l.at).UTC().Format("2006-01-02T15:04:05.000Z"), level, jsonSources[service], text, jsonRoutes[l.r.IntN(len(jsonRoutes))], status,
		l.r.IntN(900), l.r.IntN(100), 1000+l.r.IntN(50_000), id[0], id[1], l.r.Uint64())
	lv, _ := logs.ParseLevel(level)
	return logs.Entry{Time: l.at, Source: jsonSources[service], Level: lv, Message: string(l.buf)}
}

func (l *Lines) text() logs.Entry {
	k := l.r.IntN(len(textSources))
	e := logs.Entry{Time: l.at, Source: textSources[k], Level: logs.Info}
	switch l.r.IntN(20) {
	case 0:
		e.Level = logs.Error
	case 1:
		e.Level, e.Stream = logs.Warning, logs.Stderr
	}
	if l.samples != nil {
		lines := l.samples[k%len(l.samples)]
		e.Message = l.vary(lines[l.r.IntN(len(lines))])
		return e
	}
	ip := func() string { return fmt.Sprintf("10.%d.%d.%d", l.r.IntN(4), l.r.IntN(256), l.r.IntN(256)) }
	at := time.Unix(0, l.at).UTC()
	switch textSources[k] {
	case "nginx-1":
		e.Message = fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)" %d.%03d`, ip(), at.Format("02/Jan/2006:15:04:05 -0700"), jsonRoutes[l.r.IntN(len(jsonRoutes))], 200+l.r.IntN(3)*100, l.r.IntN(100_000), l.r.IntN(2), l.r.IntN(1000))
	case "sshd":
		e.Message = fmt.Sprintf("%s combo sshd[%d]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=%s user=root", at.Format("Jan 2 15:04:05"), l.r.IntN(30_000), ip())
	case "postgres-1":
		e.Message = fmt.Sprintf("%s UTC [%d] LOG:  duration: %d.%03d ms  statement: SELECT * FROM orders WHERE customer_id = %d AND state = 'open'", at.Format("2006-01-02 15:04:05.000"), l.r.IntN(30_000), l.r.IntN(90), l.r.IntN(1000), l.r.IntN(1_000_000))
	case "spark-worker":
		e.Message = fmt.Sprintf("%s INFO executor.Executor: Finished task %d.0 in stage %d.0 (TID %d). %d bytes result sent to driver", at.Format("06/01/02 15:04:05"), l.r.IntN(2000), l.r.IntN(40), l.r.IntN(80_000), 1000+l.r.IntN(3000))
	case "hdfs-node":
		e.Message = fmt.Sprintf("%s INFO dfs.DataNode$PacketResponder: Received block blk_%d of size %d from /%s", at.Format("060102 150405"), l.r.Int64(), l.r.IntN(67_108_864), ip())
	case "kafka-1":
		e.Message = fmt.Sprintf("[%s] INFO [GroupCoordinator %d]: Member consumer-%d-%016x in group orders has failed, removing it from the group (kafka.coordinator.group.GroupCoordinator)", at.Format("2006-01-02 15:04:05,000"), l.r.IntN(3), l.r.IntN(9), l.r.Uint64())
	default:
		e.Message = fmt.Sprintf("%s host CRON[%d]: (root) CMD (run-parts --report /etc/cron.hourly) job=%d exit=%d", at.Format("Jan 2 15:04:05"), l.r.IntN(30_000), l.r.IntN(1_000_000), l.r.IntN(2))
	}
	return e
}

// vary replaces the digits of long numbers, so that no two lines of a sample
// are the same, and keeps short ones.
func (l *Lines) vary(s string) string {
	b := append(l.buf[:0], s...)
	for i := 0; i < len(b); {
		start := i
		for i < len(b) && b[i]-'0' < 10 {
			i++
		}
		if i-start >= 3 {
			for k := start + 1; k < i; k++ {
				b[k] = '0' + byte(l.r.IntN(10)) //nolint:gosec // a digit
			}
		}
		if i == start {
			i++
		}
	}
	l.buf = b
	return string(b)
}
