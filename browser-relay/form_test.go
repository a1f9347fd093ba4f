package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAPartWithABrokenHeaderIsTheSendersFault(t *testing.T) {
	s := newService(t, nil)
	for _, path := range []string{"/api/0/organizations/o/chunk-upload", "/api/source-maps"} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("--x\r\nno header--x--\r\n"))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("X-API-Key", testKey)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "valid form") {
			t.Errorf("%s: %d %s, want 400", path, w.Code, w.Body)
		}
	}
}
