package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/chunks"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/problem"
)

const (
	chunksPerRequest = 4
	maxChunkRequest  = chunksPerRequest * chunks.MaxChunk
	// maxBundle bounds an artifact bundle, and so the pieces that an assemble names.
	maxBundle = 256 << 20
	// maxAssembleBody is the largest body of an assemble: 64 bytes for each piece,
	// and the names of projects.
	maxAssembleBody = 64 << 10
	// assembleTime is how long storing the maps of a bundle may take.
	assembleTime = 10 * time.Minute
)

// Lister lists source maps; *sqlite.Store is one.
type Lister interface {
	SourceMaps(ctx context.Context, f relay.MapFilter) ([]relay.SourceMap, error)
	MapReleases(ctx context.Context, n int) ([]relay.MapRelease, error)
}

// sentryRoutes are the paths that sentry-cli and the bundler plugins ask for, with
// and without the slash at the end. Organizations are accepted whatever they are
// called: there is one.
func (a *uploadAPI) sentryRoutes(r chi.Router) {
	both := func(method, path string, h problem.HandlerFunc) {
		r.Method(method, path, a.Handle(h))
		r.Method(method, path+"/", a.Handle(h))
	}
	r.Group(func(r chi.Router) {
		r.Use(a.Stream(maxChunkRequest + mapOverhead))
		for _, path := range []string{"/api/0/organizations/{org}/chunk-upload", "/api/0/organizations/{org}/chunk-upload/"} {
			r.Post(path, a.Handle(a.putChunks))
		}
	})
	r = r.With(a.Body(maxAssembleBody))
	both(http.MethodGet, "/api/0", a.sentryRoot)
	both(http.MethodGet, "/api/0/organizations/{org}/chunk-upload", a.chunkOptions)
	both(http.MethodPost, "/api/0/organizations/{org}/artifactbundle/assemble", a.assemble)
	both(http.MethodPost, "/api/0/projects/{org}/{project}/artifact-bundle/assemble", a.assemble)
	both(http.MethodGet, "/api/0/organizations/{org}/region", a.region)
	both(http.MethodGet, "/api/0/organizations", a.organizations)
	both(http.MethodGet, "/api/0/organizations/{org}/projects", a.listProjects)
	for _, base := range []string{"/api/0/organizations/{org}", "/api/0/projects/{org}/{project}"} {
		both(http.MethodGet, base, a.named)
		both(http.MethodGet, base+"/releases", a.listReleases)
		both(http.MethodPost, base+"/releases", a.makeRelease)
		both(http.MethodGet, base+"/releases/{version}", a.showRelease)
		both(http.MethodPut, base+"/releases/{version}", a.showRelease)
		both(http.MethodGet, base+"/releases/{version}/files", a.listFiles)
		both(http.MethodPost, base+"/releases/{version}/deploys", a.makeDeploy)
	}
}

// BearerKey lets a token in the header Authorization stand for the API key, as
// sentry-cli and the bundler plugins send it.
func BearerKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if ok && r.Header.Values("X-Api-Key") == nil {
			r = r.Clone(r.Context())
			r.Header.Set("X-Api-Key", token)
		}
		next.ServeHTTP(w, r)
	})
}

func (a *uploadAPI) sentryRoot(w http.ResponseWriter, _ *http.Request) error {
	return problem.JSON(w, http.StatusOK, map[string]any{"version": "0", "auth": map[string]any{"scopes": []string{"project:releases"}}, "user": nil})
}

// region tells clients of an installation with regions that this is the one.
func (a *uploadAPI) region(w http.ResponseWriter, r *http.Request) error {
	return problem.JSON(w, http.StatusOK, map[string]any{"name": "self", "url": origin(r)})
}

// organizations lists the one that there is.
func (a *uploadAPI) organizations(w http.ResponseWriter, _ *http.Request) error {
	return problem.JSON(w, http.StatusOK, []map[string]any{{
		"id": "1", "slug": "monlight", "name": "Monlight", "dateCreated": "2026-01-01T00:00:00Z",
		"isEarlyAdopter": false, "require2FA": false, "requireEmailVerification": false, "features": []string{},
	}})
}

// listProjects lists the projects that have keys.
func (a *uploadAPI) listProjects(w http.ResponseWriter, _ *http.Request) error {
	list := []map[string]any{}
	for i, name := range a.Projects() {
		list = append(list, map[string]any{"id": strconv.Itoa(i + 1), "slug": slugOf(name), "name": name, "team": nil})
	}
	return problem.JSON(w, http.StatusOK, list)
}

// named tells that an organization or a project is there.
func (a *uploadAPI) named(w http.ResponseWriter, r *http.Request) error {
	slug := chi.URLParam(r, "project")
	if slug == "" {
		slug = chi.URLParam(r, "org")
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"id": "1", "slug": slug, "name": slug, "team": nil, "teams": []any{}})
}

// origin is where r was sent to, as the client knows it.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	host := r.Host
	if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" {
		host, _, _ = strings.Cut(forwarded, ",")
	}
	return scheme + "://" + strings.TrimSpace(host)
}

// chunkOptions tells how uploads are cut. The URL is relative to the API's, which
// the client knows best.
func (a *uploadAPI) chunkOptions(w http.ResponseWriter, r *http.Request) error {
	return problem.JSON(w, http.StatusOK, map[string]any{
		"url":              "organizations/" + chi.URLParam(r, "org") + "/chunk-upload/",
		"chunkSize":        chunks.MaxChunk,
		"chunksPerRequest": chunksPerRequest,
		"maxRequestSize":   maxChunkRequest,
		"maxFileSize":      int64(maxBundle),
		"maxWait":          0,
		"concurrency":      1,
		"hashAlgorithm":    "sha1",
		"compression":      []string{"gzip"},
		// Without release_files old clients want a release.
		"accept": []string{"release_files", "sources", "artifact_bundles", "artifact_bundles_v2"},
	})
}

// project is the project that a slug names: sentry-cli takes no names with blanks
// and capitals.
func (a *uploadAPI) project(slug string) string {
	best := slug
	for _, name := range a.Projects() {
		if name == slug {
			return name
		}
		if slugOf(name) == slug {
			best = name
		}
	}
	return best
}

// slugOf is a name in lower-case letters, digits, and hyphens for all else.
func slugOf(name string) string {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(name) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(c)
			continue
		}
		gap = true
	}
	return b.String()
}
