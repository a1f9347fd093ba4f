package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth/authtest"
	"github.com/monlight/monlight/shared/server"
)

const readKey = "4b0f6d1c93ae47d58e12c7a90b3f5d68"

// Whoever has the key that can only read sees everything and changes nothing.
func TestTheReadKeyChangesNothing(t *testing.T) {
	o := assembled(t, map[string]string{"READ_API_KEY": readKey})
	h := server.Handler(o)
	send := func(path, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("X-Api-Key", testKey)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	var project struct {
		Keys []struct {
			PublicKey string `json:"public_key"`
		}
	}
	if err := json.Unmarshal([]byte(send("/api/projects", `{"name":"shop"}`)), &project); err != nil || len(project.Keys) != 1 {
		t.Fatal(project, err)
	}
	send("/api/errors", `{"project":"shop","exception_type":"E","message":"m","traceback":"E: m"}`)
	open := []string{"POST /sign-in", "POST /sign-out"}
	for _, door := range []string{"envelope", "store", "security", "csp-report"} { // they want the key of a project
		open = append(open, "POST /api/{project}/"+door, "POST /api/{project}/"+door+"/")
	}
	authtest.OnlyReads(t, h, o.Handler.(chi.Routes), readKey, []string{"POST /api/projects/{id}/rules/preview"}, open, []string{project.Keys[0].PublicKey})
}

// Nobody is sent for a DSN to a page that shows them none.
func TestOnlyWhoSeesADSNIsSentForIt(t *testing.T) {
	h := server.Handler(assembled(t, map[string]string{"READ_API_KEY": readKey}))
	for key, want := range map[string]bool{testKey: true, readKey: false} {
		form := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-in", strings.NewReader(url.Values{"key": {key}}.Encode()))
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		session := httptest.NewRecorder()
		h.ServeHTTP(session, form)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ingest", nil)
		for _, c := range session.Result().Cookies() {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if page := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(page, "Nothing in this time") || strings.Contains(page, "DSN") != want {
			t.Errorf("%d, and with a DSN: %v, want 200 and %v\n%s", w.Code, strings.Contains(page, "DSN"), want, page)
		}
	}
}
