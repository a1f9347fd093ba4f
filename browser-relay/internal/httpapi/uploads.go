package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/chunks"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// UploadOptions are the parts of the doors for builds; none may be nil.
type UploadOptions struct {
	Uploads  *artifacts.Uploader
	Chunks   *chunks.Store
	Projects func() []string // those that have keys
	MapLimit int64           // bytes of a source map
	Maps     Lister
	// Body bounds small bodies, Stream those that are read piece by piece:
	// [server.Edge.Body] and [server.Edge.Stream].
	Body   func(limit int64) func(http.Handler) http.Handler
	Stream func(limit int64) func(http.Handler) http.Handler
	Handle func(problem.HandlerFunc) http.HandlerFunc
}

const (
	// mapOverhead is what may stand around a map in a body: escapes, mostly.
	mapOverhead = 1 << 20
	// maxField bounds a form field that is no map.
	maxField = 4 << 10
	maxParts = 50
)

type uploadAPI struct{ UploadOptions }

// UploadRoutes adds the doors for builds to r, which checks their key: source
// maps one by one, and what sentry-cli and the bundler plugins ask for.
func UploadRoutes(r chi.Router, o UploadOptions) {
	a := &uploadAPI{o}
	// In JSON a quotation mark of the map takes two bytes.
	r.Group(func(r chi.Router) {
		r.Use(o.Stream(2*o.MapLimit + mapOverhead))
		for _, path := range []string{"/api/source-maps", "/api/sourcemaps"} {
			r.Post(path, o.Handle(a.uploadMap))
			r.Put(path+"/{id}", o.Handle(a.putMap))
		}
	})
	a.sentryRoutes(r)
}

// uploadMap is POST /api/source-maps: a form, the map itself when the query says
// what it is of, or the JSON object of the first relay.
func (a *uploadAPI) uploadMap(w http.ResponseWriter, r *http.Request) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "multipart/form-data":
		return a.take(w, r, func(u *artifacts.Upload) error {
			return a.readForm(r, u, multipart.NewReader(r.Body, params["boundary"]))
		})
	case r.URL.Query().Get("project") != "":
		return a.take(w, r, func(u *artifacts.Upload) error { return a.readRaw(r, u, "") })
	}
	return a.take(w, r, func(u *artifacts.Upload) error { return u.ReadJSON(r.Context(), a.limit(r.Body, 2)) })
}

// putMap is PUT /api/source-maps/{id}, where id is a debug ID.
func (a *uploadAPI) putMap(w http.ResponseWriter, r *http.Request) error {
	return a.take(w, r, func(u *artifacts.Upload) error { return a.readRaw(r, u, chi.URLParam(r, "id")) })
}

// readRaw reads a body that is the map itself.
func (a *uploadAPI) readRaw(r *http.Request, u *artifacts.Upload, debugID string) error {
	q := r.URL.Query()
	for name := range q {
		if _, err := u.Set(name, q.Get(name)); err != nil {
			return err
		}
	}
	if err := u.SetDebugID(debugID); err != nil {
		return err
	}
	return u.Build(r.Context(), a.limit(r.Body, 1))
}

// readForm reads the parts of a form, in any order.
func (a *uploadAPI) readForm(r *http.Request, u *artifacts.Upload, form *multipart.Reader) error {
	for range maxParts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return formError(err)
		}
		switch name := part.FormName(); name {
		case "map", "file", "source_map", "map_content":
			if err := u.Build(r.Context(), a.limit(part, 1)); err != nil {
				return formError(err)
			}
			if name := part.FileName(); u.FileURL == "" && name != "" {
				u.FileURL = name // until file_url is told
			}
		default:
			value, err := io.ReadAll(io.LimitReader(part, maxField+1))
			if err != nil {
				return formError(err)
			}
			if len(value) > maxField {
				return errs.New(errs.Invalid, "form field %.50q has more than %d bytes", name, maxField)
			}
			if _, err := u.Set(name, strings.ToValidUTF8(string(value), "\uFFFD")); err != nil {
				return err
			}
		}
	}
	return errs.New(errs.Invalid, "the form has more than %d fields", maxParts)
}

// formError classifies what reading a form gives, unless it is classified.
func formError(err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	_, malformed := errors.AsType[textproto.ProtocolError](err) // the header of a part
	if malformed || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasPrefix(err.Error(), "multipart:") || strings.HasPrefix(err.Error(), "mime:") {
		return errs.Wrap(errs.Invalid, err, "Request body is not a valid form")
	}
	return err
}

// message is what may be shown of an error.
func message(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Text
	}
	return "internal error"
}

// limit lets so many times the limit of a map be read.
func (a *uploadAPI) limit(r io.Reader, times int64) io.Reader {
	return &limitedReader{r: r, left: times*a.MapLimit + 1, err: errs.New(errs.TooLarge, "The source map has more than %d bytes", a.MapLimit)}
}

// limitedReader fails instead of ending when there is more.
type limitedReader struct {
	r    io.Reader
	left int64
	err  error
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, l.err
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	if l.left -= int64(n); l.left <= 0 {
		return 0, l.err
	}
	return n, err
}

// uploadedJSON is the answer to an upload.
type uploadedJSON struct {
	Status       string `json:"status"`
	ID           int64  `json:"id"`
	Project      string `json:"project"`
	Release      string `json:"release"`
	FileURL      string `json:"file_url"`
	DebugID      string `json:"debug_id"`
	Bytes        int64  `json:"bytes"`
	Sources      int    `json:"sources"`
	WithContent  int    `json:"sources_with_content"`
	Segments     int    `json:"segments"`
	ComparedPath string `json:"compared_path"` // what stacks are compared with
}

// take does an upload whose body is read by read.
func (a *uploadAPI) take(w http.ResponseWriter, r *http.Request, read func(*artifacts.Upload) error) error {
	ctx := r.Context()
	u, err := a.Uploads.Begin(ctx, uploader(r))
	if err != nil {
		return err
	}
	defer u.Close()
	if err := read(u); err != nil {
		return err
	}
	if u.Result != nil && u.Result.Bytes > a.MapLimit {
		return errs.New(errs.TooLarge, "The source map has %d bytes, the limit is %d", u.Result.Bytes, a.MapLimit)
	}
	s, err := u.Commit(ctx)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, uploadedJSON{
		"uploaded", s.ID, s.Project, s.Release, s.FileURL, s.DebugID, s.Bytes, s.Sources, s.WithContent, s.Segments, s.Path,
	})
}

// uploader names the program that uploads.
func uploader(r *http.Request) string {
	agent, _, _ := strings.Cut(r.UserAgent(), " ")
	if agent == "" {
		return "api"
	}
	return strings.ToValidUTF8(agent, "\uFFFD")
}
