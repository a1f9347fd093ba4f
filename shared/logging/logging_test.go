package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/logging"
)

func TestLineHasTheKeysOfAllServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock starts at 2000-01-01
		var out bytes.Buffer
		log := logging.New(&out, "notes", slog.LevelInfo)
		ctx := logging.WithRequestID(t.Context(), "abc")
		log.WarnContext(ctx, "disk low", "free_bytes", 17, "err", errors.New("no space"))
		want := `{"ts":"2000-01-01T00:00:00.000Z","level":"warn","msg":"disk low","service":"notes","free_bytes":17,"err":"no space","request_id":"abc"}` + "\n"
		if out.String() != want {
			t.Errorf("line\n%swant\n%s", out.String(), want)
		}
	})
}

func TestLevelTakesEffect(t *testing.T) {
	for text, lines := range map[string]int{
		"": 3, "ERR": 1, "error": 1, "Warning": 2, "warn": 2, "INFO": 3, "debug": 4,
	} {
		env := config.New("notes", func(string) (string, bool) { return text, text != "" })
		var out bytes.Buffer
		log := logging.New(&out, "notes", logging.Level(env))
		log.Error("e")
		log.Warn("w")
		log.Info("i")
		log.Debug("d")
		if got := strings.Count(out.String(), "\n"); got != lines || env.Err() != nil {
			t.Errorf("LOG_LEVEL=%q: %d lines, %v; want %d", text, got, env.Err(), lines)
		}
	}
	env := config.New("notes", func(string) (string, bool) { return "loud", true })
	logging.Level(env)
	if err := env.Err(); err == nil || err.Error() != `LOG_LEVEL = "loud", want error, warn, info or debug` {
		t.Errorf("LOG_LEVEL=loud: %v", err)
	}
}

// Whatever a text has in it: one call is one line of valid JSON, and not a long one.
func TestHostileTextsStayInTheirLine(t *testing.T) {
	for _, text := range []string{
		"a\nb", "a\r\nb", "\x1b[2J\x1b[31m", "\x00\x01", "\xff\xfe", `","level":"error","x":"`, "\u2028\u2029", "</script>",
		strings.Repeat("ü", 100_000), "{}", "\\", "\u202e", strings.Repeat("\n", 5000),
	} {
		var out bytes.Buffer
		log := logging.New(&out, "notes", slog.LevelInfo)
		log.Info("m", "text", text, "err", errors.New(text), "group", slog.GroupValue(slog.String("text", text)))
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(line, "\n\r\x1b\x00") || len(line) > 20_000 {
			t.Errorf("text %.20q gave a line of %d bytes: %.200q", text, len(line), line)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["level"] != "info" {
			t.Errorf("text %.20q gave %.200q: %v", text, line, err)
		}
	}
}
