package main

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
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
	relaxed         bool  // DURABILITY=normal
	rateLimit       int   // requests per minute and key
	retentionRaw    time.Duration
	retentionMinute time.Duration
	retentionHour   time.Duration
	flushInterval   time.Duration
	limits          metrics.Limits

	errorTrackerURL, logViewerURL, relayURL string              // of the other services, "" where there is none
	peers                                   map[string]*url.URL // where the other services are asked for their health
	errorTrackerKey                         config.Secret       // unset asks it for no releases and alerts
}

// load reads the settings. Mistakes stay in env.
func load(env *config.Env) settings {
	s := settings{
		server:   server.Load(env),
		apiKey:   env.Secret("API_KEY", "key of the API and of the sign-in form"),
		readKey:  env.OptionalKey("READ_API_KEY", "key that can look at everything and change nothing, in the API and the sign-in form; unset: there is none"),
		database: env.String("DATABASE_PATH", "./data/metrics.db", "SQLite file; its folder is made if need be"),
		minFree: env.Bytes("MIN_FREE_BYTES", "0", 0, 1<<50,
			"free disk space under which points are answered with 503; 0 is the smaller of 64 MiB and an eighth of the disk"),
		relaxed: env.Enum("DURABILITY", "full", []string{"full", "normal"},
			"full: what was answered with 202 survives a power cut; normal: only a crash, and takes more points with slow disks") == "normal",
		rateLimit: env.Int("RATE_LIMIT", 6000, 1, 1_000_000_000, "requests per minute and key"),
		retentionRaw: retention(env, "RETENTION_RAW", "1h", time.Hour, 10*time.Minute, 7*day,
			"how long single points are kept; a bare number is hours, or seconds from 600 on"),
		retentionMinute: retention(env, "RETENTION_MINUTE", "24h", time.Hour, 2*time.Hour, 90*day,
			"how long minutes are kept; a bare number is hours, or seconds from 7200 on"),
		retentionHour: retention(env, "RETENTION_HOURLY", "30d", day, 2*day, 3650*day,
			"how long hours are kept, and how late a point may come; a bare number is days, or seconds from 172800 on"),
		flushInterval: env.Duration("AGGREGATION_INTERVAL", time.Minute, time.Second, time.Hour,
			"time between two flushes of minutes to disk; queries do not wait for it"),
		limits: metrics.Limits{
			Series:           env.Int("MAX_SERIES", 100_000, 10, 10_000_000, "series in all; points of further ones are counted in overflow series"),
			SeriesPerProject: env.Int("MAX_SERIES_PER_PROJECT", 50_000, 10, 10_000_000, "series of a project"),
			SeriesPerMetric:  env.Int("MAX_SERIES_PER_METRIC", 10_000, 10, 10_000_000, "series of a metric"),
		},
		errorTrackerURL: publicLink(env, "ERROR_TRACKER_URL", "error tracker"),
		errorTrackerKey: env.OptionalKey("ERROR_TRACKER_API_KEY", "key of the error tracker, which is asked for the releases and alerts to mark in charts; unset marks none"),
		logViewerURL:    publicLink(env, "LOG_VIEWER_URL", "log viewer"),
		relayURL:        publicLink(env, "BROWSER_RELAY_URL", "browser relay"),
		peers:           status.LoadPeers(env),
	}
	env.Differ("READ_API_KEY", s.readKey, "API_KEY", s.apiKey)
	if s.retentionMinute < s.retentionRaw || s.retentionHour < s.retentionMinute {
		env.Fail("RETENTION_RAW %s, RETENTION_MINUTE %s and RETENTION_HOURLY %s: want each at least as long as the one before",
			config.FormatDuration(s.retentionRaw), config.FormatDuration(s.retentionMinute), config.FormatDuration(s.retentionHour))
	}
	return s
}

// errorTracker is where the error tracker is asked, nil when that is not known.
func (s settings) errorTracker() *url.URL {
	if at := s.peers["error-tracker"]; at != nil || s.errorTrackerURL == "" {
		return at
	}
	at, _ := url.Parse(s.errorTrackerURL) // it was read as a setting
	return at
}

// publicURL is where clients reach this service, without a slash at the end.
func (s settings) publicURL() string {
	if s.server.BaseURL == nil {
		return "http://localhost:5012"
	}
	return s.server.BaseURL.String()
}

// retention reads a duration. A bare number has the tier's own unit, or is
// seconds when it is at least as many as the shortest retention: both were
// documented once.
func retention(env *config.Env, name, def string, unit, lowest, highest time.Duration, help string) time.Duration {
	return config.Parse(env, name, def, help, func(text string) (time.Duration, error) {
		var d time.Duration
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			if seconds := time.Duration(n) * time.Second; n >= int64(lowest/time.Second) {
				d = seconds
			} else {
				d = time.Duration(n) * unit
			}
			if n < 0 || n > int64(highest/time.Second) {
				d = -1
			}
		} else if d, err = config.ParseDuration(text); err != nil {
			return 0, err
		}
		if d < lowest || d > highest {
			return 0, errors.New("want " + config.FormatDuration(lowest) + " to " + config.FormatDuration(highest))
		}
		return d, nil
	})
}

// publicLink reads where people reach another service.
func publicLink(env *config.Env, name, what string) string {
	u := env.URL(name, "", "public URL of the "+what+", for the links between the services")
	if u == nil {
		return ""
	}
	return u.String()
}
