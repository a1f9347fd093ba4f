package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

const (
	flushEvery  = 10 * time.Second
	upkeepEvery = 10 * time.Minute
	expireEvery = time.Minute

	// Traffic is kept for a month, events for late maps for a week.
	trafficAge = 31 * 24 * time.Hour
	recentAge  = 7 * 24 * time.Hour
)

// MapRetention deletes source maps that nobody has uploaded or used for long, or
// that are too many, and keeps which were used.
type MapRetention interface {
	DeleteOldMaps(ctx context.Context, before time.Time, maxBytes int64) (n int64, err error)
	FlushUsed(ctx context.Context) error
}

// Upkeep does what is due by the clock.
type Upkeep struct {
	Keys      *relay.Keyring
	Spool     *relay.Spool
	Traffic   *relay.Traffic
	Recent    relay.RecentStore
	Maps      MapRetention
	Pieces    interface{ Expire() error } // of uploads
	Retention time.Duration               // of source maps
	MapBytes  int64                       // all source maps together
	Compact   func(ctx context.Context) (done bool, err error)
	Now       func() time.Time
	Log       *slog.Logger
}

// Flush stores counts until ctx ends.
func (u *Upkeep) Flush(ctx context.Context) error {
	for sleep(ctx, flushEvery) {
		u.report(ctx, "flush", u.Store(ctx))
	}
	return nil
}

// Store stores the counts that are in memory.
func (u *Upkeep) Store(ctx context.Context) error {
	return errors.Join(u.Keys.Flush(ctx), u.Traffic.Flush(ctx), u.Maps.FlushUsed(ctx))
}

// Expire gives up entries of the spool and pieces of uploads that are too old,
// until ctx ends.
func (u *Upkeep) Expire(ctx context.Context) error {
	for {
		lost := map[relay.Queue]int{}
		err := u.Spool.Expire(ctx, func(e *relay.Entry) { lost[e.Queue] += e.Items })
		for q, n := range lost {
			u.Traffic.Add(relay.Count{Key: q.Counted(), What: relay.CountLost, Reason: relay.ReasonExpired}, n)
			u.Log.WarnContext(ctx, "too old to be delivered", "target", q.Target.String(), "key_id", q.KeyID, "items", n)
		}
		u.report(ctx, "expire", errors.Join(err, u.Pieces.Expire()))
		if !sleep(ctx, expireEvery) {
			return nil
		}
	}
}

// Tidy deletes what is past its retention, and gives the pages that have become
// free back to the file system, at the start and then again and again until ctx ends.
func (u *Upkeep) Tidy(ctx context.Context) error {
	for ctx.Err() == nil {
		now := u.Now()
		err := errors.Join(u.Traffic.Forget(ctx, now.Add(-trafficAge)), u.Recent.ForgetRecent(ctx, now.Add(-recentAge), relay.MaxRecent))
		n, mapsErr := u.Maps.DeleteOldMaps(ctx, now.Add(-u.Retention), u.MapBytes)
		err = errors.Join(err, mapsErr)
		if n > 0 {
			u.Log.InfoContext(ctx, "source maps deleted", "count", n)
		}
		for err == nil && ctx.Err() == nil {
			var done bool
			if done, err = u.Compact(ctx); done || !sleep(ctx, 50*time.Millisecond) {
				break
			}
		}
		u.report(ctx, "tidy", err)
		sleep(ctx, upkeepEvery)
	}
	return nil
}

func (u *Upkeep) report(ctx context.Context, job string, err error) {
	if err != nil && ctx.Err() == nil {
		u.Log.ErrorContext(ctx, "job failed", "job", job, "err", err)
	}
}

// sleep waits and tells whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}
