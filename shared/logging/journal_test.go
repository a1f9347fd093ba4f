package logging_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/logging"
)

func TestMistakesAreRememberedNewestFirst(t *testing.T) {
	log := logging.New(io.Discard, "notes", slog.LevelInfo)
	ctx := logging.WithRequestID(t.Context(), "abc")
	log.Info("nothing")
	log.Warn("disk low", "free_bytes", 17)
	log.ErrorContext(ctx, "job failed", "job", "tidy", "err", fmt.Errorf("no space"), "stack", "goroutine 1")
	log.With("job", "mail").Warn("disk low", "free_bytes", 5)
	got := logging.Mistakes(log)
	if len(got) != 2 {
		t.Fatalf("%d mistakes, want 2: %+v", len(got), got)
	}
	low, failed := got[0], got[1]
	if low.Message != "disk low" || low.Count != 2 || low.Facts[0] != (logging.Fact{Name: "free_bytes", Value: "5"}) || low.First.After(low.Last) {
		t.Errorf("the repeated one: %+v", low)
	}
	if failed.Level != slog.LevelError || failed.RequestID != "abc" || len(failed.Facts) != 2 || failed.Facts[1].Value != "no space" {
		t.Errorf("the error: %+v", failed)
	}
}

func TestMistakesAreBoundedAndHoldNoSecret(t *testing.T) {
	log := logging.New(io.Discard, "notes", slog.LevelInfo)
	for i := range 1000 {
		log.Warn(fmt.Sprintf("message %d", i), "api_key", "s3cret", "text", strings.Repeat("x", 5000),
			"a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, "g", 7)
	}
	got := logging.Mistakes(log)
	if len(got) != 50 || got[0].Message != "message 999" {
		t.Fatalf("%d mistakes, the newest %q", len(got), got[0].Message)
	}
	if n := len(got[0].Facts); n != 8 {
		t.Errorf("%d facts, want 8", n)
	}
	for _, f := range got[0].Facts {
		if len(f.Value) > 310 || strings.Contains(f.Value, "s3cret") {
			t.Errorf("fact %s has %d bytes: %.40s", f.Name, len(f.Value), f.Value)
		}
	}
}

// Numbers of keys are no secrets: they say whose data is meant.
func TestNumbersOfKeysAreRemembered(t *testing.T) {
	log := logging.New(io.Discard, "notes", slog.LevelInfo)
	log.Warn("spool full", "key_id", 12, "dsn_key", "s3cret")
	if got := logging.Mistakes(log)[0].Facts; len(got) != 2 || got[0].Value != "12" || got[1].Value == "s3cret" {
		t.Errorf("facts = %+v, want key_id and no dsn_key", got)
	}
}

func TestAnotherLoggerHasNoMistakes(t *testing.T) {
	log := logging.Discard()
	log.Error("x")
	if got := logging.Mistakes(log); got != nil {
		t.Errorf("got %v", got)
	}
}
