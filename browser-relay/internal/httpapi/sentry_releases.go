package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// maxReleasesListed is how many releases a list has at most.
const maxReleasesListed = 1000

// releaseJSON is a release as sentry-cli reads it. Here a release is what its maps
// and events say it is: making one changes nothing.
type releaseJSON struct {
	Version      string        `json:"version"`
	ShortVersion string        `json:"shortVersion"`
	URL          *string       `json:"url"`
	DateCreated  string        `json:"dateCreated"`
	DateReleased *string       `json:"dateReleased"`
	LastEvent    *string       `json:"lastEvent"`
	NewGroups    int           `json:"newGroups"`
	Projects     []projectJSON `json:"projects"`
}

type projectJSON struct {
	ID   int    `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

func releaseOf(version string, at time.Time, projects ...string) releaseJSON {
	j := releaseJSON{Version: version, ShortVersion: version, DateCreated: stamp(at), Projects: []projectJSON{}}
	for _, p := range projects {
		j.Projects = append(j.Projects, projectJSON{1, p, p})
	}
	return j
}

// listReleases lists releases that have maps.
func (a *uploadAPI) listReleases(w http.ResponseWriter, r *http.Request) error {
	releases, err := a.Maps.MapReleases(r.Context(), maxReleasesListed)
	if err != nil {
		return err
	}
	list := []releaseJSON{}
	project := chi.URLParam(r, "project")
	for _, x := range releases {
		if x.Release != "" && (project == "" || x.Project == a.project(project)) {
			list = append(list, releaseOf(x.Release, x.Uploaded, x.Project))
		}
	}
	return problem.JSON(w, http.StatusOK, list)
}

// makeRelease answers as if a release was made: maps make it.
func (a *uploadAPI) makeRelease(w http.ResponseWriter, r *http.Request) error {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return err
	}
	version := ""
	var projects []string
	err = decodeObject(body, func(p *jsonpull.Parser, name string) {
		switch {
		case name == "version":
			version, _ = p.String()
			version = strings.Clone(version)
		case name == "projects" && p.Kind() == jsonpull.Array:
			for range p.Array() {
				if s, ok := p.String(); ok {
					projects = append(projects, a.project(strings.Clone(s)))
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if version == "" || len(version) > artifacts.BundleRelease {
		return errs.New(errs.Invalid, "version has %d bytes, want 1 to %d", len(version), artifacts.BundleRelease)
	}
	return problem.JSON(w, http.StatusCreated, releaseOf(version, time.Now(), projects...))
}

// versionOf is the release in a path, in which the client may have escaped slashes.
func versionOf(r *http.Request) string {
	text := chi.URLParam(r, "version")
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

func (a *uploadAPI) showRelease(w http.ResponseWriter, r *http.Request) error {
	return problem.JSON(w, http.StatusOK, releaseOf(versionOf(r), time.Now()))
}

// listFiles lists the maps of a release.
func (a *uploadAPI) listFiles(w http.ResponseWriter, r *http.Request) error {
	f := relay.MapFilter{Release: versionOf(r)}
	if project := chi.URLParam(r, "project"); project != "" {
		f.Project = a.project(project)
	}
	maps, err := a.Maps.SourceMaps(r.Context(), f)
	if err != nil {
		return err
	}
	type file struct {
		ID          string            `json:"id"`
		Name        string            `json:"name"`
		Dist        *string           `json:"dist"`
		Headers     map[string]string `json:"headers"`
		Size        int64             `json:"size"`
		SHA1        string            `json:"sha1"`
		DateCreated string            `json:"dateCreated"`
	}
	list := []file{}
	for _, m := range maps {
		headers := map[string]string{}
		if m.DebugID != "" {
			headers["debug-id"] = m.DebugID
		}
		list = append(list, file{ID: strconv.FormatInt(m.ID, 10), Name: m.FileURL, Headers: headers, Size: m.Bytes, DateCreated: stamp(m.Uploaded)})
	}
	return problem.JSON(w, http.StatusOK, list)
}

// makeDeploy answers as if a deploy was noted: nothing here is said by deploys.
func (a *uploadAPI) makeDeploy(w http.ResponseWriter, r *http.Request) error {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return err
	}
	environment, name := "", ""
	err = decodeObject(body, func(p *jsonpull.Parser, member string) {
		switch member {
		case "environment":
			environment, _ = p.String()
			environment = strings.Clone(environment)
		case "name":
			name, _ = p.String()
			name = strings.Clone(name)
		}
	})
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, map[string]any{"id": "1", "environment": environment, "dateFinished": stamp(time.Now()), "name": name})
}
