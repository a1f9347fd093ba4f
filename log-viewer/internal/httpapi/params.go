package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

const (
	defaultLimit = 100
	// maxPage is the most entries of a page that is found by offset. Clients
	// that know the cursor may ask for logs.MaxLimit.
	maxPage = 500
)

// quoted shows the beginning of a text from outside.
func quoted(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// intParam is a whole number from lowest to highest, or def when it is not given.
func intParam(v url.Values, name string, def, lowest, highest int) (int, error) {
	text := v.Get(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < lowest || n > highest {
		return 0, errs.New(errs.Invalid, "%s is %s, want %d to %d", name, quoted(text), lowest, highest)
	}
	return n, nil
}

func boolParam(v url.Values, name string) (bool, error) {
	switch v.Get(name) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, errs.New(errs.Invalid, "%s is %s, want 1 or 0", name, quoted(v.Get(name)))
}

// queryParams reads the parameters of the list. none is true when nothing can
// match. A limit above what there may be is the largest that there may be, as
// clients have always been answered.
func (a *api) queryParams(v url.Values) (q logs.Query, none bool, err error) {
	if q.Filter, none, err = logs.ParseFilter(v, a.Now()); err != nil {
		return q, none, err
	}
	const anyNumber = 1 << 31
	if q.Limit, err = intParam(v, "limit", defaultLimit, 0, anyNumber); err != nil {
		return q, none, err
	}
	if q.Offset, err = intParam(v, "offset", 0, 0, logs.MaxOffset); err != nil {
		return q, none, err
	}
	if q.CountAll, err = boolParam(v, "count"); err != nil {
		return q, none, err
	}
	most := maxPage
	if v.Has("cursor") {
		most = logs.MaxLimit
		if text := v.Get("cursor"); text != "" {
			if q.After, err = logs.ParsePosition(text); err != nil {
				return q, none, err
			}
		}
	}
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	q.Limit = min(q.Limit, most)
	return q, none, nil
}

// id is the entry that the path names.
func id(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil || n <= 0 {
		return 0, errs.New(errs.NotFound, "log entry %.30s not found", chi.URLParam(r, "id"))
	}
	return n, nil
}
