package main

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/httpapi"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/upstream"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/status"
)

const day = 24 * time.Hour

// settings are what the service reads from its environment.
type settings struct {
	server           server.Settings
	adminAddr        string // "" is the service's own address
	adminKey         config.Secret
	readKey          config.Secret // unset is no such role
	errorTracker     upstream.Service
	metricsCollector upstream.Service
	database         string
	minFree          int64 // bytes; 0 leaves the choice to the database
	keys             []relay.InitialKey
	warnings         []string // of DSN_KEYS
	origins          relay.Origins
	maxBody          int64
	unwanted         httpapi.Unwanted
	rateLimit        int // requests per minute of a key and client
	keyRateLimit     int // requests per minute of a key
	spool            relay.SpoolLimits
	retention        time.Duration
	mapBytes         int64 // of all source maps
	mapLimit         int64 // of one, as it is uploaded
	uploadToken      config.Secret

	errorTrackerLink, logViewerLink, metricsCollectorLink string              // for the navigation, "" where there is none
	peers                                                 map[string]*url.URL // where the other services are asked for their health
}

// load reads the settings. Mistakes stay in env.
func load(env *config.Env) settings {
	s := settings{
		server:    server.Load(env),
		adminAddr: config.Parse(env, "ADMIN_ADDR", "", "address to serve pages and administration on instead of ADDR, for example 127.0.0.1:8001", server.ParseAddr),
		adminKey:  env.Secret("ADMIN_API_KEY", "key of the administrators' API and of the sign-in form"),
		readKey:   env.OptionalKey("READ_API_KEY", "key that can look at everything an administrator sees and change nothing; unset: there is none"),
		errorTracker: upstream.Service{
			URL: env.RequiredURL("ERROR_TRACKER_URL", "where the error tracker is reached from here"),
			Key: env.Secret("ERROR_TRACKER_API_KEY", "its key"),
		},
		metricsCollector: upstream.Service{
			URL: env.RequiredURL("METRICS_COLLECTOR_URL", "where the metrics collector is reached from here"),
			Key: env.Secret("METRICS_COLLECTOR_API_KEY", "its key"),
		},
		database: env.String("DATABASE_PATH", "./data/browser-relay.db", "SQLite file; its folder is made if need be"),
		minFree: env.Bytes("MIN_FREE_BYTES", "0", 0, 1<<50,
			"free disk space under which nothing is kept; 0 is the smaller of 64 MiB and an eighth of the disk"),
		origins: config.Parse(env, "CORS_ORIGINS", "", "web origins of keys that have none of their own, separated by commas; * is any", parseOrigins),
		maxBody: env.Bytes("MAX_BODY_SIZE", "65536", 1024, 1<<20, "largest body that pages may send"),
		unwanted: httpapi.Unwanted{
			Bots:     env.Bool("DROP_BOTS", false, "drop what programs send that say they are one, such as crawlers and headless browsers"),
			OptedOut: env.Bool("DROP_OPTED_OUT", false, "drop what browsers send that ask not to be tracked (Sec-GPC or DNT)"),
		},
		rateLimit: env.Int("RATE_LIMIT", 300, 1, 1_000_000,
			"requests per minute of one DSN key from one client address"),
		keyRateLimit: env.Int("KEY_RATE_LIMIT", 30_000, 1, relay.MaxKeyRate,
			"requests per minute of one DSN key from all clients, unless the key has a limit of its own"),
		spool: relay.SpoolLimits{
			Bytes: env.Bytes("SPOOL_MAX_BYTES", "128MB", 0, 1<<40, "what may wait on disk for the services behind; 0 keeps nothing"),
			Age:   env.Duration("SPOOL_MAX_AGE", 24*time.Hour, time.Minute, 24*time.Hour, "how long something may wait; older is given up"),
		},
		retention: env.Days("RETENTION_DAYS", 90*day, day, 3650*day, "how long source maps are kept after their upload or last use"),
		mapBytes: env.Bytes("SOURCE_MAPS_MAX_BYTES", "2GB", 1<<20, 1<<50,
			"what all source maps may take on disk; those that were not used for longest are deleted"),
		mapLimit:             env.Bytes("SOURCE_MAP_MAX_BYTES", "64MB", 64<<10, 1<<30, "largest source map that may be uploaded"),
		uploadToken:          env.OptionalKey("UPLOAD_TOKEN", "key that can upload source maps and nothing else, for builds"),
		errorTrackerLink:     publicLink(env, "ERROR_TRACKER_BASE_URL", "error tracker, as DSNs have it"),
		logViewerLink:        publicLink(env, "LOG_VIEWER_BASE_URL", "log viewer"),
		metricsCollectorLink: publicLink(env, "METRICS_COLLECTOR_BASE_URL", "metrics collector"),
		peers:                status.LoadPeers(env),
	}
	env.Differ("READ_API_KEY", s.readKey, "ADMIN_API_KEY", s.adminKey)
	env.Differ("READ_API_KEY", s.readKey, "UPLOAD_TOKEN", s.uploadToken)
	s.keys, s.warnings = parseKeys(env.String("DSN_KEYS", "", "DSN keys to begin with: project:key,project2:key2; those that are there stay as they are"))
	if s.adminAddr != "" && s.adminAddr == s.server.Addr {
		env.Fail("ADMIN_ADDR and ADDR are both %s, want two addresses", s.adminAddr)
	}
	return s
}

