package httpapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
)

// Entries are written as JSON by hand: an answer has thousands, and a stream
// writes them for each of its readers.

// timestamp is RFC 3339 in UTC, with the fraction that the entry has.
const timestamp = "2006-01-02T15:04:05.999999999Z"

func appendTime(b []byte, ns int64) []byte {
	return time.Unix(0, ns).UTC().AppendFormat(b, timestamp)
}

func formatTime(ns int64) string { return string(appendTime(nil, ns)) }

func streamName(s logs.Stream) string {
	if s == logs.Stderr {
		return "stderr"
	}
	return "stdout"
}

// appendEntry adds an entry as a JSON object.
func appendEntry(b []byte, e logs.Entry) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, e.ID, 10)
	b = append(b, `,"timestamp":"`...)
	b = appendTime(b, e.Time)
	b = append(b, `","container":`...)
	b = appendString(b, e.Source)
	b = append(b, `,"stream":"`...)
	b = append(b, streamName(e.Stream)...)
	b = append(b, `","level":"`...)
	b = append(b, e.Level.String()...)
	b = append(b, `","message":`...)
	b = appendString(b, e.Message)
	return append(b, '}')
}

const hex = "0123456789abcdef"

// appendString adds s as a JSON string. Besides what JSON wants, it escapes the
// characters that end a line in JavaScript and those that end a script in HTML.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				b = append(append(b, s[from:i]...), `\ufffd`...)
				from = i + size
			case r == 0x2028 || r == 0x2029:
				b = append(append(b, s[from:i]...), `\u202`...)
				b = append(b, hex[r&0xf])
				from = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

// buffers hold answers while they are made.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// maxKept is the largest buffer that is kept, in bytes.
const maxKept = 2 << 20

func withBuffer(f func(b []byte) []byte) {
	p := buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	b := f((*p)[:0])
	if cap(b) <= maxKept {
		*p = b[:0]
		buffers.Put(p)
	}
}

// writeJSON sends what f appends.
func writeJSON(w http.ResponseWriter, f func(b []byte) []byte) {
	withBuffer(func(b []byte) []byte {
		b = f(b)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(b) // the client left: nothing to do about it
		return b
	})
}

func appendEntries(b []byte, entries []logs.Entry, columns []string) []byte {
	b = append(b, `"logs":[`...)
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendColumns(appendEntry(b, entries[i]), entries[i], columns)
	}
	return append(b, ']')
}

// appendColumns adds to an entry the values of the fields that were asked for,
// in that order, null for one that the entry does not have.
func appendColumns(b []byte, e logs.Entry, columns []string) []byte {
	if len(columns) == 0 {
		return b
	}
	b = append(b[:len(b)-1], `,"columns":[`...)
	text := logs.Plain(e.Message)
	for i, name := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		if value, ok := fields.Lookup(text, name); ok {
			b = appendString(b, value)
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, "]}"...)
}

// list is GET /api/logs.
func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, none, err := a.queryParams(v)
	if err != nil {
		return err
	}
	columns, err := logs.ParseColumns(v["column"])
	if err != nil {
		return err
	}
	page := logs.Page{Exact: true}
	if !none {
		if page, err = a.Logs.Search(r.Context(), q); err != nil {
			return err
		}
	}
	writeJSON(w, func(b []byte) []byte {
		b = appendEntries(append(b, '{'), page.Entries, columns)
		b = strconv.AppendInt(append(b, `,"total":`...), page.Total, 10)
		b = strconv.AppendInt(append(b, `,"limit":`...), int64(q.Limit), 10)
		b = strconv.AppendInt(append(b, `,"offset":`...), int64(q.Offset), 10)
		b = strconv.AppendBool(append(b, `,"total_exact":`...), page.Exact)
		b = strconv.AppendBool(append(b, `,"partial":`...), page.Partial)
		b = append(b, `,"next":`...)
		if page.Next == nil {
			b = append(b, "null"...)
		} else {
			b = append(append(append(b, '"'), page.Next.String()...), '"')
		}
		return append(b, '}')
	})
	return nil
}
