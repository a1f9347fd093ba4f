package server

import (
	"bufio"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// expositionType is the Prometheus text format, which every scraper reads.
const expositionType = "text/plain; version=0.0.4; charset=utf-8"

// Metrics returns a handler that writes what g gathers in the Prometheus text
// format. Where some collector fails, it writes the others. It is not
// compressed: a scrape is a few KB, a compressor hundreds. Scrapes wait for
// each other, so many at a time cost no more memory than one.
//
// The package promhttp does the same, and more formats; they are a tenth of a
// service's binary.
func Metrics(g prometheus.Gatherer) http.Handler {
	var one sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		one.Lock()
		defer one.Unlock()
		families, err := g.Gather()
		if err != nil && len(families) == 0 {
			http.Error(w, "the metrics could not be gathered", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", expositionType)
		e := exposition{bufio.NewWriter(w)}
		for _, f := range families {
			e.family(f)
		}
		_ = e.w.Flush() // the scraper left: nothing to do about it
	})
}

// exposition writes the text format, version 0.0.4.
type exposition struct{ w *bufio.Writer }

func (e exposition) text(parts ...string) {
	for _, p := range parts {
		_, _ = e.w.WriteString(p) // Flush has the error
	}
}

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (e exposition) family(f *dto.MetricFamily) {
	name := f.GetName()
	if f.Help != nil {
		e.text("# HELP ", name, " ", escapeHelp.Replace(f.GetHelp()), "\n")
	}
	kinds := map[dto.MetricType]string{dto.MetricType_COUNTER: "counter", dto.MetricType_GAUGE: "gauge",
		dto.MetricType_SUMMARY: "summary", dto.MetricType_HISTOGRAM: "histogram"}
	kind, ok := kinds[f.GetType()]
	if !ok {
		kind = "untyped"
	}
	e.text("# TYPE ", name, " ", kind, "\n")
	for _, m := range f.GetMetric() {
		switch kind {
		case "counter":
			e.sample(name, m, "", 0, m.GetCounter().GetValue())
		case "gauge":
			e.sample(name, m, "", 0, m.GetGauge().GetValue())
		case "untyped":
			e.sample(name, m, "", 0, m.GetUntyped().GetValue())
		case "summary":
			e.summary(name, m)
		case "histogram":
			e.histogram(name, m)
		}
	}
}

func (e exposition) summary(name string, m *dto.Metric) {
	s := m.GetSummary()
	for _, q := range s.GetQuantile() {
		e.sample(name, m, "quantile", q.GetQuantile(), q.GetValue())
	}
	e.sample(name+"_sum", m, "", 0, s.GetSampleSum())
	e.sample(name+"_count", m, "", 0, float64(s.GetSampleCount()))
}

func (e exposition) histogram(name string, m *dto.Metric) {
	h := m.GetHistogram()
	infinite := false
	for _, b := range h.GetBucket() {
		e.sample(name+"_bucket", m, "le", b.GetUpperBound(), float64(b.GetCumulativeCount()))
		infinite = infinite || math.IsInf(b.GetUpperBound(), 1)
	}
	if !infinite {
		e.sample(name+"_bucket", m, "le", math.Inf(1), float64(h.GetSampleCount()))
	}
	e.sample(name+"_sum", m, "", 0, h.GetSampleSum())
	e.sample(name+"_count", m, "", 0, float64(h.GetSampleCount()))
}

// sample writes a line. extra is a label with a number, "" for none.
func (e exposition) sample(name string, m *dto.Metric, extra string, at, value float64) {
	e.text(name)
	separator := "{"
	for _, l := range m.GetLabel() {
		e.text(separator, l.GetName(), `="`, escapeValue.Replace(l.GetValue()), `"`)
		separator = ","
	}
	if extra != "" {
		e.text(separator, extra, `="`, number(at), `"`)
		separator = ","
	}
	if separator == "," {
		e.text("}")
	}
	e.text(" ", number(value))
	if m.TimestampMs != nil {
		e.text(" ", strconv.FormatInt(m.GetTimestampMs(), 10))
	}
	e.text("\n")
}

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
