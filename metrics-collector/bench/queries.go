package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The points of the queries: 1,000 gauges, a value each minute of the last
// 24 h and one each 5 minutes of the 29 days before, all but an hour.
const (
	querySeries = 1000
	minutes24h  = 24 * 60
	fives28d    = 28*24*12 + 23*12
)

type question struct {
	title string
	ours  string // of /api/metrics
	promQ string
	rng   time.Duration
	step  time.Duration
	// headline says that it stands for the service.
	headline bool
}

var questions = []question{
	{"1 series, 1 h @1m", `match=n="7"&agg=avg`, `avg(avg_over_time(bench_gauge{n="7"}[1m]))`, time.Hour, time.Minute, true},
	{"1 series, 24 h @5m", `match=n="7"&agg=avg`, `avg(avg_over_time(bench_gauge{n="7"}[5m]))`, 24 * time.Hour, 5 * time.Minute, false},
	{"1 series, 30 d @1h", `match=n="7"&agg=avg`, `avg(avg_over_time(bench_gauge{n="7"}[1h]))`, 30 * 24 * time.Hour, time.Hour, false},
	{"1000 series by endpoint, 1 h @1m", `by=endpoint&agg=avg`, `avg by(endpoint)(avg_over_time(bench_gauge[1m]))`, time.Hour, time.Minute, false},
	{"1000 series by endpoint, 24 h @5m", `by=endpoint&agg=avg`, `avg by(endpoint)(avg_over_time(bench_gauge[5m]))`, 24 * time.Hour, 5 * time.Minute, true},
	{"250 of 1000 series by endpoint, 24 h @5m", `match=method="GET"&by=endpoint&agg=avg`, `avg by(endpoint)(avg_over_time(bench_gauge{method="GET"}[5m]))`, 24 * time.Hour, 5 * time.Minute, false},
	{"1000 series by endpoint, 7 d @1h", `by=endpoint&agg=avg`, `avg by(endpoint)(avg_over_time(bench_gauge[1h]))`, 7 * 24 * time.Hour, time.Hour, false},
	{"1000 series by endpoint, 30 d @1h", `by=endpoint&agg=avg`, `avg by(endpoint)(avg_over_time(bench_gauge[1h]))`, 30 * 24 * time.Hour, time.Hour, true},
	{"all 1000 series in one, 30 d @1h", `agg=avg`, `avg(avg_over_time(bench_gauge[1h]))`, 30 * 24 * time.Hour, time.Hour, false},
}

// rounds is how often a question is asked.
const rounds = 51

