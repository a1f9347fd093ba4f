// Command log-viewer follows the logs of containers, takes in the lines that
// others send, keeps very many of them in little space, finds any of them, and
// shows new ones as they come.
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

	"github.com/monlight/monlight/log-viewer/internal/docker"
	"github.com/monlight/monlight/log-viewer/internal/httpapi"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/sqlite"
	"github.com/monlight/monlight/log-viewer/internal/webui"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/figures"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/status"
	pages "github.com/monlight/monlight/shared/webui"
)

const service = "log-viewer"

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	os.Exit(program(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// program does what the arguments say and returns the exit code.
func program(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	p := server.Program[settings]{
		Service: service, Version: version, About: "keeps the logs of containers and finds any line of them", Load: load, Run: run,
		Database: func(s settings) string { return s.database },
		Schema:   sqlitedb.Options{Migrations: sqlite.Migrations(), ApplicationID: sqlite.ApplicationID},
	}
	return p.Main(ctx, args, lookup, stdout, stderr)
}

// run serves until ctx is done or the process is told to stop.
func run(ctx context.Context, s settings, log *slog.Logger) error {
	memoryOf(s.memory).Apply(os.LookupEnv)
	s.selection.Own = docker.OwnID()
	app, err := open(ctx, s, log)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "starting", "version", version, "database", s.database, "folder", s.folder)
	// Parsing the pages and packing their assets leaves megabytes of garbage
	// that an idle service would keep until its first collection.
	debug.FreeOSMemory()
	return server.Run(ctx, app)
}

// open opens the database and builds the service on it.
func open(ctx context.Context, s settings, log *slog.Logger) (server.Options, error) {
	o := sqlite.DatabaseOptions(log)
	o.MinFreeBytes = s.minFree
	db, err := sqlitedb.Open(ctx, s.database, o)
	if err != nil {
		return server.Options{}, err
	}
	store, err := sqlite.Open(ctx, db, storeOptions(s, log))
	if err != nil {
		return server.Options{}, errors.Join(err, db.Close())
	}
	app, err := assemble(ctx, s, db, store, log)
	if err != nil {
		return server.Options{}, errors.Join(err, store.Close(), db.Close())
	}
	return app, nil
}

// storeOptions returns how the store is opened.
func storeOptions(s settings, log *slog.Logger) sqlite.Options {
	o := sqlite.Options{
		Log: log, Now: time.Now, MemoryLimit: s.memory, MaxAge: s.retention, MaxBytes: s.maxBytes, MaxEntries: s.maxEntries,
	}
	// Only what is in a block is removed, so where few entries are kept the
	// blocks are small.
	const blocks = 10
	if s.maxEntries < blocks*4000 {
		o.BlockRows = int(s.maxEntries / blocks)
	}
	return o
}

// assemble builds the service on its store. The caller keeps both if it fails.
func assemble(ctx context.Context, s settings, db *sqlitedb.DB, store *sqlite.Store, log *slog.Logger) (server.Options, error) {
	entries, err := logs.NewService(ctx, store, logs.Options{MaxTails: s.maxTails, TailQueue: s.tailQueue, Now: time.Now, Log: log})
	if err != nil {
		return server.Options{}, err
	}
	source := docker.New(docker.Options{
		Dir: s.folder, Selection: s.selection, Poll: s.poll, TailBytes: s.tailBytes, Now: time.Now, Log: log, Turned: entries.Turned,
	}, entries, store)
	edge := server.NewEdge(service, version, s.server, log)
	edge.Registry().MustRegister(figures.Database{DB: db}, &collector{entries: entries, source: source, damaged: store.DamagedBlocks})
	state := status.New(status.Options{
		Service: service, Version: version, DB: db, Edge: edge, Log: log,
		Ingest: ingested(entries, source, edge), Warnings: readingWarnings(source, store.DamagedBlocks), LimitBytes: s.maxBytes,
		Peers: status.NewPeers(service, map[string]string{
			"error-tracker": s.errorTrackerURL, "metrics-collector": s.metricsURL, "browser-relay": s.relayURL,
		}, s.peers),
	})
	ui, err := webui.New(webui.Options{
		Logs: entries, Damaged: store.DamagedBlocks, Reading: func() webui.Reading { return reading(source.Status()) }, Containers: s.selection.Include, Folder: s.folder,
		BasePath: s.server.BasePath(), PublicURL: s.publicURL(), Version: version,
		Retention: webui.Retention{Entries: s.maxEntries, Bytes: s.maxBytes, Age: s.retention},
		Services:  pages.Services(s.errorTrackerURL, "/", s.metricsURL, s.relayURL), Status: state, Log: log,
	})
	if err != nil {
		return server.Options{}, err
	}
	guard := auth.NewGuard(auth.Options{
		Service: service, Key: auth.NewKey(s.apiKey), ReadKey: auth.NewKey(s.readKey), BasePath: s.server.BasePath(), Origin: s.server.Origin(),
		SignInPage: ui.SignInPage, RefusalPage: ui.RefusalPage,
	})
	return server.Options{
		Edge: edge,
		Handler: routes(edge, guard, ui, httpapi.Options{
			Logs: entries, Status: state.Handler(), Handle: edge.Handle, Now: time.Now, Stream: httpapi.DefaultStreamTimes, Exports: maxExports,
			Lives: func() map[string]logs.Lifecycle { return lives(source.Status()) },
		}, s.rateLimit),
		MetricsGuard: guard.API,
		Health:       health(entries, db),
		Backup:       db.Backup,
		Jobs:         []func(context.Context) error{source.Run},
		Closers: []func(context.Context) error{
			func(context.Context) error { return store.Close() },
			func(context.Context) error { return db.Close() },
		},
	}, nil
}

// maxExports is how many downloads may run at once.
const maxExports = 2

// reading is the state of the containers for their page. Those that are left out
// are not shown.
func reading(st docker.Status) webui.Reading {
	r := webui.Reading{Error: st.Error, Paused: st.PauseError, Behind: st.LagBytes}
	for _, c := range st.Containers {
		if c.State == docker.Excluded {
			continue
		}
		state := webui.SourceState{ID: c.ID, Name: c.Name, State: string(c.State), Problem: c.State == docker.Failing, Life: c.Life}
		if c.Reason != "" {
			state.State += ": " + c.Reason
		}
		r.Sources = append(r.Sources, state)
	}
	return r
}

// lives is what is known of the life of each container that is read.
func lives(st docker.Status) map[string]logs.Lifecycle {
	m := make(map[string]logs.Lifecycle, len(st.Containers))
	for _, c := range st.Containers {
		if c.Life != nil {
			m[c.Name] = *c.Life
		}
	}
	return m
}

// health says whether the database answers. A disk that is full is no reason to
// be restarted: reading goes on, and writing does as soon as there is room.
func health(entries *logs.Service, db *sqlitedb.DB) server.HealthFunc {
	return func(ctx context.Context) (map[string]any, error) {
		var one int
		if err := db.Read().QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
			return nil, fmt.Errorf("read the database: %w", err)
		}
		st, err := entries.Stats(ctx)
		if err != nil {
			return nil, err
		}
		body := map[string]any{"logs_indexed": st.Entries, "last_ingest": nil}
		if st.Entries > 0 {
			body["last_ingest"] = time.Unix(0, st.Last).UTC().Format(time.RFC3339)
		}
		if db.Stats().DiskLow {
			body["disk_low"] = true
		}
		return body, nil
	}
}
