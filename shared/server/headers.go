package server

import (
	"crypto/rand"
	"net/http"
)

const (
	requestIDHeader   = "X-Request-Id"
	maxRequestIDBytes = 64

	// contentSecurityPolicy lets pages use only what this service itself serves.
	contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

	permissionsPolicy = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
)

// secure sets the headers that every answer has. Handlers may replace them:
// assets their Cache-Control, for example.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", permissionsPolicy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// requestID returns the id that a client or proxy has chosen when it is harmless
// in logs and headers, else a new random one.
func requestID(given string) string {
	if given == "" || len(given) > maxRequestIDBytes {
		return rand.Text()
	}
	for _, c := range []byte(given) {
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '.', c == '_', c == '-':
		default:
			return rand.Text()
		}
	}
	return given
}
