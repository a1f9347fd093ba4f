package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting/alerttest"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

var (
	quiet     = slog.New(slog.NewTextHandler(io.Discard, nil))
	refused   = &alerting.DeliveryError{Stage: "rcpt", Permanent: true, Err: errors.New("550 nobody here")}
	greylist  = &alerting.DeliveryError{Stage: "rcpt", Err: errors.New("450 later")}
	noServer  = &alerting.DeliveryError{Stage: "connect", Down: true, Err: errors.New("connection refused")}
	storeFull = errs.New(errs.Unavailable, "disk is full")
)

// transport is a mail server for the loop. answer may be changed under mu.
type transport struct {
	mu     sync.Mutex
	answer func(m tracker.Mail) error // nil takes everything
	takes  time.Duration              // for one attempt; ends early with its context
	tries  []attempt
	closed int
}

type attempt struct {
	at   time.Time
	mail tracker.Mail
	err  error
}

func (f *transport) Send(ctx context.Context, m tracker.Mail) error {
	began := time.Now()
	f.mu.Lock()
	takes, answer := f.takes, f.answer
	f.mu.Unlock()
	var err error
	if takes > 0 && !sleep(ctx, takes, nil) {
		err = &alerting.DeliveryError{Stage: "message", Down: true, Err: ctx.Err()}
	} else if answer != nil {
		err = answer(m)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries = append(f.tries, attempt{began, m, err})
	return err
}

func (f *transport) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *transport) String() string { return "fake" }

func (f *transport) set(answer func(tracker.Mail) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// slow makes every attempt take d.
func (f *transport) slow(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes = d
}

func (f *transport) attempts() []attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tries)
}

// taken lists the mails that were accepted.
func (f *transport) taken() []tracker.Mail {
	var out []tracker.Mail
	for _, a := range f.attempts() {
		if a.err == nil {
			out = append(out, a.mail)
		}
	}
	return out
}

// rig is the loop with everything around it, in a bubble of fake time.
type rig struct {
	t      *testing.T
	store  *alerttest.Store
	mail   *transport
	alerts *Alerts
	step   atomic.Int64 // by which the clock is off, a time.Duration
	stop   context.CancelFunc
	ended  chan struct{}
}

func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, store: &alerttest.Store{}, mail: &transport{}}
		r.start()
		f(t, r)
		r.end()
	})
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.step.Load())) }

func (r *rig) start() {
	r.t.Helper()
	c, err := alerting.NewComposer(alerting.Settings{
		BaseURL: "https://errors.example.com", From: alerting.Address{Addr: "errors@example.com"},
		Recipients: []alerting.Address{{Addr: "team@example.com"}},
	}, r.store, r.now)
	if err != nil {
		r.t.Fatal(err)
	}
	r.run(NewAlerts(r.store, c, r.mail, r.now, quiet))
}

func (r *rig) run(a *Alerts) {
	a.jitter = func() float64 { return 0.5 } // none
	r.alerts = a
	ctx, cancel := context.WithCancel(r.t.Context())
	r.stop, r.ended = cancel, make(chan struct{})
	go func() {
		defer close(r.ended)
		a.Run(ctx)
	}()
}

// end stops the loop and tells how long that took.
func (r *rig) end() time.Duration {
	began := time.Now()
	r.stop()
	<-r.ended
	return time.Since(began)
}

func (r *rig) report(kind tracker.AlertKind, id int64) {
	if _, err := r.store.Issue(r.t.Context(), id); err != nil {
		r.store.Put(tracker.Issue{ID: id, Project: "shop", Type: "E", Message: "boom", FirstSeen: r.now(), LastSeen: r.now(), Count: 1}, event.Event{})
	}
	r.store.Alert(kind, id, r.now())
	r.alerts.Notify()
}

