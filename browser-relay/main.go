// Command browser-relay takes in errors and metrics from web pages, un-minifies
// their stacks and passes them on to the error tracker and the metrics
// collector.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/httpapi"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sdk"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/browser-relay/internal/upstream"
	"github.com/monlight/monlight/browser-relay/internal/webui"
	"github.com/monlight/monlight/browser-relay/internal/worker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/figures"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/status"
	pages "github.com/monlight/monlight/shared/webui"
)

const service = "browser-relay"

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	os.Exit(program(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// program does what the arguments say and returns the exit code.
func program(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	p := server.Program[settings]{
		Service: service, Version: version, About: "passes on errors and metrics of web pages", Load: load, Run: run,
		Database: func(s settings) string { return s.database },
		Schema:   sqlitedb.Options{Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID},
	}
	return p.Main(ctx, args, lookup, stdout, stderr)
}

// run serves until ctx is done or the process is told to stop.
func run(ctx context.Context, s settings, log *slog.Logger) error {
	memory.Apply(os.LookupEnv)
	s.warn(log)
	db, err := sqlitedb.Open(ctx, s.database, sqlitedb.Options{
		Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID, Log: log, MinFreeBytes: s.minFree,
		// What is written is read once more at most, and soon; the kernel has the file in its cache as well.
		WriterCacheKiB: 512,
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
	keys, err := relay.NewKeyring(ctx, store, s.keys, s.origins, time.Now, log)
	if err != nil {
		return server.Options{}, fmt.Errorf("load the DSN keys: %w", err)
	}
	spool, err := relay.NewSpool(ctx, store, s.spool, time.Now)
	if err != nil {
		return server.Options{}, fmt.Errorf("load the spool: %w", err)
	}
	traffic, err := relay.NewTraffic(ctx, store, time.Now)
	if err != nil {
		return server.Options{}, fmt.Errorf("load the counts: %w", err)
	}
	client := upstream.New(s.errorTracker, s.metricsCollector)
	courier := relay.NewCourier(client, time.Now)
	var encoder upstream.Encoder
	symbolicator := symbolicate.New(store, log)
	intake := relay.NewService(relay.Options{
		Keys: keys, Spool: spool, Traffic: traffic, Courier: courier, Encoder: encoder, Recent: store,
		Symbolicator: symbolicator, Log: log, Now: time.Now,
	})

	edge := server.NewEdge(service, version, s.server, log)
	edge.Registry().MustRegister(figures.Database{DB: db}, &relayCollector{traffic, spool, courier})
	scripts, err := sdk.Load()
	if err != nil {
		return server.Options{}, fmt.Errorf("load the SDK: %w", err)
	}
	newest := scripts.Newest()
	inside := map[string]*url.URL{"error-tracker": s.errorTracker.URL, "metrics-collector": s.metricsCollector.URL}
	maps.Copy(inside, s.peers)
	state := status.New(status.Options{
		Service: service, Version: version, DB: db, Edge: edge, Log: log,
		Ingest: ingested(traffic, spool), Warnings: deliveryWarnings(spool, courier),
		Peers: status.NewPeers(service, map[string]string{
			"error-tracker": s.errorTrackerLink, "log-viewer": s.logViewerLink, "metrics-collector": s.metricsCollectorLink,
		}, inside),
	})
	ui, err := webui.New(webui.Options{
		Keys: keys, Traffic: traffic, Spool: spool, Courier: courier, Intake: intake, Maps: store, Recent: store, Symbolicator: symbolicator,
		Limits:       webui.Limits{PerClient: s.rateLimit, PerKey: s.keyRateLimit, Retention: s.retention, SpoolAge: s.spool.Age},
		GlobalOrigin: s.origins, Database: db.Path(), BasePath: s.server.BasePath(), PublicURL: s.publicURL(), Version: version,
		Script:       webui.Script{Path: newest.Path, Integrity: newest.Integrity},
		Services:     pages.Services(s.errorTrackerLink, s.logViewerLink, s.metricsCollectorLink, "/"),
		ErrorTracker: s.errorTrackerLink, Status: state, Log: log,
	})
	if err != nil {
		return server.Options{}, err
	}
	guard := auth.NewGuard(auth.Options{
		Service: service, Key: auth.NewKey(s.adminKey), ReadKey: auth.NewKey(s.readKey), BasePath: s.server.BasePath(), Origin: s.server.Origin(),
		SignInPage: ui.SignInPage, RefusalPage: ui.RefusalPage,
	})
	builds, err := newUploads(s, edge, guard, store, intake, keys, &thrifty{percent: thriftPercent, lookup: os.LookupEnv}, log)
	if err != nil {
		return server.Options{}, fmt.Errorf("open the folder for uploads: %w", err)
	}
	upkeep := &worker.Upkeep{
		Keys: keys, Spool: spool, Traffic: traffic, Recent: store, Maps: store, Pieces: builds.chunks,
		Retention: s.retention, MapBytes: s.mapBytes, Compact: db.Compact, Now: time.Now, Log: log,
	}
	api := httpapi.Options{
		Intake: intake, Keys: keys, Traffic: traffic, Maps: store, Status: state.Handler(),
		Limits: httpapi.Limits{Body: s.maxBody, PerClient: s.rateLimit, PerKey: s.keyRateLimit}, TrackerHosts: s.trackerHosts(), Unwanted: s.unwanted,
		Body: func(limit int64) func(http.Handler) http.Handler { return edge.Body(limit) }, Handle: edge.Handle, Now: time.Now,
	}
	public := edge.Router()
	browserRoutes(edge, public, api, scripts)
	app := server.Options{
		Edge: edge, Handler: public, Health: health(db, spool, courier), Backup: db.Backup,
		Jobs: []func(context.Context) error{upkeep.Flush, upkeep.Expire, upkeep.Tidy, builds.late.Run, builds.late.Remember},
		Closers: []func(context.Context) error{
			upkeep.Store,
			intake.StoreRemembered,
			func(context.Context) error { client.Close(); return nil },
			func(context.Context) error { return builds.chunks.Close() },
			func(context.Context) error { return db.Close() },
		},
	}
	for _, t := range relay.Targets() {
		app.Jobs = append(app.Jobs, worker.NewDrain(t, spool, courier, encoder, traffic, log).Run)
	}
	if s.adminAddr == "" {
		adminRoutes(edge, public, guard, ui, api, builds)
		app.MetricsGuard = guard.API
		return app, nil
	}
	private := edge.Router()
	adminRoutes(edge, private, guard, ui, api, builds)
	app.Sites = []server.Site{{Addr: s.adminAddr, Handler: private, MetricsGuard: guard.API}}
	return app, nil
}

// health says whether the database answers. Services behind that are down are
// no reason to be restarted: what they miss is kept for them.
func health(db *sqlitedb.DB, spool *relay.Spool, courier *relay.Courier) server.HealthFunc {
	return func(ctx context.Context) (map[string]any, error) {
		var one int
		if err := db.Read().QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
			return nil, fmt.Errorf("read the database: %w", err)
		}
		body := map[string]any{}
		if db.Stats().DiskLow {
			body["disk_low"] = true
		}
		if n := spool.Stats().Entries; n > 0 {
			body["waiting"] = n
		}
		for _, t := range relay.Targets() {
			if courier.State(t).Failures > 0 {
				body["degraded"] = true
			}
		}
		return body, nil
	}
}
