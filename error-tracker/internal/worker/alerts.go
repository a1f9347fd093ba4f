// Package worker holds what the error tracker does in the background: it
// delivers alerts and deletes what is old.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/errs"
)

// Times of the delivery loop.
const (
	giveUpAfter   = 24 * time.Hour   // of trying to deliver one mail, and
	minAttempts   = 5                // this many attempts, in case the service or its clock stood still
	maxPause      = 15 * time.Minute // between attempts while no mail gets through
	minGap        = time.Second      // between two passes, so that a burst of errors is one pass
	restFactor    = 20               // composing that took long is followed by a rest of this many times as long
	lookAgain     = time.Minute      // nothing is waited for longer than that
	storeRetry    = 10 * time.Second
	sendLimit     = 90 * time.Second // for one mail, should a transport forget its own limit
	finishCurrent = 5 * time.Second  // for the mail under way at shutdown
	markLimit     = 5 * time.Second  // for storing what became of it
	batch         = 20               // mails read at once
)

// backOff is the wait after the first, second, … failed attempt; the last one
// goes for all further ones. Up to a fifth is added or taken at random.
var backOff = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour}

// longestWait is more than any wait between attempts.
const longestWait = 4 * time.Hour

// Composer makes mails of pending alerts; ComposeTests of test alerts only.
type Composer interface {
	Compose(ctx context.Context) (alerting.Result, error)
	ComposeTests(ctx context.Context) (alerting.Result, error)
}

// Transport delivers one mail at a time. Errors that are not an
// *alerting.DeliveryError are taken as temporary.
type Transport interface {
	Send(ctx context.Context, m tracker.Mail) error
	Close() error   // ends what is open between mails; Send may follow
	String() string // for log lines
}

// Alerts is the loop that composes and delivers the alerts of one channel. Reports never wait
// for it: it shares nothing with them but the store.
//
// After a failure that concerns every mail (the server is away, wants another
// password) it pauses, for up to 15 minutes, and composes nothing but tests
// meanwhile: alerts are smaller than mails, and what piled up becomes one digest.
// A test alert ends the pause, so that whoever mended the server sees it at once.
type Alerts struct {
	outbox    tracker.Outbox
	composer  Composer
	transport Transport
	log       *slog.Logger
	now       func() time.Time
	jitter    func() float64 // 0 to 1
	wake      chan struct{}
	stats     alertCounters

	// The goroutine of Run alone uses these.
	failures int       // in a row, of the transport as a whole
	resume   time.Time // by the monotonic clock: no delivery before
	unmarked []outcome // that the store did not take yet
	rest     time.Duration
}

// outcome is what became of an attempt to send a mail.
type outcome struct {
	mail   int64
	sent   bool
	at     time.Time
	reason string // and the rest: of a failure
	next   time.Time
	giveUp bool
}

// NewAlerts returns the loop; Run starts it. With a nil composer or transport
// alerts are off: the loop throws away what is queued, so that it neither piles
// up nor is mailed long afterwards.
func NewAlerts(outbox tracker.Outbox, composer Composer, transport Transport, now func() time.Time, log *slog.Logger) *Alerts {
	return &Alerts{
		outbox: outbox, composer: composer, transport: transport, log: log, now: now,
		jitter: rand.Float64,
		wake:   make(chan struct{}, 1),
	}
}

// Notify tells the loop that an alert was queued or a mail made due. It never
// blocks.
func (a *Alerts) Notify() {
	select {
	case a.wake <- struct{}{}:
	default: // a wake-up is under way already
	}
}

// Run works until ctx ends. A mail that is on its way then has five seconds;
// when they are over it is left as unsent and tried again after the restart.
func (a *Alerts) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := a.guardedPass(ctx)
		if err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "job failed", "job", "alerts", "err", err)
			wait = storeRetry
		}
		gap := min(max(minGap, a.rest), lookAgain)
		a.rest = 0
		if !sleep(ctx, gap, nil) {
			break
		}
		sleep(ctx, min(wait, lookAgain)-gap, a.wake)
	}
	if a.transport != nil {
		_ = a.transport.Close() // nothing is lost by a goodbye that fails
	}
}

