// Package logging writes the log of a service: one JSON object per line with
// ts, level, service and msg.
package logging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/config"
)

const (
	// maxTextBytes bounds each text in a line, because texts come from outside.
	maxTextBytes = 1 << 10
	// maxStackBytes bounds the attribute "stack", which we write ourselves.
	maxStackBytes = 16 << 10

	timeFormat = "2006-01-02T15:04:05.000Z"
)

// New returns a logger that writes to w and puts service into each line. A
// request id in the context of a call (see [WithRequestID]) becomes the attribute
// request_id. Texts longer than 1 KB are cut.
func New(w io.Writer, service string, level slog.Leveler) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replace})
	return slog.New(contextHandler{h, new(journal)}).With("service", service)
}

// Discard returns a logger that drops everything.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Level reads LOG_LEVEL, default info.
func Level(env *config.Env) slog.Level {
	return config.Parse(env, "LOG_LEVEL", "info", "lowest level to log: error, warn, info or debug", ParseLevel)
}

// ParseLevel reads error (or err), warn (or warning), info and debug in any case.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(s) {
	case "error", "err":
		return slog.LevelError, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	}
	return slog.LevelInfo, errors.New("want error, warn, info or debug")
}

func replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey:
			if t, ok := a.Value.Any().(time.Time); ok {
				return slog.String("ts", t.UTC().Format(timeFormat))
			}
		case slog.LevelKey:
			return slog.String("level", strings.ToLower(a.Value.String()))
		case "stack":
			return slog.String(a.Key, cut(a.Value.String(), maxStackBytes))
		}
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cut(a.Value.String(), maxTextBytes))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(cut(err.Error(), maxTextBytes))
		}
	}
	return a
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// requestIDKey is the context key of the request id.
type requestIDKey struct{}

// WithRequestID returns a context that carries the id of a request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id that ctx carries, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// contextHandler adds what the context carries to each record, and remembers the
// mistakes.
type contextHandler struct {
	slog.Handler
	journal *journal
}

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	id := RequestID(ctx)
	if r.Level >= slog.LevelWarn {
		h.journal.add(r, id)
	}
	if id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(as), h.journal}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name), h.journal}
}
