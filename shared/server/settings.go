// Package server is the edge that all services share: listening, limits on
// time, size and number, headers, health, metrics and a graceful stop.
package server

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/monlight/monlight/shared/backup"
	"github.com/monlight/monlight/shared/config"
)

const defaultAddr = ":8000"

// Settings are the settings that every service has.
type Settings struct {
	Addr             string         // where to listen
	BaseURL          *url.URL       // the public URL, nil when it is not known
	TrustedProxies   []netip.Prefix // whose X-Forwarded-For is believed
	MaxInflightBytes int64          // bytes of request bodies in memory at once
	MaxConnections   int            // open connections
	MetricsAddr      string         // where to serve /metrics without a key, "" is nowhere
	Backup           backup.Settings
}

// Load reads the settings from env.
func Load(env *config.Env) Settings {
	return Settings{
		Addr: loadAddr(env),
		BaseURL: config.Parse(env, "BASE_URL", "",
			"public URL of this service; its path is the base path behind a proxy", parseBaseURL),
		TrustedProxies: env.Prefixes("TRUSTED_PROXIES",
			"addresses or networks of reverse proxies whose X-Forwarded-For is believed"),
		MaxInflightBytes: env.Bytes("MAX_INFLIGHT_BYTES", "8MB", 2<<20, 1<<40,
			"request bodies in memory at once; more are answered with 503"),
		MaxConnections: env.Int("MAX_CONNECTIONS", 512, 16, 100_000,
			"open connections; more are closed"),
		MetricsAddr: config.Parse(env, "METRICS_ADDR", "",
			"address to serve /metrics without a key, for example 127.0.0.1:9100", ParseAddr),
		Backup: backup.Load(env),
	}
}

// BasePath returns the path of the public URL without a slash at its end: ""
// when the service is at the root of its host.
func (s Settings) BasePath() string {
	if s.BaseURL == nil {
		return ""
	}
	return s.BaseURL.EscapedPath()
}

// Origin returns the origin of the public URL, "" when it is not known.
func (s Settings) Origin() string {
	if s.BaseURL == nil {
		return ""
	}
	return s.BaseURL.Scheme + "://" + s.BaseURL.Host
}

func loadAddr(env *config.Env) string {
	return config.Parse(env, "ADDR", defaultAddr, "address to listen on", ParseAddr)
}

// ParseAddr checks address:port, where the address is a number, localhost or left
// out.
func ParseAddr(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err == nil && host != "" && host != "localhost" {
		_, err = netip.ParseAddr(host)
	}
	if err != nil {
		return "", errors.New("want address:port such as :8000 or 127.0.0.1:8000")
	}
	return s, nil
}

// reservedPaths begin paths that the services serve. A base path that began with
// one could be taken for them, even where the routes help (see stripBase).
var reservedPaths = []string{"alerts", "api", "assets", "health", "metrics", "sign-in", "sign-out"}

func parseBaseURL(s string) (*url.URL, error) {
	u, err := config.ParseURL(s)
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	for _, p := range reservedPaths {
		if first == p {
			return nil, errors.New("want a path that does not begin with /" + p)
		}
	}
	if strings.ContainsFunc(u.Path, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`\%"<>;,`, c) }) ||
		strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./") {
		return nil, errors.New("want a path of letters, digits and -._~ such as /error-tracker")
	}
	return u, nil
}
