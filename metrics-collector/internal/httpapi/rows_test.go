package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// watched keeps the size of the largest write.
type watched struct {
	*httptest.ResponseRecorder
	writes, largest int
}

func (w *watched) Write(b []byte) (int, error) {
	w.writes++
	w.largest = max(w.largest, len(b))
	return w.ResponseRecorder.Write(b)
}

// A large answer goes out in pieces, and is what it would be in one.
func TestLargeAnswersGoOutInPieces(t *testing.T) {
	const (
		series  = 30
		minutes = 240 // of these the last half is asked for, and compared with the first
	)
	h := newAPI(t)
	for s := range series {
		var points []map[string]any
		for m := 1; m <= minutes; m++ {
			points = append(points, map[string]any{"name": "jobs_total", "type": "counter", "value": s*1000 + m, "labels": map[string]string{"n": fmt.Sprintf("%02d", s)},
				"timestamp": now.Add(-time.Duration(m) * time.Minute).UTC().Format(time.RFC3339)})
		}
		b, err := json.Marshal(points)
		if err != nil {
			t.Fatal(err)
		}
		if status, got := call(t, h, http.MethodPost, "/api/metrics", string(b)); status != 202 {
			t.Fatalf("%d %s", status, got)
		}
	}
	w := &watched{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/metrics?name=jobs_total&by=n&agg=sum&step=1m&period=2h&compare=previous", nil))
	type rows []struct {
		Bucket time.Time
		Value  float64
	}
	type list []struct {
		Labels map[string]string
		Data   rows
	}
	var got struct {
		Series   list
		Previous struct{ Series list }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d %v", w.Code, err)
	}
	check := func(what string, l list, rows, back int) {
		if len(l) != series {
			t.Fatalf("%s has %d series, want %d", what, len(l), series)
		}
		for s := range l {
			if l[s].Labels["n"] != fmt.Sprintf("%02d", s) || len(l[s].Data) != rows {
				t.Fatalf("%s: series %d is %v with %d rows, want %d", what, s, l[s].Labels, len(l[s].Data), rows)
			}
			for i, row := range l[s].Data {
				m := minutes/2 - i
				if want := now.Truncate(time.Minute).Add(-time.Duration(m) * time.Minute); !row.Bucket.Equal(want) || row.Value != float64(s*1000+m+back) {
					t.Fatalf("%s: series %d has %v at %v, want %d at %v", what, s, row.Value, row.Bucket, s*1000+m+back, want)
				}
			}
		}
	}
	check("the answer", got.Series, minutes/2, 0)
	check("what was before", got.Previous.Series, minutes/2+1, minutes/2) // both ends are widened to whole minutes
	if w.writes < 5 || w.largest > 80<<10 {
		t.Errorf("%d bytes in %d writes of at most %d", w.Body.Len(), w.writes, w.largest)
	}
	// A small one says how long it is.
	if status, got, length := small(h); status != 200 || length != strconv.Itoa(len(got)) {
		t.Errorf("%d: Content-Length %q of %d bytes", status, length, len(got))
	}
}

func small(h http.Handler) (status int, body, length string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/metrics?name=jobs_total&period=2h&step=1h", nil))
	return w.Code, w.Body.String(), w.Header().Get("Content-Length")
}
