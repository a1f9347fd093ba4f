package httpapi

import (
	"net/http"
	"strconv"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
)

const defaultContext = 50 // entries before and after

// entry is GET /api/logs/{id}.
func (a *api) entry(w http.ResponseWriter, r *http.Request) error {
	n, err := id(r)
	if err != nil {
		return err
	}
	e, err := a.Logs.Entry(r.Context(), n)
	if err != nil {
		return err
	}
	writeJSON(w, func(b []byte) []byte {
		b = appendEntry(b, e)
		text := logs.Plain(e.Message)
		b = b[:len(b)-1]
		if trace := fields.TraceID(text); trace != "" {
			b = appendString(append(b, `,"trace_id":`...), trace)
		}
		if request := fields.RequestID(text); request != "" {
			b = appendString(append(b, `,"request_id":`...), request)
		}
		b = append(b, `,"fields":[`...)
		first := true
		fields.Each(text, func(name, value string) bool {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendString(append(b, `{"name":`...), name)
			b = append(appendString(append(b, `,"value":`...), value), '}')
			return true
		})
		return append(b, `]}`...)
	})
	return nil
}

// context is GET /api/logs/{id}/context.
func (a *api) context(w http.ResponseWriter, r *http.Request) error {
	n, err := id(r)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	f, _, err := logs.ParseFilter(map[string][]string{"container": v["container"], "service": v["service"], "stream": v["stream"]}, a.Now())
	if err != nil {
		return err
	}
	before, err := intParam(v, "before", defaultContext, 0, logs.MaxAround)
	if err != nil {
		return err
	}
	after, err := intParam(v, "after", defaultContext, 0, logs.MaxAround)
	if err != nil {
		return err
	}
	entries, err := a.Logs.Around(r.Context(), n, f, before, after)
	if err != nil {
		return err
	}
	writeJSON(w, func(b []byte) []byte {
		b = appendEntries(append(b, '{'), entries, nil)
		return append(strconv.AppendInt(append(b, `,"id":`...), n, 10), '}')
	})
	return nil
}
