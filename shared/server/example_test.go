package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

// settings are what the service reads from its environment.
type settings struct {
	server    server.Settings
	key       config.Secret
	rateLimit int
	retention time.Duration
}

func load(env *config.Env) settings {
	const day = 24 * time.Hour
	return settings{
		server:    server.Load(env),
		key:       env.Secret("API_KEY", "key of the API and of the sign-in form"),
		rateLimit: env.Int("RATE_LIMIT", 6000, 1, 1_000_000, "requests per minute and key"),
		retention: env.Days("RETENTION_DAYS", 90*day, day, 3650*day, "how long to keep notes"),
	}
}

func run(ctx context.Context, s settings, log *slog.Logger) error {
	edge := server.NewEdge("notes", version, s.server, log)
	guard := auth.NewGuard(auth.Options{
		Service: "notes", Key: auth.NewKey(s.key),
		BasePath: s.server.BasePath(), Origin: s.server.Origin(),
	})
	return server.Run(ctx, server.Options{
		Edge:         edge,
		Handler:      routes(edge, guard, s),
		MetricsGuard: guard.API,
		Health: func(context.Context) (map[string]any, error) {
			return map[string]any{"notes": 0}, nil
		},
		Jobs: []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return nil }, // retention
		},
		Closers: []func(context.Context) error{
			func(context.Context) error { return nil }, // the database
		},
	})
}

func routes(edge *server.Edge, guard *auth.Guard, s settings) http.Handler {
	const maxNoteBytes = 256 << 10
	r := edge.Router()
	r.Method(http.MethodPost, "/sign-in", guard.SignIn())
	r.Method(http.MethodPost, "/sign-out", guard.SignOut())
	r.With(guard.Page).Get("/", startPage)
	r.Route("/api", func(r chi.Router) {
		// In this order: what has no key is neither counted nor read. Unknown
		// paths below /api pass here too.
		r.Use(guard.API, edge.RateLimit(s.rateLimit, time.Minute, auth.Caller), edge.Body(maxNoteBytes))
		r.Post("/notes", edge.Handle(postNote))
	})
	return r
}

func startPage(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }

func postNote(w http.ResponseWriter, r *http.Request) error {
	data, release, err := server.ReadBody(r)
	if err != nil {
		return err
	}
	defer release()
	return problem.JSON(w, http.StatusCreated, map[string]any{"bytes": len(data)})
}

// A service's main does no more than this.
func Example() {
	os.Exit(server.Program[settings]{
		Service: "notes", Version: version, About: "keeps notes", Load: load, Run: run,
	}.Main(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}