func TestNewIssueIsMailedWithinASecond(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		time.Sleep(10 * time.Minute)
		began := time.Now()
		r.report(tracker.AlertCreated, 1)
		time.Sleep(3 * time.Second)
		tries := r.mail.attempts()
		if len(tries) != 1 || tries[0].at.Sub(began) > time.Second {
			t.Fatalf("attempts = %v, want one within a second of %v", tries, began)
		}
		m := r.store.Mails()[0]
		if m.SentAt.IsZero() || m.Attempts != 1 {
			t.Errorf("mail = %+v, want it marked as sent", m)
		}
		if s := r.alerts.Stats(); s.Sent != 1 || s.Composed != 1 || s.Failed != 0 || s.Pending != 0 || s.LastSent.IsZero() {
			t.Errorf("Stats = %+v", s)
		}
		r.end()
		if r.mail.closed < 2 { // the end of the loop closes it once more
			t.Error("the connection is still open after the burst")
		}
	})
}

func TestStormMakesAHandfulOfMails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range int64(10_000) {
			r.report(tracker.AlertCreated, i+1)
			time.Sleep(6 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		taken := r.mail.taken()
		if n := len(taken); n < 2 || n > 12 {
			t.Errorf("10,000 new issues in a minute made %d mails, want 2 to 12", n)
		}
		if a := r.store.Alerts(); len(a) != 0 {
			t.Errorf("%d alerts are left", len(a))
		}
		t.Logf("10,000 new issues in a minute: %d mails to each recipient, %+v", len(taken), r.alerts.Stats())
	})
}

func TestBackOffAndGivingUp(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mail.set(func(tracker.Mail) error { return greylist })
		r.report(tracker.AlertCreated, 1)
		time.Sleep(72 * time.Hour)
		tries := r.mail.attempts()
		var waits []string
		for i := 1; i < len(tries); i++ {
			waits = append(waits, tries[i].at.Sub(tries[i-1].at).Round(time.Minute).String())
		}
		want := "1m0s 5m0s 15m0s 1h0m0s 3h0m0s 3h0m0s 3h0m0s 3h0m0s 3h0m0s 3h0m0s 3h0m0s 1h39m0s"
		if got := strings.Join(waits, " "); got != want {
			t.Errorf("waits between attempts = %s, want %s", got, want)
		}
		if d := tries[len(tries)-1].at.Sub(tries[0].at); d < giveUpAfter-time.Minute || d > giveUpAfter+2*time.Minute {
			t.Errorf("last attempt %v after the first, want %v", d, giveUpAfter)
		}
		m := r.store.Mails()[0]
		if m.FailedAt.IsZero() || m.LastError != greylist.Error() {
			t.Errorf("mail = %+v, want it given up with the last error", m)
		}
		if s := r.alerts.Stats(); s.GivenUp != 1 || s.Failed != int64(len(tries)) || s.LastError != greylist.Error() {
			t.Errorf("Stats = %+v", s)
		}
		t.Logf("%d attempts in 24 h, waits %s", len(tries), strings.Join(waits, " "))
	})
}

func TestRefusedMailIsTriedOnceAndCanBeRetriedByHand(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mail.set(func(m tracker.Mail) error {
			if m.IssueID == 1 {
				return refused
			}
			return nil
		})
		r.report(tracker.AlertCreated, 1)
		r.report(tracker.AlertCreated, 2)
		time.Sleep(48 * time.Hour)
		if n := len(r.mail.attempts()); n != 2 {
			t.Fatalf("%d attempts for two mails, one of them refused for good; want 2", n)
		}
		failed := r.store.Mails()[0]
		if failed.FailedAt.IsZero() || failed.LastError == "" {
			t.Fatalf("refused mail = %+v, want it given up", failed)
		}
		r.mail.set(nil)
		if err := r.store.RetryMail(t.Context(), failed.ID, r.now()); err != nil {
			t.Fatal(err)
		}
		r.alerts.Notify()
		time.Sleep(5 * time.Second)
		if n := len(r.mail.taken()); n != 2 {
			t.Errorf("%d mails were taken after the retry, want 2", n)
		}
	})
}

