package httpapi_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/metrics-collector/internal/httpapi"
	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/sqlite"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

var now = time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)

func newAPI(t *testing.T) http.Handler {
	t.Helper()
	db := dbtest.OpenWith(t, filepath.Join(t.TempDir(), "m.db"), sqlitedb.Options{Migrations: sqlite.Migrations(), MinFreeBytes: -1})
	store := sqlite.NewStore(db)
	s, err := metrics.New(t.Context(), store, metrics.Options{RetentionRaw: time.Hour, RetentionMinute: 24 * time.Hour, RetentionHour: 30 * 24 * time.Hour,
		Limits: metrics.Limits{Series: 1000, SeriesPerProject: 500, SeriesPerMetric: 100}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	log := slog.New(slog.DiscardHandler)
	httpapi.Routes(r, httpapi.Options{Collector: s, Dashboards: store, Now: func() time.Time { return now },
		Handle: func(f problem.HandlerFunc) http.HandlerFunc { return problem.Handler(log, f) }})
	return r
}

func call(t *testing.T, h http.Handler, method, target, body string, headers ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(b)
}

func TestIngestAnswersAsTheContractSays(t *testing.T) {
	point := `{"name":"n","type":"counter","value":2,"labels":{"a":"b"}}`
	tests := map[string]struct {
		target, body, key string
		status            int
		want              string
	}{
		"array":            {body: "[" + point + "," + point + "]", status: 202, want: `{"status":"accepted","count":2}`},
		"object":           {body: `{"metrics":[` + point + `]}`, status: 202, want: `{"status":"accepted","count":1}`},
		"empty body":       {body: "", status: 400, want: "body is empty"},
		"bad point":        {body: `[` + point + `,{"name":"n"}]`, status: 400, want: "metrics[1]: type is missing"},
		"partial":          {target: "?partial=1", body: `[` + point + `,{"name":"n"}]`, status: 202, want: `"count":1,"errors":[{"index":1,"detail":"type is missing, want counter, histogram or gauge"}]`},
		"partial, none":    {target: "?partial=1", body: `[{"name":"n"}]`, status: 400, want: "no point was accepted"},
		"bad partial":      {target: "?partial=maybe", body: "[" + point + "]", status: 400, want: "partial is"},
		"long key":         {body: "[" + point + "]", key: strings.Repeat("k", 256), status: 400, want: "Idempotency-Key has 256 bytes, the limit is 255"},
		"long label":       {body: `[{"name":"n","type":"gauge","value":1,"labels":{"a":"` + strings.Repeat("x", 257) + `"}}]`, status: 400, want: `label \"a\" has 257 bytes, the limit is 256`},
		"nested label":     {body: `[{"name":"n","type":"gauge","value":1,"labels":{"a":{"b":1}}}]`, status: 400, want: "is an object or array, want a text"},
		"too many labels":  {body: `[{"name":"n","type":"gauge","value":1,"labels":{` + manyLabels(31) + `}}]`, status: 400, want: "labels has 31 members, the limit is 30"},
		"huge number":      {body: `[{"name":"n","type":"gauge","value":` + strings.Repeat("9", 400) + `}]`, status: 400, want: "want a number between"},
		"label as a bomb":  {body: `[{"name":"n","type":"gauge","value":1,"labels":{"'; DROP TABLE series; --":"\u0000<script>"}}]`, status: 202, want: "accepted"},
		"invalid encoding": {body: "[{\"name\":\"\xff\xfe\",\"type\":\"gauge\",\"value\":1}]", status: 202, want: "accepted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newAPI(t)
			status, got := call(t, h, http.MethodPost, "/api/metrics"+tt.target, tt.body, "Idempotency-Key", tt.key)
			if status != tt.status || !strings.Contains(got, tt.want) {
				t.Errorf("%d %s, want %d and %s", status, got, tt.status, tt.want)
			}
		})
	}
}

func manyLabels(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"l`+string(rune('a'+i%26))+string(rune('a'+i/26))+`":"v"`)
	}
	return strings.Join(list, ",")
}

func TestRepeatedRequestsAreAnsweredAlike(t *testing.T) {
	h := newAPI(t)
	body := `[{"name":"n","type":"counter","value":2}]`
	for i, want := range []string{`{"status":"accepted","count":1}`, `{"status":"accepted","count":1,"duplicate":true}`} {
		if status, got := call(t, h, http.MethodPost, "/api/metrics", body, "Idempotency-Key", "a"); status != 202 || got != want {
			t.Errorf("try %d: %d %s, want %s", i, status, got, want)
		}
	}
	if status, got := call(t, h, http.MethodPost, "/api/metrics", strings.Replace(body, "2", "3", 1), "Idempotency-Key", "a"); status != 409 {
		t.Errorf("other body: %d %s, want 409", status, got)
	}
	if _, got := call(t, h, http.MethodGet, "/api/metrics?name=n", ""); !strings.Contains(got, `"count":1,"sum":2,`) {
		t.Errorf("counted: %s", got)
	}
}

// seed has 20 observations in a minute and a counter with two statuses.
func seed(t *testing.T, h http.Handler) {
	t.Helper()
	var points []map[string]any
	for i := range 20 {
		points = append(points, map[string]any{"name": "http_request_duration_seconds", "type": "histogram", "value": float64(i+1) / 100,
			"labels": map[string]any{"endpoint": "/a", "method": "GET"}, "timestamp": "2026-11-20T11:58:0" + string(rune('0'+i%10)) + "+00:00", "project": "shop"})
	}
	for i, status := range []string{"200", "200", "200", "503"} {
		points = append(points, map[string]any{"name": "http_requests_total", "type": "counter", "value": i + 1,
			"labels": map[string]any{"endpoint": "/a", "method": "GET", "status": status}, "timestamp": "2026-11-20T11:58:30.5Z", "project": "shop"})
	}
	for i := range 4 {
		points = append(points, map[string]any{"name": "web_vitals_lcp", "type": "histogram", "value": 1000 * (i + 1), "timestamp": "2026-11-20T13:58:10+02:00",
			"labels": map[string]any{"source": "browser", "page": "/p"}})
	}
	b, _ := json.Marshal(points)
	if status, got := call(t, h, http.MethodPost, "/api/metrics", string(b)); status != 202 {
		t.Fatalf("seed: %d %s", status, got)
	}
}

func TestQueryHasTheMembersOfTheContract(t *testing.T) {
	h := newAPI(t)
	seed(t, h)
	_, got := call(t, h, http.MethodGet, "/api/metrics?name=http_request_duration_seconds&period=1h&labels=method:GET&project=shop", "")
	var a struct {
		Name, Resolution, Period string
		Data                     []map[string]any
	}
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatal(err)
	}
	if a.Name != "http_request_duration_seconds" || a.Resolution != "minute" || a.Period != "1h" || len(a.Data) != 1 {
		t.Fatalf("answer %s", got)
	}
	row := a.Data[0]
	for _, member := range []string{"bucket", "count", "sum", "min", "max", "avg", "p50", "p95", "p99"} {
		if _, ok := row[member]; !ok {
			t.Errorf("row without %s: %v", member, row)
		}
	}
	if row["bucket"] != "2026-11-20T11:58:00Z" || row["count"] != 20.0 || row["min"] != 0.01 || row["max"] != 0.2 {
		t.Errorf("row %v", row)
	}
	// Nearest rank: the 10th and the 19th of 20.
	if p := row["p50"].(float64); p < 0.0995 || p > 0.1005 {
		t.Errorf("p50 %v", p)
	}
	if p := row["p95"].(float64); p < 0.18905 || p > 0.19095 {
		t.Errorf("p95 %v", p)
	}
	if _, got := call(t, h, http.MethodGet, "/api/metrics?name=http_requests_total&period=1h", ""); !strings.Contains(got, `"p50":null,"p95":null,"p99":null`) {
		t.Errorf("percentiles of a counter: %s", got)
	}
	if status, got := call(t, h, http.MethodGet, "/api/metrics?name=unknown", ""); status != 200 || !strings.Contains(got, `"data":[]`) || !strings.Contains(got, `"period":"24h"`) {
		t.Errorf("unknown metric: %d %s", status, got)
	}
	if _, got := call(t, h, http.MethodGet, "/api/metrics?name=unknown&period=7d", ""); !strings.Contains(got, `"resolution":"hour"`) {
		t.Errorf("seven days: %s", got)
	}
	if _, got := call(t, h, http.MethodGet, "/api/metrics?name=http_requests_total&by=status&agg=sum", ""); !strings.Contains(got,
		`"series":[{"labels":{"status":"200"},"data":[{"bucket":"2026-11-20T11:58:00Z","value":6,"count":3}]},{"labels":{"status":"503"},"data":[{"bucket":"2026-11-20T11:58:00Z","value":4,"count":1}]}]`) {
		t.Errorf("by status: %s", got)
	}
	if _, got := call(t, h, http.MethodGet, "/api/metrics?name=http_requests_total&agg=sum&step=10s&match="+url.QueryEscape(`{status=~"5..",endpoint!="/b"}`), ""); !strings.Contains(got,
		`"data":[{"bucket":"2026-11-20T11:58:30Z","value":4,"count":1}]`) {
		t.Errorf("matchers and raw points: %s", got)
	}
}

func TestDashboardHasTheMembersOfBothGenerations(t *testing.T) {
	h := newAPI(t)
	seed(t, h)
	_, got := call(t, h, http.MethodGet, "/api/dashboard?period=1h", "")
	var a map[string]any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatal(err)
	}
	sum := a["summary"].(map[string]any)
	want := map[string]any{"total_datapoints": 28.0, "distinct_metrics": 3.0, "total_requests": 10.0, "error_rate": 0.4, "avg_latency_ms": 105.0}
	for k, v := range want {
		if sum[k] != v {
			t.Errorf("summary.%s = %v, want %v", k, sum[k], v)
		}
	}
	lcp := a["web_vitals"].(map[string]any)["summary"].(map[string]any)["lcp"].(map[string]any)
	if p75 := lcp["p75"].(float64); p75 < 2985 || p75 > 3015 || lcp["rating"] != "needs-improvement" || lcp["count"] != 4.0 {
		t.Errorf("lcp %v", lcp)
	}
	endpoint := a["top_endpoints"].([]any)[0].(map[string]any)
	if diff := cmp.Diff([]any{"/a", 10.0, 0.4}, []any{endpoint["endpoint"], endpoint["requests"], endpoint["error_rate"]}); diff != "" {
		t.Error(diff)
	}
	for _, member := range []string{"period", "top_metrics", "request_rate", "latency", "error_rate"} {
		if a[member] == nil {
			t.Errorf("no %s in %s", member, got)
		}
	}
	if _, got := call(t, h, http.MethodGet, "/api/dashboard?project=other", ""); strings.Contains(got, "web_vitals") || !strings.Contains(got, `"total_datapoints":0`) {
		t.Errorf("other project: %s", got)
	}
}

func TestListsAndCardinality(t *testing.T) {
	h := newAPI(t)
	seed(t, h)
	for target, want := range map[string]string{
		"/api/projects":                                `{"projects":["shop"]}`,
		"/api/metrics/names?project=shop":              `{"metrics":[{"name":"http_request_duration_seconds","type":"histogram","series":1},{"name":"http_requests_total","type":"counter","series":2}]}`,
		"/api/metrics/labels?name=http_requests_total": `{"name":"status","values":2,"sample":["200","503"]}`,
		"/api/cardinality":                             `"series":4`,
		"/api/cardinality?project=shop&limit=1":        `"metrics":[{"name":"http_requests_total"`,
	} {
		if status, got := call(t, h, http.MethodGet, target, ""); status != 200 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s, want %s", target, status, got, want)
		}
	}
}

func TestDashboardsAreKept(t *testing.T) {
	h := newAPI(t)
	body := `{"title":"My <b>","panels":[{"metric":"m","agg":"p99.9","by":["a"],"match":"x=\"1\""}]}`
	if status, got := call(t, h, http.MethodPut, "/api/dashboards/mine", body); status != 200 {
		t.Fatalf("%d %s", status, got)
	}
	_, got := call(t, h, http.MethodGet, "/api/dashboards/mine", "")
	if want := `"panels":[{"metric":"m","agg":"p99.9","by":["a"],"match":"x=\"1\""}]`; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	// What GET answers, PUT takes.
	if status, again := call(t, h, http.MethodPut, "/api/dashboards/mine", got); status != 200 {
		t.Errorf("%d %s", status, again)
	}
	for target, body := range map[string]string{"/api/dashboards/NO": body, "/api/dashboards/a": `{"title":""}`, "/api/dashboards/b": `{"title":"t","panels":[{"metric":"m","agg":"nonsense"}]}`,
		"/api/dashboards/c": `[`, "/api/dashboards/d": `{"slug":"other","title":"t"}`, "/api/dashboards/e": `{"title":"t","panels":[{"metric":"m","match":"x="}]}`} {
		if status, got := call(t, h, http.MethodPut, target, body); status != 400 {
			t.Errorf("PUT %s %s: %d %s, want 400", target, body, status, got)
		}
	}
	if status, _ := call(t, h, http.MethodDelete, "/api/dashboards/mine", ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := call(t, h, http.MethodGet, "/api/dashboards/mine", ""); status != 404 {
		t.Errorf("after delete: %d", status)
	}
}

// hostile are texts that have broken programs.
var hostile = []string{"'", `"`, "' OR 1=1 --", `"; DROP TABLE series; --`, "%00", "\x00", "\xff\xfe", "{", "}", "{{", "a=~(", `a=~"(((((((((((((((("`, `a=~"a{1000}{1000}"`,
	"<script>", strings.Repeat("A", 10_000), strings.Repeat("(", 5000), "-1", "0", "9223372036854775808", "1e400", "NaN", "Inf", "now-", "now-1", "1s", "99999999d", "../../etc/passwd", ",,,,", strings.Repeat("a,", 3000), "𝔘"}

// Every parameter of every address takes every hostile text without an error
// of ours.
func TestHostileParametersAreAnsweredWithClearErrors(t *testing.T) {
	h := newAPI(t)
	seed(t, h)
	params := map[string][]string{
		"/api/metrics":        {"name", "project", "labels", "match", "by", "agg", "from", "to", "step", "period", "resolution", "limit", "type", "compare"},
		"/api/metrics/names":  {"project"},
		"/api/metrics/labels": {"name", "project", "values"},
		"/api/dashboard":      {"project", "period", "from", "to", "step"},
		"/api/cardinality":    {"project", "limit"},
	}
	for path, names := range params {
		for _, name := range names {
			for _, text := range hostile {
				v := url.Values{"name": {"http_requests_total"}}
				v.Set(name, text)
				begin := time.Now()
				status, got := call(t, h, http.MethodGet, path+"?"+v.Encode(), "")
				if status != 200 && status != 400 || status == 400 && !strings.Contains(got, `"detail":"`) {
					t.Errorf("%s?%s=%.40q: %d %.200s", path, name, text, status, got)
				}
				if took := time.Since(begin); took > 5*time.Second {
					t.Errorf("%s?%s=%.40q took %s", path, name, text, took)
				}
				if strings.Contains(strings.ToLower(got), "sql") {
					t.Errorf("%s?%s=%.40q: %.200s", path, name, text, got)
				}
			}
		}
	}
	for _, target := range []string{"/api/metrics?name=http_requests_total&from=0&to=now&step=1s", "/api/metrics?name=http_requests_total&period=30d&step=10s",
		"/api/metrics?name=http_requests_total&by=a,b,c,d,e,f,g,h,i"} {
		if status, got := call(t, h, http.MethodGet, target, ""); status != 400 || !strings.Contains(got, "limit") {
			t.Errorf("%s: %d %s, want 400 with the limit", target, status, got)
		}
	}
	if _, got := call(t, h, http.MethodGet, "/api/metrics?name=http_requests_total&agg=sum&by=status", ""); !strings.Contains(got, `"value":6`) {
		t.Errorf("afterwards: %s", got)
	}
}

// A million series that nobody wants stay a bounded number of them.
func TestSeriesFloodIsBounded(t *testing.T) {
	h := newAPI(t)
	var b strings.Builder
	n := 0
	for range 60 {
		b.Reset()
		b.WriteByte('[')
		for i := range 1000 {
			if i > 0 {
				b.WriteByte(',')
			}
			n++
			b.WriteString(`{"name":"flood` + string(rune('a'+n%26)) + `","type":"histogram","value":1,"project":"p` + string(rune('a'+n%7)) + `","labels":{"session":"`)
			b.WriteString(strings.Repeat("x", n%50))
			json.NewEncoder(&b).Encode(n)
			b.WriteString(`"}}`)
		}
		b.WriteByte(']')
		body := strings.ReplaceAll(b.String(), "\n", "")
		if status, got := call(t, h, http.MethodPost, "/api/metrics", body); status != 202 {
			t.Fatalf("%d %s", status, got)
		}
	}
	_, got := call(t, h, http.MethodGet, "/api/cardinality", "")
	var a struct {
		Series  int
		Limited int
		Metrics []struct{ Labels []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatal(err)
	}
	if a.Series > 1103 || a.Limited < n-1103 || a.Metrics[0].Labels[0].Name != "session" {
		t.Errorf("%d series, %d limited of %d: %.300s", a.Series, a.Limited, n, got)
	}
}