// guardedPass is pass, with a panic turned into an error: mail must not end the
// process that takes in reports.
func (a *Alerts) guardedPass(ctx context.Context) (wait time.Duration, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return a.pass(ctx)
}

// pass does what is to be done now and tells how long nothing will be due.
func (a *Alerts) pass(ctx context.Context) (time.Duration, error) {
	if a.composer == nil || a.transport == nil {
		return lookAgain, a.discard(ctx)
	}
	if err := a.settle(ctx); err != nil {
		return 0, err
	}
	wait, err := a.compose(ctx)
	if err != nil {
		// Mails that were made before are sent all the same.
		a.log.ErrorContext(ctx, "job failed", "job", "alerts", "err", err)
		wait = storeRetry
	}
	if pause := time.Until(a.resume); a.failures > 0 && pause > 0 {
		return min(wait, pause), nil
	}
	due, err := a.deliver(ctx)
	return min(wait, due), err
}

// compose makes mails, of test alerts only while no mail gets through.
func (a *Alerts) compose(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	compose := a.composer.Compose
	if a.failures > 0 {
		compose = a.composer.ComposeTests
	}
	res, err := compose(ctx)
	a.rest = restFactor * time.Since(began)
	a.stats.composed(res)
	if res.Tests > 0 {
		a.resume = time.Time{}
	}
	if res.Dropped > 0 {
		a.log.InfoContext(ctx, "alerts dropped: not wanted, or issues are muted, resolved or gone", "count", res.Dropped)
	}
	if res.Digests > 0 {
		a.log.InfoContext(ctx, "alert digest composed", "mails", res.Mails, "waiting", res.Waiting)
	}
	if res.Next.IsZero() {
		return lookAgain, err
	}
	return res.Next.Sub(a.now()), err
}

// deliver sends the mails that are due, up to a batch of them, and tells when
// the next one will be.
func (a *Alerts) deliver(ctx context.Context) (time.Duration, error) {
	next, err := a.outbox.NextMail(ctx)
	if err != nil {
		return 0, err
	}
	now := a.now()
	until := now
	if next.Sub(now) > longestWait {
		until = next // no wait is as long: the clock was set back
	}
	if next.IsZero() || next.After(until) {
		if a.failures > 0 {
			// No mail is left to find out with whether the transport works
			// again, so a new one has to.
			a.failures = 0
			a.stats.up()
			return 0, nil
		}
		if next.IsZero() {
			return lookAgain, nil
		}
		return next.Sub(now), nil
	}
	mails, err := a.outbox.DueMails(ctx, until, batch)
	if err != nil {
		return 0, err
	}
	// Someone waits for a test.
	slices.SortStableFunc(mails, func(x, y tracker.Mail) int { return rank(x) - rank(y) })
	failed := map[int64]error{} // why nothing of a project passes now
	for _, m := range mails {
		if stopped(ctx) {
			break
		}
		if down, err := a.attempt(ctx, m, failed); down || err != nil {
			return time.Until(a.resume), err
		}
	}
	if len(mails) < batch {
		_ = a.transport.Close() // the burst is over; the next mail connects again
	}
	return 0, nil
}

func stopped(ctx context.Context) bool { return ctx.Err() != nil }

func rank(m tracker.Mail) int {
	if m.Kind == string(tracker.AlertTest) {
		return 0
	}
	return 1
}