// While nothing gets through, alerts stay alerts. When the server is back, what
// piled up comes in a handful of mails.
func TestDeadServer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mail.set(func(tracker.Mail) error { return noServer })
		id := int64(0)
		for range 6 * 60 { // a new issue a minute for six hours
			id++
			r.report(tracker.AlertCreated, id)
			time.Sleep(time.Minute)
		}
		if n := len(r.store.Mails()); n > 1+alerting.DefaultBudget {
			t.Errorf("%d mails were composed while the server was down, want at most one budget of them", n)
		}
		down := r.mail.attempts()
		if n := len(down); n > 30 {
			t.Errorf("%d attempts in six hours, want at most 30", n)
		}
		if s := r.alerts.Stats(); !s.Down || s.Pending < 340 {
			t.Errorf("Stats = %+v, want down and the alerts pending", s)
		}
		r.mail.set(nil)
		time.Sleep(4 * time.Hour)
		taken := r.mail.taken()
		if n := len(taken); n > 14 || len(r.store.Alerts()) != 0 {
			t.Errorf("%d mails for %d alerts once the server was back, %d alerts left; want at most 14 and none left", n, id, len(r.store.Alerts()))
		}
		if s := r.alerts.Stats(); s.Down || s.LastError != "" {
			t.Errorf("Stats = %+v, want up again", s)
		}
		t.Logf("six hours down: %d attempts; then %d mails for %d issues", len(down), len(taken), id)
	})
}

func TestTestAlertEndsThePause(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mail.set(func(tracker.Mail) error { return noServer })
		r.report(tracker.AlertCreated, 1)
		time.Sleep(2 * time.Hour)
		r.mail.set(nil)
		began := time.Now()
		if err := r.store.QueueTestAlert(t.Context(), 0, r.now()); err != nil {
			t.Fatal(err)
		}
		r.alerts.Notify()
		time.Sleep(3 * time.Second)
		taken := r.mail.taken()
		if len(taken) == 0 || taken[0].Kind != "test" {
			t.Errorf("%v after a test alert the mails taken are %v, want the test first", time.Since(began), taken)
		}
	})
}

// The server took the mail, and the process died before the store knew.
func TestCrashBetweenSendingAndMarkingSendsTheSameMessageAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range int64(3) {
			r.report(tracker.AlertCreated, i+1)
		}
		r.store.Fail(func(method string) error {
			if method == "MailSent" {
				return storeFull // never again in the life of this process
			}
			return nil
		})
		time.Sleep(time.Minute)
		before := r.mail.taken()
		if len(before) != 1 {
			t.Fatalf("%d mails were taken although the outcome of the first is not stored, want 1", len(before))
		}
		r.end()
		r.store.Fail(nil)
		r.start()
		time.Sleep(time.Minute)
		ids := map[string]int{}
		for _, m := range r.mail.taken() {
			ids[m.MessageID]++
		}
		if len(ids) != 3 || ids[before[0].MessageID] != 2 {
			t.Errorf("messages taken = %v, want three different ones, %s twice", ids, before[0].MessageID)
		}
		for _, m := range r.store.Mails() {
			if m.SentAt.IsZero() {
				t.Errorf("mail %d is not marked as sent", m.ID)
			}
		}
	})
}

func TestCrashBetweenComposingAndSendingLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.end()
		// A process that composes and dies.
		c, err := alerting.NewComposer(alerting.Settings{
			BaseURL: "https://errors.example.com", From: alerting.Address{Addr: "errors@example.com"},
			Recipients: []alerting.Address{{Addr: "team@example.com"}},
		}, r.store, r.now)
		if err != nil {
			t.Fatal(err)
		}
		r.report(tracker.AlertCreated, 1)
		if _, err := c.Compose(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.report(tracker.AlertCreated, 2) // and this one it did not get to
		r.start()
		time.Sleep(time.Minute)
		if taken := r.mail.taken(); len(taken) != 2 {
			t.Errorf("%d mails after the restart, want 2", len(taken))
		}
	})
}

