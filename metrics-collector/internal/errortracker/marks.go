// Package errortracker asks the error tracker which releases and alerts there were,
// for the charts. Nothing depends on its answer: no page fails or waits long for it.
package errortracker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/outbound"
)

const (
	patience  = 300 * time.Millisecond // that a page waits for an answer
	timeout   = 2 * time.Second        // of a request
	fresh     = 30 * time.Second       // how old an answer may be until it is asked for again
	live      = time.Minute            // how long ago a time may have ended that goes on
	asked     = 200                    // releases, or alerts, in an answer; the most there are
	maxAnswer = 1 << 20                // bytes; 5 KiB for each
	maxKept   = 32                     // answers
	hour      = int64(time.Hour / time.Millisecond)
)

// Marks knows the releases and alerts that the error tracker has. A nil *Marks knows none.
type Marks struct {
	at     *url.URL
	key    config.Secret
	log    *slog.Logger
	client *http.Client
	now    func() time.Time

	patience time.Duration

	ctx     context.Context //nolint:containedctx // of the requests, which pages do not wait for; ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	kept    map[question]*answer
	failing map[string]bool // by what is asked for
}

// question is a project, "" is all, and a time. It begins with a whole hour. One that
// ends now ends with a whole hour too, so that it is the same question for a while; one
// that is over ends when it ended, as only the latest marks of it are in an answer.
type question struct {
	project  string
	from, to int64 // Unix milliseconds
}

// answer is what is known; guarded by Marks.mu. It stays when the error tracker is
// away.
type answer struct {
	marks metrics.Marks
	asked time.Time     // when it was asked for last; since then nobody asks again for a while
	done  chan struct{} // closed when that request is over
}

// NewMarks returns the Marks of the error tracker at an address. Close ends it.
func NewMarks(at *url.URL, key config.Secret, log *slog.Logger) *Marks {
	m := &Marks{at: at.JoinPath("api"), key: key, log: log, now: time.Now, patience: patience, kept: map[question]*answer{}, failing: map[string]bool{},
		client: outbound.NewClient(outbound.Options{Policy: outbound.Settings, Timeout: timeout, MaxAnswer: maxAnswer})}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Close ends what is being asked.
func (m *Marks) Close(context.Context) error {
	if m != nil {
		m.cancel()
		m.running.Wait()
	}
	return nil
}

// In returns the latest releases and alerts of a time, oldest first: releases that
// went somewhere, and those that were seen first in it. It may wait for 300 ms, once
// in 30 s for the same time.
func (m *Marks) In(ctx context.Context, project string, p metrics.Period) metrics.Marks {
	if m == nil {
		return metrics.Marks{}
	}
	q := question{project, p.FromMS - p.FromMS%hour, p.ToMS}
	if p.ToMS > m.now().Add(-live).UnixMilli() {
		q.to += hour - q.to%hour
	}
	a, done, wait := m.find(q)
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	m.mu.Lock()
	known := a.marks
	m.mu.Unlock()
	return known.In(p)
}

// find returns what is known, when what is being asked is over, and how long to
// wait for that.
func (m *Marks) find(q question) (a *answer, done <-chan struct{}, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	known := m.kept[q]
	if known == nil {
		known = &answer{marks: m.nearest(q)}
		m.forget()
		m.kept[q] = known
	}
	if now.Sub(known.asked) >= fresh {
		known.asked, known.done = now, make(chan struct{})
		done := known.done
		m.running.Go(func() {
			defer close(done)
			var both sync.WaitGroup
			for what := range unknown {
				both.Go(func() { m.refresh(what, q, known) })
			}
			both.Wait()
		})
	}
	return known, known.done, m.patience - now.Sub(known.asked)
}

// nearest returns what is known of a time from another question: from the one that
// has most of it.
func (m *Marks) nearest(q question) (marks metrics.Marks) {
	var most int64
	var last time.Time
	for k, a := range m.kept {
		both := min(k.to, q.to) - max(k.from, q.from)
		if k.project == q.project && (both > most || both == most && a.asked.After(last)) {
			most, last, marks = both, a.asked, a.marks
		}
	}
	return marks
}

// forget makes room for an answer.
func (m *Marks) forget() {
	for len(m.kept) >= maxKept {
		var oldest question
		for q, a := range m.kept {
			if o := m.kept[oldest]; o == nil || a.asked.Before(o.asked) {
				oldest = q
			}
		}
		delete(m.kept, oldest)
	}
}

const deploys, alerts = "deploys", "alerts" // what is asked for: members of the answers, and parts of the addresses

// unknown says in the log what there is none of.
var unknown = map[string]string{
	deploys: "releases are not known: the error tracker does not tell them",
	alerts:  "alerts are not known: the error tracker does not tell them",
}

// refresh asks for deploys or alerts, and says when that begins not to work.
func (m *Marks) refresh(what string, q question, a *answer) {
	marks, more, err := m.ask(what, q)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil:
	case what == alerts:
		a.marks.Alerts, a.marks.MoreAlerts = marks, more
	default:
		a.marks.Releases, a.marks.MoreReleases = marks, more
	}
	if failed := err != nil && m.ctx.Err() == nil; failed != m.failing[what] {
		if m.failing[what] = failed; failed {
			m.log.Warn(unknown[what], "err", err)
		}
	}
}

// listed is an element of an answer. Those of deploys and those of alerts have the
// members in common that both need, and each some of its own.
type listed struct {
	Project              string
	Time                 time.Time
	Release, Environment string
	ReleaseID            int64 `json:"release_id"`
	Title, Kind          string
	IssueID              int64 `json:"issue_id"`
}

// ask asks for deploys or alerts, and returns the latest, oldest first, and whether
// there may be more.
func (m *Marks) ask(what string, q question) (marks []metrics.Mark, more bool, err error) {
	at := m.at.JoinPath(what)
	at.RawQuery = url.Values{ // alerts are of one kind, and include nothing else
		"include": {"releases"}, "limit": {strconv.Itoa(asked)}, "project": {q.project}, "since": {stamp(q.from)}, "until": {stamp(q.to)},
	}.Encode()
	req, err := http.NewRequestWithContext(m.ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("X-API-Key", m.key.Reveal())
	res, err := m.client.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	if res.StatusCode != http.StatusOK {
		return nil, false, fmt.Errorf("it answers with status %d", res.StatusCode)
	}
	var body map[string][]listed
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return nil, false, err
	}
	list := body[what]
	for _, d := range slices.Backward(list[:min(asked, len(list))]) {
		switch {
		case what == alerts:
			marks = append(marks, metrics.Mark{ID: d.IssueID, Project: d.Project, Name: d.Title, Detail: d.Kind, At: d.Time})
		case d.Release != "":
			marks = append(marks, metrics.Mark{ID: d.ReleaseID, Project: d.Project, Name: d.Release, Detail: d.Environment, At: d.Time})
		}
	}
	return marks, len(list) >= asked, nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