func parseOrigins(text string) (relay.Origins, error) {
	origins := relay.ParseOrigins(text)
	return origins, origins.Validate()
}

// parseKeys reads project:key pairs. Bad ones are left out, with a warning: a
// service that has run for years must not stop at an entry that never worked.
func parseKeys(text string) (keys []relay.InitialKey, warnings []string) {
	for item := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		project, key, _ := strings.Cut(item, ":")
		project, key = strings.TrimSpace(project), strings.TrimSpace(key)
		k := relay.Key{Project: project}
		if err := k.Validate(); err != nil || key == "" || len(key) > relay.MaxPublicKey {
			warnings = append(warnings, project)
			continue
		}
		keys = append(keys, relay.InitialKey{Project: project, PublicKey: key})
	}
	return keys, warnings
}

func (s settings) warn(log *slog.Logger) {
	for _, project := range s.warnings {
		log.Warn("entry of DSN_KEYS left out, want project:key with 1 to 100 and 1 to 64 bytes", "project", project)
	}
	for _, u := range []*url.URL{s.errorTracker.URL, s.metricsCollector.URL} {
		if u.Scheme == "http" && !isLocalHost(u.Hostname()) {
			log.Info("requests to a service behind are not encrypted: fine on a private network", "host", u.Host)
		}
	}
}

// isLocalHost tells names that do not leave the machine or its private network:
// those without a dot are of containers.
func isLocalHost(host string) bool {
	return !strings.Contains(host, ".") || strings.HasPrefix(host, "127.")
}

// publicURL is where clients reach this service, without a slash at the end.
func (s settings) publicURL() string {
	if s.server.BaseURL == nil {
		return "http://localhost:5013"
	}
	return s.server.BaseURL.String()
}

// trackerHosts are where DSNs of our error tracker may point: to its public address,
// or to the one that it has from here.
func (s settings) trackerHosts() httpapi.TrackerHosts {
	public, err := url.Parse(s.errorTrackerLink)
	if err != nil || s.errorTrackerLink == "" {
		public = nil
	}
	return httpapi.NewTrackerHosts(s.errorTracker.URL, public)
}

// publicLink reads where people reach another service.
func publicLink(env *config.Env, name, what string) string {
	u := env.URL(name, "", "public URL of the "+what+", for the links between the services")
	if u == nil {
		return ""
	}
	return u.String()
}