// attempt tries to send m and records what became of it. What failed for its
// recipient is in failed, and counts as tried: a recipient that hangs is waited for
// once. down tells that no other mail should be tried now.
func (a *Alerts) attempt(ctx context.Context, m tracker.Mail, failed map[int64]error) (down bool, err error) {
	began := time.Now()
	abandoned, err := false, failed[m.ProjectID]
	if err == nil {
		abandoned, err = a.send(ctx, m)
	}
	now := a.now()
	attrs := []any{"channel", m.Channel, "mail_id", m.ID, "kind", m.Kind, "issue_id", m.IssueID, "recipient", m.Recipient,
		"transport", a.transport.String(), "attempt", m.Attempts + 1, "duration_ms", time.Since(began).Milliseconds()}
	o := outcome{mail: m.ID, at: now}
	switch {
	case err == nil:
		o.sent = true
		a.failures, a.resume = 0, time.Time{}
		a.stats.sent(now)
		a.log.InfoContext(ctx, "alert sent", attrs...)
	case abandoned:
		a.log.WarnContext(ctx, "alert interrupted by shutdown, will be sent after the restart", attrs...)
		return true, nil
	default:
		d, ok := errors.AsType[*alerting.DeliveryError](err)
		down = ok && d.Down
		if ok && d.Target {
			failed[m.ProjectID] = err
		}
		if down {
			a.failures++
			a.resume = time.Now().Add(min(a.delay(a.failures), maxPause))
		}
		o.reason = err.Error()
		o.next = now.Add(a.delay(m.Attempts + 1))
		end := m.CreatedAt.Add(giveUpAfter)
		if o.next.After(end) && now.Before(end) {
			o.next = end // a last attempt at the very end
		}
		tried := max(m.Attempts+1, a.failures) >= minAttempts
		o.giveUp = ok && d.Permanent || !now.Before(end) && tried
		a.stats.failed(o.reason, o.giveUp, down)
		attrs = append(attrs, "err", err)
		if o.giveUp {
			a.log.ErrorContext(ctx, "alert given up", attrs...)
		} else {
			a.log.WarnContext(ctx, "alert not sent, will try again", append(attrs, "next", o.next)...)
		}
	}
	a.unmarked = append(a.unmarked, o)
	return down, a.settle(ctx)
}

// send gives m to the transport. The attempt outlives ctx by five seconds, so
// that a mail which is as good as sent is not sent twice; abandoned tells that
// it did not end in that time.
func (a *Alerts) send(ctx context.Context, m tracker.Mail) (abandoned bool, err error) {
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLimit)
	defer cancel()
	late := false
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		if sleep(sending, finishCurrent, nil) {
			late = true
			cancel()
		}
	})
	err = a.transport.Send(sending, m)
	if !stop() { // the function runs or ran: wait for it
		cancel()
		<-done
	}
	return err != nil && late, err
}

// settle stores the outcomes that are still in memory only. Until it succeeds
// nothing else is sent: a mail whose sending the store does not know of would be
// sent again and again.
func (a *Alerts) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markLimit)
	defer cancel()
	for len(a.unmarked) > 0 {
		o := a.unmarked[0]
		var err error
		if o.sent {
			err = a.outbox.MailSent(ctx, o.mail, o.at)
		} else {
			err = a.outbox.MailFailed(ctx, o.mail, o.at, o.reason, o.next, o.giveUp)
		}
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return fmt.Errorf("store the outcome of mail %d: %w", o.mail, err)
		}
		a.unmarked = a.unmarked[1:]
	}
	return nil
}

// delay is the wait after the n-th failure in a row.
func (a *Alerts) delay(n int) time.Duration {
	d := backOff[min(n, len(backOff))-1]
	return d + time.Duration(float64(d)*(a.jitter()-0.5)*0.4)
}

// discard removes pending alerts while alerts are off.
func (a *Alerts) discard(ctx context.Context) error {
	const limit = 500
	for {
		alerts, err := a.outbox.PendingAlerts(ctx, limit)
		if err != nil || len(alerts) == 0 {
			return err
		}
		ids := make([]int64, len(alerts))
		for i, alert := range alerts {
			ids[i] = alert.ID
		}
		if err := a.outbox.QueueMails(ctx, ids, nil); err != nil {
			return err
		}
		if len(alerts) < limit || !sleep(ctx, 50*time.Millisecond, nil) {
			return nil
		}
	}
}
