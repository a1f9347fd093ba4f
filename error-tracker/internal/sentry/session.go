package sentry

import (
	"strconv"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/jsonpull"
)

// maxSessionAge is how old a session may be that is still counted.
const maxSessionAge = 7 * 24 * time.Hour

// session is one session as SDKs report on it: when it begins, and when it ends
// or something happens in it.
type session struct {
	init         bool
	status       string
	errors       int64
	started      time.Time
	release, env string
	aggregates   []aggregate
}

// aggregate is what servers send: sessions added up by the SDK.
type aggregate struct {
	started                            time.Time
	exited, errored, crashed, abnormal int64
}

// decodeSessions reads a session, or sessions that were added up. What is not
// understood counts as nothing.
func decodeSessions(text string, now time.Time) ([]tracker.Sessions, error) {
	var s session
	err := members(text, "session", func(d *eventjson.Decoder, name string) {
		switch name {
		case "init":
			s.init, _ = d.P.Bool()
		case "status":
			s.status = d.Text(40)
		case "errors":
			s.errors = count(d)
		case "started":
			s.started = d.Time()
		case "attrs", "attributes":
			for attr := range d.P.Object() {
				switch attr {
				case "release":
					s.release = d.Label()
				case "environment":
					s.env = d.Label()
				}
			}
		case "aggregates":
			d.List(func() {
				if d.P.Kind() == jsonpull.Object && len(s.aggregates) < maxSessions {
					s.aggregates = append(s.aggregates, decodeAggregate(d))
				}
			})
		}
	})
	if err != nil {
		return nil, err
	}
	return s.counts(now), nil
}

func decodeAggregate(d *eventjson.Decoder) (a aggregate) {
	for name := range d.P.Object() {
		switch name {
		case "started":
			a.started = d.Time()
		case "exited":
			a.exited = count(d)
		case "errored":
			a.errored = count(d)
		case "crashed":
			a.crashed = count(d)
		case "abnormal":
			a.abnormal = count(d)
		}
	}
	return a
}

// count reads a whole number from 0 to a million; anything else is 0.
func count(d *eventjson.Decoder) int64 {
	s, _ := d.Scalar(40)
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0) {
		return 0
	}
	return int64(min(n, 1e6))
}

// counts are the numbers that the report adds. Of one session, the report that
// begins it counts the session, the one that ends it in a crash the crash, and
// the one with its first error the error: no session needs to be remembered.
func (s *session) counts(now time.Time) []tracker.Sessions {
	hour := func(t time.Time) time.Time {
		if t.After(now.Add(time.Hour)) || t.Before(now.Add(-maxSessionAge)) {
			t = now
		}
		return t.UTC().Truncate(time.Hour)
	}
	base := tracker.Sessions{Release: s.release, Environment: s.env}
	var all []tracker.Sessions
	for _, a := range s.aggregates {
		c := base
		c.Hour, c.Crashed, c.Errored, c.Abnormal = hour(a.started), a.crashed, a.errored, a.abnormal
		if c.Total = a.exited + a.errored + a.crashed + a.abnormal; c.Total > 0 {
			all = append(all, c)
		}
	}
	if s.aggregates != nil {
		return all
	}
	base.Hour = hour(s.started)
	if s.init {
		base.Total = 1
	}
	switch s.status {
	case "crashed":
		base.Crashed = 1
	case "abnormal":
		base.Abnormal = 1
	case "ok", "errored", "exited":
		if s.errors == 1 && s.status != "exited" || s.errors > 0 && s.init {
			base.Errored = 1
		}
	}
	if base.Total+base.Crashed+base.Errored+base.Abnormal == 0 {
		return nil
	}
	return []tracker.Sessions{base}
}

// loss is something that an SDK could not send.
type loss struct {
	category, reason string
	count            int64
}

// decodeLosses reads a client report.
func decodeLosses(text string) ([]loss, error) {
	var all []loss
	err := members(text, "client report", func(d *eventjson.Decoder, name string) {
		switch name {
		case "discarded_events", "rate_limited_events", "filtered_events", "filtered_sampling_events":
		default:
			return
		}
		d.List(func() {
			var l loss
			for name := range d.P.Object() {
				switch name {
				case "category":
					l.category = d.Text(40)
				case "reason":
					l.reason = d.Text(60)
				case "quantity":
					l.count = count(d)
				}
			}
			if l.count > 0 && len(all) < maxLosses {
				all = append(all, l)
			}
		})
	})
	return all, err
}
