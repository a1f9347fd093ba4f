package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/server"
)

// StreamTimes are the times of the event stream.
type StreamTimes struct {
	Heartbeat time.Duration // between two signs of life while nothing happens
	Life      time.Duration // of a stream; clients connect again
	Write     time.Duration // for a client to take what was written; a slower one is cut
}

// DefaultStreamTimes are those of the contract.
var DefaultStreamTimes = StreamTimes{Heartbeat: 15 * time.Second, Life: 30 * time.Minute, Write: 10 * time.Second}

// reconnectAfter is what clients are told to wait before they connect again.
const reconnectAfter = "retry: 2000\n\n"

// tail is GET /api/logs/tail, the stream of new entries as server-sent events.
func (a *api) tail(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	f, none, err := logs.ParseFilter(v, a.Now())
	if err != nil {
		return err
	}
	after, err := afterParam(r, v)
	if err != nil {
		return err
	}
	columns, err := logs.ParseColumns(v["column"])
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		streamHeader(w.Header())
		return nil
	}
	if none { // a level that does not exist: only signs of life
		f.Since = time.Unix(1<<33, 0)
	}
	t, err := a.Logs.Tail(r.Context(), f, after)
	if err != nil {
		return err
	}
	defer t.Close()
	ctx, cancel, err := server.LongLived(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	streamHeader(w.Header())
	w.WriteHeader(http.StatusOK)
	s := stream{w: w, control: http.NewResponseController(w), limit: a.Stream.Write, columns: columns}
	if err := s.send([]byte(reconnectAfter)); err == nil {
		s.follow(ctx, t, a.Stream)
	}
	return nil
}

// afterParam is the entry that the client had last: 0 when it had none.
func afterParam(r *http.Request, v url.Values) (int64, error) {
	text, name := r.Header.Get("Last-Event-ID"), "Last-Event-ID"
	if text == "" {
		text, name = v.Get("after"), "after"
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, errs.New(errs.Invalid, "%s is %s, want the id of a log entry", name, quoted(text))
	}
	return n, nil
}

func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("Connection", "keep-alive")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
}

// stream writes events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	columns []string // fields whose values each entry has beside itself
}

// maxPart is what a client has to take within its time, in bytes: one on a slow
// line takes a part of a download, and not the whole of a large one.
const maxPart = 64 << 10

// send writes and flushes, each part within the time that the client has.
func (s *stream) send(b []byte) error {
	for part := range slices.Chunk(b, maxPart) {
		if err := s.control.SetWriteDeadline(time.Now().Add(s.limit)); err != nil {
			return err
		}
		if _, err := s.w.Write(part); err != nil {
			return err
		}
	}
	return s.control.Flush()
}

// follow writes what t yields until the client leaves, is too slow, or has been
// here for long enough.
func (s *stream) follow(ctx context.Context, t *logs.Tail, times StreamTimes) {
	end, beat := time.Now().Add(times.Life), time.Now().Add(times.Heartbeat)
	for {
		wait, cancel := context.WithDeadline(ctx, earlier(beat, end))
		batch, err := t.Next(wait)
		cancel()
		switch {
		case ctx.Err() != nil: // it left, or we stop
			s.close("stopping")
			return
		case errors.Is(err, context.DeadlineExceeded):
			err = nil
		case err != nil:
			s.close("error")
			return
		default:
			withBuffer(func(b []byte) []byte {
				b = s.appendBatch(b, batch)
				err = s.send(b)
				return b
			})
		}
		if now := time.Now(); err == nil && !now.Before(end) {
			s.close("max_duration")
			return
		} else if err == nil && !now.Before(beat) {
			beat = now.Add(times.Heartbeat)
			err = s.send([]byte("event: heartbeat\ndata: {}\n\n"))
		}
		if err != nil {
			return // the client left, or is too slow
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// close tells the client why the stream ends.
func (s *stream) close(reason string) {
	_ = s.send([]byte("event: close\ndata: {\"reason\":\"" + reason + "\"}\n\n")) // nobody may be there
}

func (s *stream) appendBatch(b []byte, batch logs.TailBatch) []byte {
	if batch.Gap {
		b = strconv.AppendInt(append(b, "event: gap\ndata: {\"limit\":"...), logs.MaxReplay, 10)
		b = append(b, "}\n\n"...)
	}
	for _, e := range batch.Entries {
		b = strconv.AppendInt(append(b, "id: "...), e.ID, 10)
		b = appendColumns(appendEntry(append(b, "\nevent: log\ndata: "...), e), e, s.columns)
		b = append(b, "\n\n"...)
	}
	if batch.Dropped > 0 {
		b = strconv.AppendInt(append(b, "event: dropped\ndata: {\"count\":"...), batch.Dropped, 10)
		b = strconv.AppendInt(append(b, ",\"unfiltered\":"...), batch.Unfiltered, 10)
		b = append(b, "}\n\n"...)
	}
	for _, t := range batch.Turns {
		b = appendTurn(append(b, "event: container\ndata: "...), t)
		b = append(b, "\n\n"...)
	}
	return b
}

// appendTurn adds a change in the life of a container as JSON.
func appendTurn(b []byte, t logs.Turn) []byte {
	what := `"stopped"`
	if t.Started {
		what = `"started"`
	}
	b = appendString(append(b, `{"container":`...), t.Container)
	b = append(append(b, `,"event":`...), what...)
	b = append(t.At.UTC().AppendFormat(append(b, `,"timestamp":"`...), timestamp), '"')
	if !t.Started {
		b = append(b, `,"exit_code":`...)
		if t.ExitKnown {
			b = strconv.AppendInt(b, int64(t.ExitCode), 10)
		} else {
			b = append(b, "null"...)
		}
		b = strconv.AppendBool(append(b, `,"oom_killed":`...), t.OOMKilled)
	}
	b = strconv.AppendInt(append(b, `,"restart_count":`...), int64(t.RestartCount), 10)
	return append(b, '}')
}
