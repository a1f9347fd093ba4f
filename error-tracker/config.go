package main

import (
	"net/url"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/status"
)

const day = 24 * time.Hour

// settings are what the service reads from its environment.
type settings struct {
	server          server.Settings
	apiKey          config.Secret
	readKey         config.Secret // unset is no such role
	database        string
	minFree         int64 // bytes; 0 leaves the choice to the database
	rateLimit       int   // requests per minute and key
	keepOccurrences int   // per issue
	retention       time.Duration
	mail            mail
	webhooks        webhooks

	logViewerURL, metricsURL, relayURL string              // of the other services, "" where there is none
	peers                              map[string]*url.URL // where the other services are asked for their health
}

// load reads the settings. Mistakes stay in env.
func load(env *config.Env) settings {
	s := settings{
		server:   server.Load(env),
		apiKey:   env.Secret("API_KEY", "key of the API and of the sign-in form"),
		readKey:  env.OptionalKey("READ_API_KEY", "key that can look at everything and change nothing, in the API and the sign-in form; unset: there is none"),
		database: env.String("DATABASE_PATH", "./data/errors.db", "SQLite file; its folder is made if need be"),
		minFree: env.Bytes("MIN_FREE_BYTES", "0", 0, 1<<50,
			"free disk space under which reports are answered with 503; 0 is the smaller of 64 MiB and an eighth of the disk"),
		rateLimit: env.Int("RATE_LIMIT", 6000, 1, 1_000_000_000, "requests per minute and key"),
		keepOccurrences: env.Int("KEEP_OCCURRENCES", sqlite.DefaultKeepOccurrences, 5, 100_000,
			"newest events kept in full per issue; the first one is kept beside them"),
		retention: env.Days("RETENTION_DAYS", 90*day, day, 36500*day, "how long an issue stays after it was resolved"),

		logViewerURL: publicLink(env, "LOG_VIEWER_URL", "log viewer"),
		metricsURL:   publicLink(env, "METRICS_COLLECTOR_URL", "metrics collector"),
		relayURL:     publicLink(env, "BROWSER_RELAY_URL", "browser relay"),
		peers:        status.LoadPeers(env),
	}
	env.Differ("READ_API_KEY", s.readKey, "API_KEY", s.apiKey)
	s.mail = loadMail(env, s.publicURL())
	s.webhooks = loadWebhooks(env)
	return s
}

// publicURL is where people reach this service, without a slash at the end.
func (s settings) publicURL() string {
	if s.server.BaseURL == nil {
		return "http://localhost:5010"
	}
	return s.server.BaseURL.String()
}

// publicLink reads where people reach another service.
func publicLink(env *config.Env, name, what string) string {
	u := env.URL(name, "", "public URL of the "+what+", for the links between the services")
	if u == nil {
		return ""
	}
	return u.String()
}
