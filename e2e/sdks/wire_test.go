//go:build sdks

package sdks

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// wire stands between the SDKs and the service and notes what they say to each
// other. While the service is away it answers 503.
type wire struct {
	URL string

	mu    sync.Mutex
	doors map[string]string   // by project: door and encoding of the last event
	kept  map[string][]string // by project: IDs that were answered with 200
	codes map[int]int
}

func newWire(t *testing.T, s *harness.Service) *wire {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{doors: map[string]string{}, kept: map[string][]string{}, codes: map[int]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		ModifyResponse: w.note,
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) {
			w.mu.Lock()
			w.codes[http.StatusServiceUnavailable]++
			w.mu.Unlock()
			rw.WriteHeader(http.StatusServiceUnavailable)
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	w.URL = server.URL
	return w
}

func (w *wire) note(res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct{ ID string }
	_ = json.Unmarshal(body, &answer) // not every answer has one
	parts := strings.Split(res.Request.URL.Path, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes[res.StatusCode]++
	if res.StatusCode != http.StatusOK || answer.ID == "" || len(parts) < 4 {
		return nil
	}
	project := parts[2]
	w.kept[project] = append(w.kept[project], answer.ID)
	encoding := res.Request.Header.Get("Content-Encoding")
	if encoding == "" {
		encoding = "plain"
	}
	// Of a program that compresses what is large, that is told, in whichever order
	// the answers come.
	if old := w.doors[project]; old == "" || strings.HasSuffix(old, ", plain") {
		w.doors[project] = parts[3] + ", " + encoding
	}
	return nil
}

func (w *wire) door(project string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.doors[project]
}

// answered are the IDs of a project that were answered with 200.
func (w *wire) answered(project string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.kept[project])
}
