package webui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/webui"
)

// Programs in a container know the beginning of its ID, and links from their errors have it.
func TestContainersAreFoundByTheirID(t *testing.T) {
	const host = "3f2a91c04b7d"
	id := host + strings.Repeat("0", 52)
	h, s := pagesReading(t, func() webui.Reading {
		return webui.Reading{Sources: []webui.SourceState{{ID: id, Name: "web"}, {ID: strings.Repeat("c", 64), Name: strings.Repeat("c", 12)}}}
	})
	for _, name := range []string{"web", "api", "deadbeef0000"} {
		add(t, s, name, logs.Error, now, "down")
	}
	for target, want := range map[string]string{
		"/?container=" + host + "&since=2026-11-20T11%3A00%3A00Z": "/?container=web&since=2026-11-20T11%3A00%3A00Z",
		"/?container=" + id: "/?container=web",
		"/?container=api&container=" + host + "&container=web":    "/?container=api&container=web",
		"/?container=" + strings.Repeat("a", 12) + "&level=error": "/?level=error",
		"/?container=deadbeef0000":                                "", // a name that looks like an ID
		"/?container=" + strings.Repeat("c", 12):                  "", // goes by its ID
		"/?container=" + host[:11]:                                "", // too short for an ID
		"/?container=web":                                         "",
		"/?container=" + strings.ToUpper(host) + "&x=y":           "",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		got := w.Header().Get("Location")
		if got != want || (want == "") != (w.Code == http.StatusOK) {
			t.Errorf("%s: %d to %q, want %q", target, w.Code, got, want)
		}
		unknown := strings.Contains(target, "aaaa")
		if cookie := w.Header().Get("Set-Cookie"); (cookie != "") != unknown {
			t.Errorf("%s: a notice is left: %q", target, cookie)
		}
	}
}
