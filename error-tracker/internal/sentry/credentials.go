package sentry

import (
	"net/http"
	"net/url"
	"strings"
)

// credentials is what a request says about who sends it.
type credentials struct {
	key    string // 32 hex digits, as it came
	client string // "sentry.python/2.68.0"
}

// credentialsOf looks in the query string and then in the headers.
func credentialsOf(r *http.Request) credentials {
	q := r.URL.Query()
	c := credentials{key: q.Get("sentry_key"), client: q.Get("sentry_client")}
	for _, name := range []string{"X-Sentry-Auth", "Authorization"} {
		for _, value := range r.Header.Values(name) {
			h := parseAuth(value)
			if c.key == "" {
				c.key = h.key
			}
			if c.client == "" {
				c.client = h.client
			}
		}
	}
	if c.client == "" {
		c.client = r.Header.Get("User-Agent")
	}
	return c
}

// parseAuth reads "Sentry sentry_key=…, sentry_client=…".
func parseAuth(header string) (c credentials) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Sentry") {
		return c
	}
	for _, part := range strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "sentry_key":
			c.key = value
		case "sentry_client":
			c.client = value
		}
	}
	return c
}

// keyOfDSN is the key in the header of an envelope.
func keyOfDSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil {
		return ""
	}
	return u.User.Username()
}

// normalKey makes a key that is written as a UUID or in capitals like ours.
func normalKey(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "-", ""))
}
