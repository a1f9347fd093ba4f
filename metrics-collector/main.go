// Command metrics-collector takes in counters, gauges and histograms, keeps
// them for weeks in little space, and shows them on web pages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/errortracker"
	"github.com/monlight/monlight/metrics-collector/internal/httpapi"
	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/sqlite"
	"github.com/monlight/monlight/metrics-collector/internal/webui"
	"github.com/monlight/monlight/metrics-collector/internal/worker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/figures"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/status"
	pages "github.com/monlight/monlight/shared/webui"
)

const service = "metrics-collector"

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	os.Exit(program(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// program does what the arguments say and returns the exit code.
func program(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	p := server.Program[settings]{
		Service: service, Version: version, About: "takes in metrics and shows them over time", Load: load, Run: run,
		Database: func(s settings) string { return s.database },
		Schema:   sqlitedb.Options{Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID},
	}
	return p.Main(ctx, args, lookup, stdout, stderr)
}

// run serves until ctx is done or the process is told to stop.
func run(ctx context.Context, s settings, log *slog.Logger) error {
	memory.Apply(os.LookupEnv)
	db, err := sqlitedb.Open(ctx, s.database, sqlitedb.Options{
		Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID, Log: log, MinFreeBytes: s.minFree, Relaxed: s.relaxed,
		ReadTimeout: 20 * time.Second,
	})
	if err != nil {
		return err
	}
	app, err := assemble(ctx, s, db, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	log.InfoContext(ctx, "starting", "version", version, "database", db.Path())
	// Parsing the pages and packing their assets leaves megabytes of garbage
	// that an idle service would keep until its first collection.
	debug.FreeOSMemory()
	return server.Run(ctx, app)
}

// assemble builds the service on its database. The caller keeps the database
// if it fails.
func assemble(ctx context.Context, s settings, db *sqlitedb.DB, log *slog.Logger) (server.Options, error) {
	store := sqlite.NewStore(db)
	collector, err := metrics.New(ctx, store, metrics.Options{
		RetentionRaw: s.retentionRaw, RetentionMinute: s.retentionMinute, RetentionHour: s.retentionHour,
		Limits: s.limits, Log: log, Now: time.Now,
	})
	if err != nil {
		return server.Options{}, err
	}
	edge := server.NewEdge(service, version, s.server, log)
	edge.Registry().MustRegister(figures.Database{DB: db}, &serviceCollector{collector: collector})
	state := status.New(status.Options{
		Service: service, Version: version, DB: db, Edge: edge, Log: log,
		Ingest: ingested(collector, edge), Warnings: seriesWarnings(collector),
		Peers: status.NewPeers(service, map[string]string{
			"error-tracker": s.errorTrackerURL, "log-viewer": s.logViewerURL, "browser-relay": s.relayURL,
		}, s.peers),
	})
	var marks *errortracker.Marks
	if at := s.errorTracker(); at != nil && !s.errorTrackerKey.IsZero() {
		marks = errortracker.NewMarks(at, s.errorTrackerKey, log)
	}
	ui, err := webui.New(webui.Options{
		Collector: collector, Dashboards: store, Marks: marks, Database: db.Path(), BasePath: s.server.BasePath(), PublicURL: s.publicURL(), Version: version,
		Retention: webui.Retention{Raw: s.retentionRaw, Minute: s.retentionMinute, Hour: s.retentionHour},
		Services:  pages.Services(s.errorTrackerURL, s.logViewerURL, "/", s.relayURL), Status: state, Log: log,
	})
	if err != nil {
		return server.Options{}, err
	}
	guard := auth.NewGuard(auth.Options{
		Service: service, Key: auth.NewKey(s.apiKey), ReadKey: auth.NewKey(s.readKey), BasePath: s.server.BasePath(), Origin: s.server.Origin(),
		SignInPage: ui.SignInPage, RefusalPage: ui.RefusalPage,
	})
	loop := worker.NewLoop(collector, s.flushInterval, time.Now, log)
	return server.Options{
		Edge: edge,
		Handler: routes(edge, guard, ui, httpapi.Options{
			Collector: collector, Dashboards: store, Status: state.Handler(), Handle: edge.Handle, Now: time.Now,
		}, s.rateLimit),
		MetricsGuard: guard.API,
		Health:       health(collector, db),
		Backup:       db.Backup,
		Jobs: []func(context.Context) error{loop.Flush, loop.Maintain,
			memory.Follow(os.LookupEnv, func() int64 { return int64(collector.Series()) * bytesPerSeries })},
		Closers: []func(context.Context) error{
			marks.Close,
			collector.Close,
			func(context.Context) error { return db.Close() },
		},
	}, nil
}

// health says whether the database answers. A disk that is full is no reason to
// be restarted: reading goes on, and writing does as soon as there is room.
func health(collector *metrics.Service, db *sqlitedb.DB) server.HealthFunc {
	return func(ctx context.Context) (map[string]any, error) {
		var one int
		if err := db.Read().QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
			return nil, fmt.Errorf("read the database: %w", err)
		}
		h := collector.Health()
		body := map[string]any{"metrics_received_24h": h.Received24h, "last_aggregation": nil}
		if h.LastBucketMS > 0 {
			body["last_aggregation"] = time.UnixMilli(h.LastBucketMS).UTC().Format(time.RFC3339)
		}
		if db.Stats().DiskLow {
			body["disk_low"] = true
		}
		return body, nil
	}
}
