package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/chunks"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// assembly is the body of an assemble.
type assembly struct {
	checksum string
	chunks   []string
	projects []string
	release  string
}

func readAssembly(r *http.Request) (assembly, error) {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return assembly{}, err
	}
	var a assembly
	texts := func(p *jsonpull.Parser) (list []string) {
		if p.Kind() != jsonpull.Array {
			p.Skip()
			return nil
		}
		for range p.Array() {
			if s, ok := p.String(); ok {
				list = append(list, strings.Clone(s))
			}
		}
		return list
	}
	err = decodeObject(body, func(p *jsonpull.Parser, name string) {
		switch name {
		case "checksum":
			a.checksum, _ = p.String()
			a.checksum = strings.Clone(a.checksum)
		case "chunks":
			a.chunks = texts(p)
		case "projects":
			a.projects = texts(p)
		case "version":
			a.release, _ = p.String()
			a.release = strings.Clone(a.release)
		}
	})
	return a, err
}

// assemble puts the pieces of a bundle together and stores the maps in it. Asked
// before the pieces are there it tells which are missing.
func (a *uploadAPI) assemble(w http.ResponseWriter, r *http.Request) error {
	req, err := readAssembly(r)
	if err != nil {
		return err
	}
	if project := chi.URLParam(r, "project"); project != "" && len(req.projects) == 0 {
		req.projects = []string{project}
	}
	switch {
	case !chunks.IsName(req.checksum):
		return errs.New(errs.Invalid, "checksum is %.50q, want the SHA-1 of the bundle in lower-case hexadecimal digits", req.checksum)
	case len(req.chunks) == 0 || len(req.chunks) > maxBundle/chunks.MaxChunk:
		return errs.New(errs.Invalid, "%d chunks, want 1 to %d", len(req.chunks), maxBundle/chunks.MaxChunk)
	}
	if missing := a.Chunks.Missing(req.chunks); len(missing) > 0 {
		return problem.JSON(w, http.StatusOK, map[string]any{"state": "not_found", "missingChunks": missing})
	}
	conn := http.NewResponseController(w)
	_ = conn.SetWriteDeadline(time.Now().Add(assembleTime + time.Minute))
	ctx, cancel := context.WithTimeout(r.Context(), assembleTime)
	defer cancel()
	n, err := a.store(ctx, req, uploader(r))
	if err != nil && errs.KindOf(err) != errs.Internal && errs.KindOf(err) != errs.Unavailable {
		// Clients show detail when the state is error; a status would be tried again.
		return problem.JSON(w, http.StatusOK, map[string]any{"state": "error", "missingChunks": []string{}, "detail": message(err)})
	}
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"state": "ok", "missingChunks": []string{}, "sourceMaps": n})
}

func (a *uploadAPI) store(ctx context.Context, req assembly, by string) (int, error) {
	whole, err := a.Chunks.Join(ctx, req.chunks, req.checksum)
	if err != nil {
		return 0, err
	}
	defer whole.Close()
	b := artifacts.Bundle{Release: req.release, By: by, MapLimit: a.MapLimit}
	for _, slug := range req.projects {
		b.Projects = append(b.Projects, a.project(slug))
	}
	n, err := a.Uploads.AddBundle(ctx, whole, whole.Size(), b)
	switch errs.KindOf(err) {
	case errs.Invalid, errs.TooLarge:
		err = errors.Join(err, a.Chunks.Remove(req.chunks))
	}
	if err == nil {
		// Not removed: a client that found all pieces here asks a second time.
		err = a.Chunks.Used(req.chunks)
	}
	return n, err
}