// benchQueries fills all servers and then asks them in turn, so that whatever
// else the machine does meets all of them alike.
func benchQueries(ctx context.Context, c config) error {
	var targets []*target
	for _, name := range []string{"metrics-collector", "victoria-metrics"} {
		if _, err := exec.LookPath(name); c.only != "" && c.only != name || name != "metrics-collector" && err != nil {
			continue
		}
		t, err := start(ctx, c, name)
		if err != nil {
			return err
		}
		defer t.stop()
		if err := fill(t); err != nil {
			return err
		}
		targets = append(targets, t)
	}
	time.Sleep(15 * time.Second) // some make points visible only after a while
	fmt.Printf("\nQueries over HTTP: %d gauges, a point a minute for 24 h and one each 5 minutes for nearly 29 days before; "+
		"median of %d, asked in turn, in ms.\n\n| query |", querySeries, rounds)
	for _, t := range targets {
		fmt.Printf(" %s |", t.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---:|", len(targets)))
	for _, q := range questions {
		took := make([][]time.Duration, len(targets))
		for range rounds {
			for i, t := range targets {
				d, err := ask(t, q)
				if err != nil {
					return err
				}
				took[i] = append(took[i], d)
			}
		}
		fmt.Printf("| %s |", q.title)
		for i := range targets {
			slices.Sort(took[i])
			median := float64(took[i][rounds/2].Microseconds()) / 1000
			if q.headline {
				if err := c.note("query: "+q.title, targets[i].name, median, "ms", true, 0); err != nil {
					return err
				}
			}
			fmt.Printf(" %.2f |", median)
		}
		fmt.Println()
	}
	return memoryAndDisk(c, targets)
}

func memoryAndDisk(c config, targets []*target) error {
	fmt.Print("| RSS after, MB (peak) |")
	for _, t := range targets {
		now, peak := t.memory()
		fmt.Printf(" %.0f (%.0f) |", now, peak)
	}
	fmt.Print("\n| disk, MB |")
	for _, t := range targets {
		if err := c.note("disk for the 30 days that queries are asked of", t.name, t.disk(), "MB", true, 0); err != nil {
			return err
		}
		fmt.Printf(" %.1f |", t.disk())
	}
	fmt.Println()
	return nil
}

func ask(t *target, q question) (time.Duration, error) {
	now := time.Now()
	from := now.Add(-q.rng)
	var path string
	if t.name == "metrics-collector" {
		path = fmt.Sprintf("/api/metrics?name=bench_gauge&from=%d&to=%d&step=%d&limit=1000&%s", from.Unix(), now.Unix(), int(q.step.Seconds()), escaped(q.ours))
	} else {
		path = fmt.Sprintf("/api/v1/query_range?nocache=1&query=%s&start=%d&end=%d&step=%d", url.QueryEscape(q.promQ), from.Unix(), now.Unix(), int(q.step.Seconds()))
	}
	b, took, err := t.get(path)
	if err != nil {
		return 0, err
	}
	switch n, err := answerRows(t, b); {
	case err != nil:
		return 0, fmt.Errorf("%s: %s: %w", t.name, q.title, err)
	case n == 0:
		return 0, fmt.Errorf("%s: %s: the answer is empty: %.300s", t.name, q.title, b)
	}
	return took, nil
}

func escaped(query string) string {
	v := url.Values{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		v.Add(name, value)
	}
	return v.Encode()
}

// answerRows counts the buckets of an answer, so that an empty one is not
// taken for a fast one.
func answerRows(t *target, b []byte) (n int, err error) {
	if t.name == "metrics-collector" {
		var a struct {
			Data   []json.RawMessage
			Series []struct{ Data []json.RawMessage }
		}
		err = json.Unmarshal(b, &a)
		n = len(a.Data)
		for _, s := range a.Series {
			n += len(s.Data)
		}
		return n, err
	}
	var a struct {
		Data struct {
			Result []struct{ Values []json.RawMessage }
		}
	}
	err = json.Unmarshal(b, &a)
	for _, s := range a.Data.Result {
		n += len(s.Values)
	}
	return n, err
}

// fill writes the points, series by series as a backfill does.
func fill(t *target) error {
	now := time.Now().Truncate(time.Minute)
	times := make([]int64, 0, minutes24h+fives28d)
	for i := range fives28d {
		times = append(times, now.Add(-24*time.Hour-time.Duration(fives28d-i)*5*time.Minute).UnixMilli())
	}
	for i := range minutes24h {
		times = append(times, now.Add(-time.Duration(minutes24h-i)*time.Minute).UnixMilli())
	}
	var body []byte
	// Some hours at a time and all series in turn.
	for len(times) > 0 {
		n := min(len(times), 60)
		const together = 16
		for first := 0; first < querySeries; first += together {
			body = appendGauges(t, body[:0], first, min(first+together, querySeries), times[:n])
			if err := t.send(body); err != nil {
				return err
			}
		}
		times = times[n:]
	}
	if t.name != "metrics-collector" {
		return nil
	}
	// Until everything is flushed and merged.
	for range 100 {
		time.Sleep(3 * time.Second)
		b, _, err := t.get("/metrics")
		if err != nil {
			return err
		}
		f := figures(b)
		if f["metrics_collector_unflushed_cells"] == 0 && f["metrics_collector_spans_merged_total"] > 45 {
			time.Sleep(5 * time.Second)
			return nil
		}
	}
	return fmt.Errorf("%s: not merged after five minutes", t.name)
}

// appendGauges adds the values of the series from first up to end.
func appendGauges(t *target, b []byte, first, end int, times []int64) []byte {
	labels := func(series int, equals string) string {
		return `"method"` + equals + `"` + methods[series%4] + `","endpoint"` + equals + `"/e` + strconv.Itoa(series%20) + `","n"` + equals + `"` + strconv.Itoa(series) + `"`
	}
	if t.name == "metrics-collector" {
		b = append(b, '[')
		for series := first; series < end; series++ {
			for _, ms := range times {
				if len(b) > 1 {
					b = append(b, ',')
				}
				b = append(b, `{"name":"bench_gauge","type":"gauge","value":`...)
				b = strconv.AppendFloat(b, gaugeAt(series, ms), 'f', -1, 64)
				b = append(b, `,"labels":{`+labels(series, ":")+`},"timestamp":"`...)
				b = time.UnixMilli(ms).UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
				b = append(b, `"}`...)
			}
		}
		return append(b, ']')
	}
	for series := first; series < end; series++ {
		b = append(b, `{"metric":{"__name__":"bench_gauge",`+labels(series, ":")+`},"values":[`...)
		for i, ms := range times {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, gaugeAt(series, ms), 'f', -1, 64)
		}
		b = append(b, `],"timestamps":[`...)
		for i, ms := range times {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, ms, 10)
		}
		b = append(b, "]}\n"...)
	}
	return b
}

// gaugeAt is a value with two decimals that wanders.
func gaugeAt(series int, ms int64) float64 {
	x := (uint64(ms/60000)*2654435761 + uint64(series)*40503) % 4001
	return float64(series%100)*10 + float64(x)/100
}
