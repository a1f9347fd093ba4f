package worker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/smtp"
	"github.com/monlight/monlight/error-tracker/internal/smtp/smtptest"
	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/worker"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// service is the tracker with its real store, alert loop and SMTP client,
// against a mail server on loopback.
type service struct {
	*tracker.Service
	alerts *worker.Alerts
}

func start(t *testing.T, server smtptest.Options, digest time.Duration) (*service, *smtptest.Server) {
	t.Helper()
	store, err := sqlite.NewStore(dbtest.Open(t, sqlite.Migrations()), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mailServer := smtptest.Start(t, server)
	settings, err := alerting.Settings{
		BaseURL: "http://localhost:5010", From: alerting.Address{Addr: "errors@example.com"},
		Recipients: []alerting.Address{{Addr: "team@example.com"}}, DigestInterval: digest,
	}.Checked()
	if err != nil {
		t.Fatal(err)
	}
	client, err := smtp.New(smtp.Options{Host: "127.0.0.1", Port: mailServer.Port(), Mail: settings})
	if err != nil {
		t.Fatal(err)
	}
	composer, err := alerting.NewComposer(settings, store, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	alerts := worker.NewAlerts(store, composer, client, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { alerts.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return &service{tracker.NewService(store, time.Now, alerts.Notify), alerts}, mailServer
}

// storm reports n new errors, some at a time, and returns how long each took,
// the quickest first.
func (s *service) storm(t *testing.T, prefix string, n int) []time.Duration {
	t.Helper()
	const workers = 8
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		took []time.Duration
	)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				name := fmt.Sprintf("%s%c%c%c", prefix, 'A'+i%26, 'A'+i/26%26, 'A'+i/676)
				e := &event.Event{
					Project: "shop", Level: "error", Traceback: "Traceback\n.\n" + name + ": boom",
					Exceptions: []event.Exception{{Type: name, Value: "boom", Frames: []event.Frame{{Function: name, Filename: name + ".py", Line: i}}}},
				}
				began := time.Now()
				out, err := s.Report(t.Context(), e)
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				if err != nil || out.Status != tracker.Created {
					t.Errorf("Report %d = %+v, %v", i, out, err)
					return
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took
}

// until waits for a condition that real connections bring about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func TestStormOverSQLiteAndSMTP(t *testing.T) {
	const (
		n        = 400
		interval = 3 * time.Second
	)
	began := time.Now()
	s, server := start(t, smtptest.Options{TLS: true}, interval)
	s.storm(t, "Error", n)
	until(t, "the digest", func() bool {
		pending, err := s.CountPendingAlerts(t.Context())
		return err == nil && pending == 0 && s.alerts.Stats().Digests > 0 && s.alerts.Stats().Sent == s.alerts.Stats().Composed
	})
	got := server.Messages()
	// A machine under load has time for several intervals, each with a digest,
	// or a budget of single mails at the end.
	intervals := int(time.Since(began)/interval) + 1
	if most := 2*alerting.DefaultBudget + intervals; len(got) <= alerting.DefaultBudget || len(got) > most {
		t.Errorf("%d new errors in %d intervals made %d mails, want %d to %d", n, intervals, len(got), alerting.DefaultBudget+1, most)
	}
	digests := 0
	for _, m := range got {
		if !m.TLS || m.To[0] != "team@example.com" {
			t.Errorf("mail %v, want it over TLS to the team", m)
		}
		if strings.Contains(string(m.Data), "X-Monlight-Alert: digest") {
			digests++
		}
	}
	t.Logf("%d new errors: %d mails, %d of them digests, over %d connections; %+v", n, len(got), digests, server.Connections(), s.alerts.Stats())
}

// A mail server that accepts connections and says nothing is the worst kind.
func TestReportsDoNotWaitForADeadMailServer(t *testing.T) {
	s, server := start(t, smtptest.Options{HangAt: smtptest.Connect}, time.Minute)
	took := s.storm(t, "Error", 200)
	until(t, "the attempt to send", func() bool { return server.Connections() > 0 })
	hung := s.storm(t, "Late", 200)
	p99 := func(d []time.Duration) time.Duration { return d[len(d)*99/100] }
	if p99(hung) > 10*time.Second {
		t.Errorf("p99 of reports = %v while the mail server hangs, want far less than its time limit of 30 s", p99(hung))
	}
	t.Logf("reports p50 %v p99 %v, then, while the server hangs, p50 %v p99 %v", took[len(took)/2], p99(took), hung[len(hung)/2], p99(hung))
}
