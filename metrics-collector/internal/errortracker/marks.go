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
	asked     = 100                    // releases, or alerts, in an answer
	maxAnswer = 256 << 10              // bytes
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

// question is a project, "" is all, and a time in whole hours, so that a time that
// ends now is the same question for a while.
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
// in 30 s.
func (m *Marks) In(ctx context.Context, project string, p metrics.Period) metrics.Marks {
	if m == nil {
		return metrics.Marks{}
	}
	a, done, wait := m.find(question{project, p.FromMS - p.FromMS%hour, p.ToMS - p.ToMS%hour + hour})
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
		known = &answer{}
		// An hour ago the same time was another question.
		if before := m.kept[question{q.project, q.from - hour, q.to - hour}]; before != nil {
			known.marks = before.marks
		}
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
	marks, err := m.ask(what, q)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil:
	case what == alerts:
		a.marks.Alerts = marks
	default:
		a.marks.Releases = marks
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

// ask asks for deploys or alerts, and returns them, oldest first.
func (m *Marks) ask(what string, q question) (marks []metrics.Mark, err error) {
	at := m.at.JoinPath(what)
	at.RawQuery = url.Values{ // alerts are of one kind, and include nothing else
		"include": {"releases"}, "limit": {strconv.Itoa(asked)}, "project": {q.project}, "since": {stamp(q.from)}, "until": {stamp(q.to)},
	}.Encode()
	req, err := http.NewRequestWithContext(m.ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-API-Key", m.key.Reveal())
	res, err := m.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d", res.StatusCode)
	}
	var body map[string][]listed
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return nil, err
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
	return marks, nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
