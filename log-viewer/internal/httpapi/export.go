package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/server"
)

const (
	// MaxExport is the most entries of one download.
	MaxExport = 1_000_000
	// exportPage is the number of entries that a download holds in memory.
	exportPage = 2000
	// maxExportTime is how long a download may take.
	maxExportTime = 15 * time.Minute
	// exportPause is how long a client may take nothing of a download: it may be
	// a program that works on each part of it.
	exportPause = time.Minute
)

// export is GET /api/logs/export: everything that passes the filter, newest
// first, as a file. It is read and sent page by page.
func (a *api) export(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, none, err := a.queryParams(v)
	if err != nil {
		return err
	}
	most, err := intParam(v, "limit", MaxExport, 1, MaxExport)
	if err != nil {
		return err
	}
	format := v.Get("format")
	if format == "" {
		format = "ndjson"
	}
	if format != "ndjson" && format != "txt" {
		return errs.New(errs.Invalid, "format is %s, want ndjson or txt", quoted(format))
	}
	select {
	case a.exports <- struct{}{}:
		defer func() { <-a.exports }()
	default:
		return errs.RetryIn(errs.Unavailable, 10*time.Second, "%d downloads are running, the limit", cap(a.exports))
	}
	q.Limit, q.Offset = min(exportPage, most), 0
	page := logs.Page{}
	if !none { // before the header: a mistake must be an answer of its own
		if page, err = a.Logs.Search(r.Context(), q); err != nil {
			return err
		}
	}
	ctx, cancel, err := server.LongLived(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	server.Unhurried(r, exportPause)
	h := w.Header()
	h.Set("Content-Type", map[string]string{"ndjson": "application/x-ndjson", "txt": "text/plain; charset=utf-8"}[format])
	h.Set("Content-Disposition", `attachment; filename="logs-`+a.Now().UTC().Format("20060102-150405")+"."+format+`"`)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	f := file{stream: stream{w: w, control: http.NewResponseController(w), limit: exportPause}, format: format}
	end := time.Now().Add(maxExportTime)
	for sent := 0; ; {
		if f.page(page.Entries) != nil {
			return nil // the client left
		}
		sent += len(page.Entries)
		if page.Next == nil {
			if page.Partial {
				f.note("this is not all: the search took too long", nil)
			}
			return nil
		}
		if sent >= most {
			if !v.Has("limit") {
				f.note("this is not all: a download has at most "+strconv.Itoa(MaxExport)+" entries", page.Next)
			}
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			f.note("this is not all: the time was over", page.Next)
			return nil
		}
		q.After, q.Limit = page.Next, min(exportPage, most-sent)
		if page, err = a.Logs.Search(ctx, q); err != nil {
			f.note("this is not all: the service failed", q.After)
			return err
		}
	}
}

// oneWord keeps names of containers from looking like something else in a text.
var oneWord = strings.NewReplacer("\n", "_", "\r", "_", "\t", "_", " ", "_")

// file is a download on its way.
type file struct {
	stream
	format string
}

// page sends entries, one to a line. Lines of a text begin with time, container
// and level; the further lines of an entry follow as they are.
func (f *file) page(entries []logs.Entry) (err error) {
	if len(entries) == 0 {
		return nil
	}
	withBuffer(func(b []byte) []byte {
		for _, e := range entries {
			if f.format == "ndjson" {
				b = appendEntry(b, e)
			} else {
				b = append(appendTime(b, e.Time), ' ')
				b = append(append(b, oneWord.Replace(logs.Plain(e.Source))...), ' ')
				b = append(append(b, e.Level.String()...), ' ')
				b = append(b, logs.Plain(e.Message)...)
			}
			b = append(b, '\n')
			if len(b) > maxKept/2 {
				if err = f.send(b); err != nil {
					return b
				}
				b = b[:0]
			}
		}
		err = f.send(b)
		return b
	})
	return err
}

// note ends a file that is not complete.
func (f *file) note(text string, next *logs.Position) {
	b := []byte("# " + text + "\n")
	if f.format == "ndjson" {
		b = appendString([]byte(`{"truncated":`), text)
		if next != nil {
			b = append(append(append(b, `,"next":"`...), next.String()...), '"')
		}
		b = append(b, "}\n"...)
	}
	_ = f.send(b) // the client left: nobody to tell
}
