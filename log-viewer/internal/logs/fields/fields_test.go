package fields_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
)

func list(message string) []string {
	var got []string
	fields.Each(message, func(name, value string) bool {
		got = append(got, name+"="+value)
		return true
	})
	return got
}

func TestEach(t *testing.T) {
	tests := map[string]struct {
		message string
		want    []string
	}{
		"text":               {"user alice logged in from 10.0.0.1", nil},
		"object":             {`{"level":"info","n":12.5,"ok":true,"none":null}`, []string{"level=info", "n=12.5", "ok=true", "none=null"}},
		"spaces":             {"{ \"a\" : 1 ,\n\t\"b\": \"x y\" }", []string{"a=1", "b=x y"}},
		"inner objects":      {`{"http":{"method":"GET","status":{"code":500}},"x":1}`, []string{"http.method=GET", "http.status.code=500", "x=1"}},
		"dots in names":      {`{"http.method":"GET"}`, []string{"http.method=GET"}},
		"arrays as written":  {`{"tags":["a", {"b":"]"}],"n":1}`, []string{`tags=["a", {"b":"]"}]`, "n=1"}},
		"empty object":       {`{"a":{},"b":""}`, []string{"a={}", "b="}},
		"escapes":            {`{"pa\"th":"C:\\x\n\u00e9"}`, []string{"pa\"th=C:\\x\né"}},
		"text before":        {`2026-11-20 12:00:00 INFO order {"id":7}`, []string{"id=7"}},
		"text after":         {`{"id":7} done in=3ms`, []string{"id=7", "in=3ms"}},
		"pairs before":       {`level=info {"id":7}`, []string{"id=7", "level=info"}},
		"brace in text":      {`set {x} to {"id":7}`, []string{"id=7"}},
		"python dict":        {`{'a': 1}`, nil},
		"cut object":         {`{"a":1,"b":"cut of`, []string{"a=1"}},
		"broken object":      {`{"a":1,"b" 2,"c":3}`, []string{"a=1"}},
		"logfmt":             {`time=2026-11-20T12:00:00Z level=warn msg="a \"b\" c" n=1`, []string{"time=2026-11-20T12:00:00Z", "level=warn", `msg=a "b" c`, "n=1"}},
		"empty values":       {`logname= uid=0 tty=NODEVssh ruser= rhost=218.188.2.4 `, []string{"logname=", "uid=0", "tty=NODEVssh", "ruser=", "rhost=218.188.2.4"}},
		"commas":             {`Foo(a=1,b=2, c=x,y)`, []string{"a=1", "b=2", "c=x,y"}},
		"brackets":           {`[myid=1] (a=f(x)) {k=v}`, []string{"myid=1", "a=f(x)", "k=v"}},
		"not a URL's query":  {`GET /x?a=1&b=2 status=200`, []string{"status=200"}},
		"comparison":         {`if a == b and c=d`, []string{"c=d"}},
		"base64":             {`token=YWJj== x=1`, []string{"token=YWJj==", "x=1"}},
		"open quote":         {`msg="never ends x=1`, []string{`msg="never`, "x=1"}},
		"quoted in a phrase": {`error: "host=db1 port=5432"`, []string{"host=db1", "port=5432"}},
		"single quotes":      {`query='select 1' rows=1`, []string{"query=select 1", "rows=1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, list(tt.message)); diff != "" {
				t.Errorf("Each(%q) (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	const m = `x=0 {"Level":"info","http":{"method":"GET","req":{"id":"r1"}},"http.method":"POST","n":-1.5e3,"a.b":{"c":1}} tail=yes`
	tests := map[string]string{
		"level": "info", "LEVEL": "info", "http.method": "GET", "HTTP.Req.ID": "r1", "n": "-1.5e3", "a.b.c": "1", "x": "0", "tail": "yes",
	}
	for name, want := range tests {
		if got, ok := fields.Lookup(m, name); !ok || got != want {
			t.Errorf("Lookup(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "http", "http.", ".method", "method", "levels", "http.req", strings.Repeat("n", 300)} {
		if got, ok := fields.Lookup(m, name); ok {
			t.Errorf("Lookup(%q) = %q, want none", name, got)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	tests := []struct{ message, trace, request string }{
		{`{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"r-1"}`, "4bf92f3577b34da6a3ce929d0e0e4736", "r-1"},
		{`level=info traceID=abc reqId=42 msg=x`, "abc", "42"},
		{`{"trace":{"id":"t9"},"http":{"request":{"id":"q"}}}`, "t9", "q"},
		{`{"trace_id":"00000000000000000000000000000000","dd.trace_id":"77","correlationId":null}`, "77", ""},
		{`no identifiers here`, "", ""},
	}
	for _, tt := range tests {
		if trace, request := fields.TraceID(tt.message), fields.RequestID(tt.message); trace != tt.trace || request != tt.request {
			t.Errorf("identifiers of %s = %q, %q, want %q, %q", tt.message, trace, request, tt.trace, tt.request)
		}
	}
	if !fields.IsTraceID("TraceId") || fields.IsTraceID("trace") || !fields.IsRequestID("X-Request-ID") {
		t.Error("names of identifiers are not recognised in every case")
	}
}

func TestLimits(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	if n := len(list(deep)); n != 1 {
		t.Errorf("a deep object has %d fields, want the deepest that is looked at", n)
	}
	if n := len(list(strings.Repeat("k=v ", 100_000))); n != fields.MaxFields {
		t.Errorf("%d fields, want %d", n, fields.MaxFields)
	}
	if n := len(list(strings.Repeat("{", 1<<20))); n != 0 {
		t.Errorf("%d fields in braces", n)
	}
	list(strings.Repeat(`{"`, 1<<20)) // must not take quadratic time
	list(strings.Repeat("a", 1<<20) + "=1")
	list(strings.Repeat("a=", 1<<20))
	list(strings.Repeat(`a="\`, 1<<18))
}

func FuzzLookupFindsWhatEachReports(f *testing.F) {
	for _, s := range []string{`{"a":{"b":"c\n"},"d":[1,{"e":2}]} k="v \" x" y=(z)`, `x {"a.b":1,"a":{"b":2}}`, "time=1 {x", `{"":{"":1}}`, `{"\u0061":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, message string) {
		seen := map[string]bool{}
		fields.Each(message, func(name, value string) bool {
			key := strings.ToLower(name)
			if name == "" || len(name) > fields.MaxName || seen[key] || !strings.EqualFold(key, name) {
				return true
			}
			seen[key] = true
			got, ok := fields.Lookup(message, name)
			if !ok {
				t.Fatalf("Each(%q) has %q, which Lookup does not find", message, name)
			}
			if got != value {
				// Names that differ in case alone are the same name.
				first := ""
				fields.Each(message, func(n, v string) bool {
					first = v
					return !strings.EqualFold(n, name) || len(n) != len(name)
				})
				if got != first {
					t.Fatalf("Lookup(%q, %q) = %q, Each has %q first", message, name, got, first)
				}
			}
			return true
		})
	})
}

func FuzzObjectsReadAsJSON(f *testing.F) {
	f.Add(`{"a":"x\ty","b":1,"c":[true],"d":null}`)
	f.Fuzz(func(t *testing.T, message string) {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(message), &object) != nil || len(object) > 100 {
			return
		}
		for name, raw := range object {
			if name == "" || len(name) > fields.MaxName || strings.Contains(message, `\`) || strings.Contains(name, "\uFFFD") || raw[0] == '{' {
				continue
			}
			if strings.Count(strings.ToLower(message), strings.ToLower(name)) > 1 {
				continue // may be there twice
			}
			want := string(raw)
			var text string
			if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
				want = text
			}
			got, ok := fields.Lookup(message, name)
			if !ok || strings.ToValidUTF8(got, "\uFFFD") != strings.ToValidUTF8(want, "\uFFFD") && !strings.Contains(want, "\uFFFD") {
				t.Fatalf("Lookup(%q, %q) = %q, %v, want %q", message, name, got, ok, want)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	lines := map[string]string{
		"json":   `{"timestamp":"2026-11-20T12:00:00.123Z","level":"info","logger":"shop.orders","message":"order accepted","order_id":48213,"user":{"id":991,"plan":"pro"},"duration_ms":12.7,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`,
		"logfmt": `time=2026-11-20T12:00:00.123Z level=info msg="order accepted" order_id=48213 user=991 duration=12.7ms trace_id=4bf92f3577b34da6a3ce929d0e0e4736`,
		"text":   `2026-11-20 12:00:00,123 - INFO  [QuorumPeer[myid/1]/0:0:0:0:2181:FastLeaderElection@774] - Notification time out: 3200`,
	}
	for name, line := range lines {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fields.Lookup(line, "trace_id")
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
