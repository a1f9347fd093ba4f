package httpapi

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

type sourceMapJSON struct {
	ID         int64   `json:"id"`
	Project    string  `json:"project"`
	Release    string  `json:"release"`
	FileURL    string  `json:"file_url"`
	UploadedAt string  `json:"uploaded_at"`
	UploadedBy string  `json:"uploaded_by"`
	DebugID    string  `json:"debug_id"`
	Bytes      int64   `json:"bytes"`
	Sources    int64   `json:"sources"`
	LastUsed   *string `json:"last_used"`
}

// listMaps is GET /api/source-maps.
func (a *api) listMaps(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := relay.MapFilter{Project: q.Get("project"), Release: q.Get("release"), DebugID: q.Get("debug_id")}
	var err error
	if f.After, err = number(q, "after", 1<<62); err != nil {
		return err
	}
	limit, err := number(q, "limit", relay.MaxMapsListed)
	if err != nil {
		return err
	}
	f.Limit = int(limit)
	maps, err := a.Maps.SourceMaps(r.Context(), f)
	if err != nil {
		return err
	}
	total, err := a.Maps.CountMaps(r.Context(), f)
	if err != nil {
		return err
	}
	list := make([]sourceMapJSON, 0, len(maps))
	for _, m := range maps {
		j := sourceMapJSON{ID: m.ID, Project: m.Project, Release: m.Release, FileURL: m.FileURL, UploadedAt: stamp(m.Uploaded),
			UploadedBy: m.By, DebugID: m.DebugID, Bytes: m.Bytes, Sources: m.Sources}
		if !m.LastUsed.IsZero() {
			used := stamp(m.LastUsed)
			j.LastUsed = &used
		}
		list = append(list, j)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"source_maps": list, "total": total})
}

// number reads a parameter; 0 is one that is not there.
func number(q url.Values, name string, most int64) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, errs.New(errs.Invalid, "%s is %.30q, want a whole number up to %d", name, text, most)
	}
	return n, nil
}

// deleteMap is DELETE /api/source-maps/{id}.
func (a *api) deleteMap(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if err := a.Maps.DeleteMap(r.Context(), id); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"status": "deleted", "id": id})
}