func TestMailIsNotSentTwiceWhileTheStoreRefusesWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		full := true
		var mu sync.Mutex
		r.store.Fail(func(method string) error {
			mu.Lock()
			defer mu.Unlock()
			if full && method == "MailSent" {
				return storeFull
			}
			return nil
		})
		r.report(tracker.AlertCreated, 1)
		time.Sleep(6 * time.Hour)
		if n := len(r.mail.attempts()); n != 1 {
			t.Fatalf("sent %d times while the store could not note it, want once", n)
		}
		mu.Lock()
		full = false
		mu.Unlock()
		time.Sleep(time.Minute)
		if m := r.store.Mails()[0]; m.SentAt.IsZero() || len(r.mail.attempts()) != 1 {
			t.Errorf("mail = %+v after %d attempts, want it marked as sent after one", m, len(r.mail.attempts()))
		}
	})
}

func TestShutdown(t *testing.T) {
	tests := map[string]struct {
		takes    time.Duration
		sent     bool
		longest  time.Duration
		attempts int
	}{
		"lets a mail finish that is nearly done": {4 * time.Second, true, 4 * time.Second, 1},
		"abandons a mail that hangs":             {time.Hour, false, finishCurrent, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.mail.slow(tt.takes)
				r.report(tracker.AlertCreated, 1)
				time.Sleep(2 * time.Second)
				if took := r.end(); took > tt.longest {
					t.Errorf("shutdown took %v, want at most %v", took, tt.longest)
				}
				m := r.store.Mails()[0]
				if m.SentAt.IsZero() == tt.sent || m.Attempts != tt.attempts || !m.FailedAt.IsZero() {
					t.Errorf("mail = %+v, want sent %t", m, tt.sent)
				}
				r.mail.slow(0)
				r.start()
				time.Sleep(time.Minute)
				if n := len(r.mail.taken()); n != 1 {
					t.Errorf("mail was taken %d times, want once", n)
				}
			})
		})
	}
}

func TestAlertsThatAreOffAreThrownAway(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.end()
		r.run(NewAlerts(r.store, nil, nil, r.now, quiet))
		for i := range int64(2000) {
			r.report(tracker.AlertCreated, i+1)
		}
		time.Sleep(2 * time.Minute)
		if len(r.store.Alerts()) != 0 || len(r.store.Mails()) != 0 {
			t.Errorf("%d alerts and %d mails are left, want none", len(r.store.Alerts()), len(r.store.Mails()))
		}
	})
}

func TestLoopGoesOnAfterErrorsAndPanics(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		broken := true
		var mu sync.Mutex
		r.store.Fail(func(method string) error {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case broken && method == "PendingAlerts":
				panic("a bug")
			case broken:
				return storeFull
			}
			return nil
		})
		r.report(tracker.AlertCreated, 1)
		time.Sleep(10 * time.Minute)
		mu.Lock()
		broken = false
		mu.Unlock()
		time.Sleep(time.Minute)
		if n := len(r.mail.taken()); n != 1 {
			t.Errorf("%d mails were taken after the store had recovered, want 1", n)
		}
	})
}

func TestClockStepsDoNotStopDelivery(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, time.Hour, 30 * 24 * time.Hour, -30 * 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.mail.set(func(tracker.Mail) error { return greylist })
				r.report(tracker.AlertCreated, 1)
				time.Sleep(10 * time.Minute)
				r.step.Store(int64(step))
				time.Sleep(30 * time.Minute)
				if m := r.store.Mails()[0]; !m.FailedAt.IsZero() {
					t.Fatalf("mail was given up after %d attempts because the clock was set by %v", m.Attempts, step)
				}
				r.mail.set(nil)
				r.report(tracker.AlertCreated, 2)
				time.Sleep(4 * time.Hour)
				if n := len(r.mail.taken()); n != 2 {
					t.Errorf("%d mails were taken within 4 h after the clock was set by %v, want 2", n, step)
				}
			})
		})
	}
}

