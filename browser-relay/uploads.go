package main

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/chunks"
	"github.com/monlight/monlight/browser-relay/internal/httpapi"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/browser-relay/internal/worker"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/server"
)

// maxWanted is how many missing maps are looked for again at the start.
const maxWanted = 200

// uploads is what takes source maps in.
type uploads struct {
	api    httpapi.UploadOptions
	guard  func(http.Handler) http.Handler
	chunks *chunks.Store
	late   *worker.Late
}

// newUploads builds it. The pieces of uploads are kept beside the database.
func newUploads(s settings, edge *server.Edge, guard *auth.Guard, store *sqlite.Store, intake *relay.Service, keys *relay.Keyring, thrift *thrifty, log *slog.Logger) (*uploads, error) {
	pieces, err := chunks.Open(filepath.Join(filepath.Dir(s.database), "uploads"), time.Now)
	if err != nil {
		return nil, err
	}
	late := worker.NewLate(intake, func(ctx context.Context) ([]relay.WantedMap, error) { return store.MissingMaps(ctx, maxWanted) }, log)
	arrived := func(m artifacts.Map) {
		late.Arrived(m.Project, relay.MissingMap{Release: m.Release, File: m.Path, DebugID: m.DebugID})
	}
	return &uploads{
		api: httpapi.UploadOptions{
			Uploads: artifacts.NewUploader(store, arrived, thrift.Begin), Chunks: pieces, Maps: store, MapLimit: s.mapLimit,
			Projects: func() []string { return projects(keys) },
			Body:     func(limit int64) func(http.Handler) http.Handler { return edge.Body(limit) },
			Stream:   func(limit int64) func(http.Handler) http.Handler { return edge.Stream(limit) },
			Handle:   edge.Handle,
		},
		guard: buildsGuard(s, guard), chunks: pieces, late: late,
	}, nil
}

// projects are those that have keys.
func projects(keys *relay.Keyring) []string {
	var list []string
	for _, k := range keys.List() {
		list = append(list, k.Project)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// buildsGuard lets requests pass that have the token for uploads, if there is one,
// or whatever guard wants.
func buildsGuard(s settings, guard *auth.Guard) func(http.Handler) http.Handler {
	if s.uploadToken.Reveal() == "" {
		return guard.API
	}
	key := auth.NewKey(s.uploadToken)
	token := auth.NewGuard(auth.Options{Service: service, Key: key, BasePath: s.server.BasePath()})
	return func(next http.Handler) http.Handler {
		byKey, byToken := guard.API(next), token.API(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if key.Match(r.Header.Get("X-Api-Key")) {
				byToken.ServeHTTP(w, r)
				return
			}
			byKey.ServeHTTP(w, r)
		})
	}
}
