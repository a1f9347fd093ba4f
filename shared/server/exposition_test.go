package server_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/monlight/monlight/shared/server"
)

// TestMetricsSayWhatPrometheusOwnWriterSays compares the text with that of the
// library that defines the format.
func TestMetricsSayWhatPrometheusOwnWriterSays(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	odd := []float64{0, 1, -1, 0.1, 1e21, 1e-7, 123456789, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64}
	texts := []string{"", "plain", `quo"te`, `back\slash`, "line\nfeed", "größe", "}{=,\t"}
	reg := prometheus.NewRegistry()
	gauges := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g", Help: `help \ with "all"` + "\nof it"}, []string{"a", "b"})
	counters := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total"}, []string{"a"})
	histograms := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "h", Help: "h", Buckets: []float64{.001, .1, 5, 1e9}}, []string{"a"})
	infinite := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h_inf", Buckets: []float64{1, math.Inf(1)}})
	summaries := prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: "s", Objectives: map[float64]float64{.5: .05, .99: .001}}, []string{"a"})
	untyped := prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: "u"}, func() float64 { return 3 })
	stamped := prometheus.NewMetricWithTimestamp(time.UnixMilli(1_700_000_000_123), prometheus.MustNewConstMetric(
		prometheus.NewDesc("at", "", nil, nil), prometheus.GaugeValue, 5))
	reg.MustRegister(gauges, counters, histograms, infinite, summaries, untyped, only{stamped}, collectors.NewBuildInfoCollector())
	for range 100 {
		a, b := texts[r.IntN(len(texts))], texts[r.IntN(len(texts))]
		gauges.WithLabelValues(a, b).Set(odd[r.IntN(len(odd))])
		counters.WithLabelValues(a).Add(r.ExpFloat64())
		histograms.WithLabelValues(a).Observe(r.ExpFloat64())
		infinite.Observe(r.ExpFloat64())
		summaries.WithLabelValues(b).Observe(r.NormFloat64())
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&want, f); err != nil {
			t.Fatal(err)
		}
	}
	rec := httptest.NewRecorder()
	server.Metrics(reg).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if diff := cmp.Diff(want.String(), rec.Body.String()); diff != "" {
		t.Errorf("(-prometheus +ours):\n%s", diff)
	}
	if got, want := rec.Header().Get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8"; got != want {
		t.Errorf("content type %q, want %q", got, want)
	}
}

// only is a collector of one metric.
type only struct{ m prometheus.Metric }

func (o only) Describe(ch chan<- *prometheus.Desc) { ch <- o.m.Desc() }
func (o only) Collect(ch chan<- prometheus.Metric) { ch <- o.m }

func TestMetricsOfOneFailedCollectorDoNotHideTheOthers(t *testing.T) {
	tests := map[string]struct {
		families []*dto.MetricFamily
		status   int
	}{
		"some": {[]*dto.MetricFamily{{Name: new("left")}}, http.StatusOK},
		"none": {nil, http.StatusInternalServerError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			server.Metrics(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
				return tt.families, errors.New("a secret of the collector")
			})).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if rec.Code != tt.status {
				t.Errorf("status %d, want %d", rec.Code, tt.status)
			}
			if bytes.Contains(rec.Body.Bytes(), []byte("secret")) {
				t.Errorf("the error was shown: %s", rec.Body)
			}
		})
	}
}
