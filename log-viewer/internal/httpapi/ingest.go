package httpapi

import (
	"mime"
	"net/http"
	"net/url"
	"sync"
	"unsafe"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/ingest"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// ingestResponse is the answer to lines that were taken in.
type ingestResponse struct {
	Status    string          `json:"status"`
	Count     int             `json:"count"`
	Duplicate bool            `json:"duplicate,omitempty"`
	Rejected  int             `json:"rejected,omitempty"`
	Errors    []itemErrorJSON `json:"errors,omitempty"`
}

// itemErrorJSON says why an entry was left out.
type itemErrorJSON struct {
	Index  int    `json:"index"`
	Detail string `json:"detail"`
}

var readers = sync.Pool{New: func() any { return new(ingest.Reader) }}

// ingest is POST /api/logs.
func (a *api) ingest(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	def := ingest.Defaults{Source: query.Get("container")}
	var ok bool
	if def.Stream, ok = ingest.ParseStream(query.Get("stream")); !ok {
		return errs.New(errs.Invalid, "stream is %s, want stdout or stderr", quoted(query.Get("stream")))
	}
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return err
	}
	reader, _ := readers.Get().(*ingest.Reader)
	defer func() {
		reader.Release()
		readers.Put(reader)
	}()
	lines, err := read(reader, r.Header.Get("Content-Type"), body, def, query)
	if err != nil {
		return err
	}
	res := ingestResponse{Status: "accepted", Count: len(lines.Entries), Rejected: lines.Rejected}
	for _, p := range lines.Problems {
		res.Errors = append(res.Errors, itemErrorJSON(p))
	}
	if res.Count == 0 && res.Rejected > 0 {
		return errs.New(errs.Invalid, "no entry was accepted: entry %d: %s", res.Errors[0].Index, res.Errors[0].Detail)
	}
	first, err := a.Logs.Append(r.Context(), logs.Batch{Entries: lines.Entries, Key: r.Header.Get("Idempotency-Key")})
	if err != nil {
		return err
	}
	res.Duplicate = first == 0 && res.Count > 0
	return problem.JSON(w, http.StatusAccepted, res)
}

// read reads a body of plain text when it says that it is, and JSON otherwise:
// many clients do not say what they send, or say it is a form.
func read(r *ingest.Reader, contentType string, body []byte, def ingest.Defaults, query url.Values) (ingest.Lines, error) {
	partial, err := boolParam(query, "partial")
	if err != nil {
		return ingest.Lines{}, err
	}
	// The reader copies what it keeps, so the body need not be copied for it.
	text := unsafe.String(unsafe.SliceData(body), len(body))
	if kind, _, err := mime.ParseMediaType(contentType); err == nil && kind == "text/plain" {
		return r.Text(text, def)
	}
	return r.JSON(text, def, partial)
}
