// Command error-tracker takes in error reports, groups them into issues, tells
// people about new ones by mail and webhook, and shows them on web pages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/httpapi"
	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/webui"
	"github.com/monlight/monlight/error-tracker/internal/worker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/status"
	pages "github.com/monlight/monlight/shared/webui"
)

const service = "error-tracker"

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	os.Exit(program(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// program does what the arguments say and returns the exit code.
func program(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	p := server.Program[settings]{
		Service: service, Version: version, About: "takes in error reports and groups them into issues", Load: load, Run: run,
		Database: func(s settings) string { return s.database },
		Schema:   sqlitedb.Options{Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID},
	}
	return p.Main(ctx, args, lookup, stdout, stderr)
}

// run serves until ctx is done or the process is told to stop.
func run(ctx context.Context, s settings, log *slog.Logger) error {
	memory.Apply(os.LookupEnv)
	db, err := sqlitedb.Open(ctx, s.database, sqlitedb.Options{
		Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID, Log: log, MinFreeBytes: s.minFree,
	})
	if err != nil {
		return err
	}
	app, err := assemble(s, db, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	log.InfoContext(ctx, "starting", "version", version, "database", db.Path(), "alerts", s.mail.transport != nil)
	return server.Run(ctx, app)
}

// assemble builds the service on its database. The caller keeps the database
// if it fails.
func assemble(s settings, db *sqlitedb.DB, log *slog.Logger) (server.Options, error) {
	store, err := sqlite.NewStore(db, sqlite.Options{KeepOccurrences: s.keepOccurrences})
	if err != nil {
		return server.Options{}, err
	}
	composer, err := s.mail.composer(store)
	if err != nil {
		return server.Options{}, err
	}
	alerts := worker.NewAlerts(store, composer, s.mail.transport, time.Now, log)
	hooks, err := s.webhooks.composer(s.mail.settings, store)
	if err != nil {
		return server.Options{}, err
	}
	posts := worker.NewAlerts(store.OutboxOf(tracker.ByWebhook), hooks, s.webhooks.transport(store), time.Now, log)
	wake := func() {
		alerts.Notify()
		posts.Notify()
	}
	retention := worker.NewRetention(store, s.retention, time.Now, log)
	ingest := worker.NewIngest(store, time.Now, log)
	issues := tracker.NewService(store, time.Now, wake)
	frequency := worker.NewFrequency(store, s.mail.settings.Window, time.Now, wake, log)
	issues.CountFirst(ingest.Settle)
	issues.ReachBy(tracker.Reach{Mail: s.mail.whom(), MailOff: s.mail.off(), Webhooks: s.webhooks.of(store)})

	edge := server.NewEdge(service, version, s.server, log)
	counters := newMetrics(edge.Registry(), db, alerts, posts, retention)
	state := status.New(status.Options{
		Service: service, Version: version, DB: db, Edge: edge, Log: log,
		Ingest: func() status.Ingest { return counters.ingested(edge) }, Warnings: mailWarnings(alerts, retention),
		Peers: status.NewPeers(service, map[string]string{
			"log-viewer": s.logViewerURL, "metrics-collector": s.metricsURL, "browser-relay": s.relayURL,
		}, s.peers),
	})
	ui, err := webui.New(webui.Options{
		Tracker: issues, Mail: s.mail.page(), BaseURL: s.server.BaseURL, BasePath: s.server.BasePath(), Version: version,
		Services: pages.Services("/", s.logViewerURL, s.metricsURL, s.relayURL), Status: state, Wake: wake, Log: log,
	})
	if err != nil {
		return server.Options{}, err
	}
	guard := auth.NewGuard(auth.Options{
		Service: service, Key: auth.NewKey(s.apiKey), ReadKey: auth.NewKey(s.readKey), Reads: httpapi.OnlyReads, BasePath: s.server.BasePath(), Origin: s.server.Origin(),
		SignInPage: ui.SignInPage, RefusalPage: ui.RefusalPage,
	})
	api := apiOptions(s, issues, ui, db, counters, state, ingest, log)
	return server.Options{
		Edge:         edge,
		Handler:      routes(edge, guard, ui, api, sentryOptions(s, issues, edge, api, ingest), s.rateLimit),
		MetricsGuard: guard.API,
		Health:       health(db),
		Backup:       db.Backup,
		Jobs:         []func(context.Context) error{job(alerts.Run), job(posts.Run), job(frequency.Run), job(retention.Run), job(ingest.Run)},
		Closers:      []func(context.Context) error{func(context.Context) error { return db.Close() }},
	}, nil
}

// job turns a loop that ends with its context into one of server.Options.Jobs.
func job(run func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error {
		run(ctx)
		return nil
	}
}

// health says whether the database answers. A disk that is full is no reason to
// be restarted: reading goes on, and writing does as soon as there is room.
func health(db *sqlitedb.DB) server.HealthFunc {
	return func(ctx context.Context) (map[string]any, error) {
		var one int
		if err := db.Read().QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
			return nil, fmt.Errorf("read the database: %w", err)
		}
		if db.Stats().DiskLow {
			return map[string]any{"disk_low": true}, nil
		}
		return nil, nil
	}
}
