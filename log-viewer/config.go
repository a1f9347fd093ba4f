package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/docker"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/status"
)

const day = 24 * time.Hour

// settings are what the service reads from its environment.
type settings struct {
	server    server.Settings
	apiKey    config.Secret
	readKey   config.Secret // unset is no such role
	database  string
	minFree   int64 // bytes; 0 leaves the choice to the database
	rateLimit int   // requests per minute and key

	selection docker.Selection
	folder    string        // of the containers
	poll      time.Duration // how often files are looked at when nothing announces changes
	tailBytes int64         // of a log that was there before the first start

	maxEntries int64
	maxBytes   int64 // 0 is no limit
	retention  time.Duration
	memory     int64 // bytes

	maxTails, tailQueue int

	errorTrackerURL, metricsURL, relayURL string              // of the other services, "" where there is none
	peers                                 map[string]*url.URL // where the other services are asked for their health
}

// load reads the settings. Mistakes stay in env.
func load(env *config.Env) settings {
	s := settings{
		server:   server.Load(env),
		apiKey:   env.Secret("API_KEY", "key of the API and of the sign-in form"),
		readKey:  env.OptionalKey("READ_API_KEY", "key that can look at everything and change nothing, in the API and the sign-in form; unset: there is none"),
		database: env.String("DATABASE_PATH", "./data/logs.db", "SQLite file; its folder is made if need be"),
		minFree: env.Bytes("MIN_FREE_BYTES", "0", 0, 1<<50,
			"free disk space under which nothing is taken in; 0 is the smaller of 64 MiB and an eighth of the disk"),
		rateLimit: env.Int("RATE_LIMIT", 6000, 1, 1_000_000_000, "requests per minute and key"),
		folder:    config.Parse(env, "LOG_SOURCES", "/var/lib/docker/containers", "folder of Docker's containers, with their logs", parseFolder),
		poll:      env.Duration("POLL_INTERVAL", 2*time.Second, 100*time.Millisecond, time.Minute, "time between two looks at the logs when the system does not announce changes"),
		tailBytes: env.Bytes("TAIL_BUFFER", "64KB", 0, 1<<40, "how much is read of the end of a log that was there before the first start; older lines are left out"),
		maxEntries: env.Int64("MAX_ENTRIES", 5_000_000, 1000, 1_000_000_000,
			"log entries that are kept; the oldest go first"),
		retention: env.Days("RETENTION_DAYS", 30*day, time.Hour, 3650*day, "how long log entries are kept; a bare number is days"),
		maxBytes: env.Bytes("MAX_BYTES", "0", 0, 1<<50,
			"size of the database above which the oldest entries go; 0 is no limit"),
		memory: env.Bytes("MEMORY_LIMIT", "96MB", 32<<20, 1<<40,
			"memory that the service aims to stay under, by smaller blocks and caches"),
		maxTails:        env.Int("MAX_TAILS", 50, 1, 1000, "live streams at once; the next one gets 503"),
		tailQueue:       env.Int("TAIL_QUEUE", 1000, 10, 100_000, "log entries that wait for a slow reader of a live stream; more are dropped, and it is told how many"),
		errorTrackerURL: publicLink(env, "ERROR_TRACKER_URL", "error tracker"),
		metricsURL:      publicLink(env, "METRICS_COLLECTOR_URL", "metrics collector"),
		relayURL:        publicLink(env, "BROWSER_RELAY_URL", "browser relay"),
		peers:           status.LoadPeers(env),
	}
	env.Differ("READ_API_KEY", s.readKey, "API_KEY", s.apiKey)
	var err error
	s.selection, err = docker.ParseSelection(
		env.List("CONTAINERS", "names of containers to read, with * and ?, separated by commas; ! before a name leaves it out; unset reads all"),
		env.List("EXCLUDE_CONTAINERS", "names of containers to leave out"))
	if err != nil {
		env.Fail("CONTAINERS or EXCLUDE_CONTAINERS: %w", err)
	}
	return s
}

func parseFolder(text string) (string, error) {
	if !filepath.IsAbs(text) {
		return "", errors.New("want an absolute path")
	}
	return filepath.Clean(text), nil
}

// publicURL is where clients reach this service, without a slash at the end; ""
// when that is not known.
func (s settings) publicURL() string {
	if s.server.BaseURL == nil {
		return ""
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