func TestSlowServerNeverBlocksReports(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mail.slow(time.Hour) // until the time limit
		for i := range int64(1000) {
			began := time.Now()
			r.report(tracker.AlertCreated, i+1)
			if took := time.Since(began); took != 0 {
				t.Fatalf("report %d waited %v for the mail server", i, took)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestMailOfManyRecipientsFailsForOneAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.end()
		to := []alerting.Address{{Addr: "gone@example.com"}, {Addr: "here@example.com"}, {Addr: "later@example.com"}}
		c, err := alerting.NewComposer(alerting.Settings{BaseURL: "https://errors.example.com", From: alerting.Address{Addr: "errors@example.com"}, Recipients: to}, r.store, r.now)
		if err != nil {
			t.Fatal(err)
		}
		r.run(NewAlerts(r.store, c, r.mail, r.now, quiet))
		r.mail.set(func(m tracker.Mail) error {
			switch {
			case strings.HasPrefix(m.Recipient, "gone"):
				return refused
			case strings.HasPrefix(m.Recipient, "later") && m.Attempts == 0:
				return greylist
			}
			return nil
		})
		r.report(tracker.AlertCreated, 1)
		time.Sleep(time.Hour)
		got := ""
		for _, m := range r.store.Mails() {
			got += fmt.Sprintf("%s sent %t given up %t attempts %d; ", m.Recipient, !m.SentAt.IsZero(), !m.FailedAt.IsZero(), m.Attempts)
		}
		want := "gone@example.com sent false given up true attempts 1; here@example.com sent true given up false attempts 1; later@example.com sent true given up false attempts 2; "
		if got != want {
			t.Errorf("mails: %s\nwant   %s", got, want)
		}
	})
}

// A recipient that hangs is waited for once, whatever else is due for it, and the
// others have their turn.
func TestARecipientThatHangsIsWaitedForOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mail.slow(10 * time.Second)
		r.mail.set(func(m tracker.Mail) error {
			if m.ProjectID == 1 {
				return &alerting.DeliveryError{Stage: "connect", Target: true, Err: errors.New("no answer in time")}
			}
			return nil
		})
		var mails []tracker.Mail
		for i := range 10 {
			mails = append(mails, tracker.Mail{Kind: "created", ProjectID: 1, MessageID: fmt.Sprint(i), CreatedAt: r.now(), NextAttempt: r.now()})
		}
		mails = append(mails, tracker.Mail{Kind: "created", ProjectID: 2, MessageID: "other", CreatedAt: r.now(), NextAttempt: r.now()})
		if err := r.store.QueueMails(t.Context(), nil, mails); err != nil {
			t.Fatal(err)
		}
		r.alerts.Notify()
		time.Sleep(25 * time.Second)
		if n := len(r.mail.attempts()); n != 2 {
			t.Errorf("%d attempts, want one for each recipient", n)
		}
		if taken := r.mail.taken(); len(taken) != 1 || taken[0].MessageID != "other" {
			t.Errorf("taken %v", taken)
		}
		for _, m := range r.store.Mails() {
			if m.ProjectID == 1 && (m.Attempts != 1 || m.LastError == "" || !m.NextAttempt.After(r.now())) {
				t.Errorf("%s: %d attempts, next at %v, %q", m.MessageID, m.Attempts, m.NextAttempt, m.LastError)
			}
		}
		time.Sleep(30 * time.Hour) // and given up after the limits of mails
		for _, m := range r.store.Mails() {
			if m.ProjectID == 1 && m.FailedAt.IsZero() {
				t.Errorf("%s is not given up: %d attempts", m.MessageID, m.Attempts)
			}
		}
		if s := r.alerts.Stats(); s.GivenUp != 10 || s.Down {
			t.Errorf("%+v", s)
		}
	})
}
