package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// Limits of looking for frequent issues.
const (
	frequencyStep  = 15 * time.Second // between two looks
	frequencySlack = time.Minute      // an event may be stored so long after it was received
	frequentIssues = 2_000            // of a project at one look, those that happened last
	pulseBatch     = 200              // pulses in one transaction, so that reports do not wait for long
	forgetPulses   = 1_000            // at one look
)

// Frequency is the loop that finds issues which happen often. It reads what
// reports have counted, so that they cost nothing more.
type Frequency struct {
	store tracker.FrequencyStore
	quiet time.Duration // at least, between two alerts about an issue
	now   func() time.Time
	alert func()
	log   *slog.Logger

	looked time.Time // when the last look began; zero before the first
}

// NewFrequency returns the loop; Run starts it. alert is called after an alert was queued.
func NewFrequency(store tracker.FrequencyStore, quiet time.Duration, now func() time.Time, alert func(), log *slog.Logger) *Frequency {
	return &Frequency{store: store, quiet: quiet, now: now, alert: alert, log: log}
}

// Run works until ctx ends.
func (f *Frequency) Run(ctx context.Context) {
	for sleep(ctx, frequencyStep, nil) {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.log.ErrorContext(ctx, "job failed", "job", "frequency", "err", err)
		}
	}
}

// look looks at all projects once.
func (f *Frequency) look(ctx context.Context) error {
	rules, err := f.store.Frequencies(ctx)
	if err != nil || len(rules) == 0 {
		return err
	}
	now := f.now().UTC()
	for project, rule := range rules {
		if err := f.project(ctx, project, rule, now); err != nil {
			return err
		}
	}
	f.looked = now
	_, err = f.store.ForgetPulses(ctx, now.Add(-max(f.quiet, tracker.MaxFrequencyMinutes*time.Minute)-time.Hour), forgetPulses)
	return err
}

func (f *Frequency) project(ctx context.Context, project int64, rule tracker.Frequency, now time.Time) error {
	window := now.Add(-rule.Window())
	since := window.Add(-frequencySlack)
	if f.looked.After(since) && f.looked.Before(now) {
		since = f.looked.Add(-frequencySlack)
	}
	pulses, err := f.store.Pulses(ctx, project, since, window, now, frequentIssues)
	if err != nil {
		return err
	}
	for len(pulses) > 0 {
		part := pulses[:min(len(pulses), pulseBatch)]
		pulses = pulses[len(part):]
		var alerts []int64
		for i := range part {
			if part[i].Beat(rule, f.quiet, now) {
				alerts = append(alerts, part[i].IssueID)
			}
		}
		if err := f.store.SavePulses(ctx, part, alerts, now); err != nil {
			return err
		}
		if len(alerts) > 0 {
			f.alert()
		}
	}
	return nil
}
