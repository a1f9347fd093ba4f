// Package errortracker asks the error tracker which releases there were, for the
// charts. Nothing depends on its answer: no page fails or waits long for it.
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
	asked     = 100                    // releases in an answer
	shown     = 50                     // of them, the latest
	maxAnswer = 256 << 10              // bytes
	maxKept   = 32                     // answers
	hour      = int64(time.Hour / time.Millisecond)
)

// Releases knows the releases that the error tracker has. A nil *Releases knows none.
type Releases struct {
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
	failing bool
}

// question is a project, "" is all, and a time in whole hours, so that a time that
// ends now is the same question for a while.
type question struct {
	project  string
	from, to int64 // Unix milliseconds
}

// answer is what is known; guarded by Releases.mu. It stays when the error tracker
// is away.
type answer struct {
	releases []metrics.Release
	asked    time.Time     // when it was asked for last; since then nobody asks again for a while
	done     chan struct{} // closed when that request is over
}

// NewReleases returns the Releases of the error tracker at an address. Close ends it.
func NewReleases(at *url.URL, key config.Secret, log *slog.Logger) *Releases {
	r := &Releases{at: at.JoinPath("api/deploys"), key: key, log: log, now: time.Now, patience: patience, kept: map[question]*answer{},
		client: outbound.NewClient(outbound.Options{Policy: outbound.Settings, Timeout: timeout, MaxAnswer: maxAnswer})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close ends what is being asked.
func (r *Releases) Close(context.Context) error {
	if r != nil {
		r.cancel()
		r.running.Wait()
	}
	return nil
}

// In returns the latest releases of a time, oldest first: those that went
// somewhere, and those that were seen first in it. It may wait for 300 ms, once in
// 30 s.
func (r *Releases) In(ctx context.Context, project string, p metrics.Period) []metrics.Release {
	if r == nil {
		return nil
	}
	a, done, wait := r.find(question{project, p.FromMS - p.FromMS%hour, p.ToMS - p.ToMS%hour + hour})
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	list := a.releases
	r.mu.Unlock()
	var out []metrics.Release
	for _, release := range list {
		if ms := release.At.UnixMilli(); ms >= p.FromMS && ms <= p.ToMS {
			out = append(out, release)
		}
	}
	return out[max(0, len(out)-shown):]
}

// find returns what is known, when what is being asked is over, and how long to
// wait for that.
func (r *Releases) find(q question) (a *answer, done <-chan struct{}, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	known := r.kept[q]
	if known == nil {
		known = &answer{}
		// An hour ago the same time was another question.
		if before := r.kept[question{q.project, q.from - hour, q.to - hour}]; before != nil {
			known.releases = before.releases
		}
		r.forget()
		r.kept[q] = known
	}
	if now.Sub(known.asked) >= fresh {
		known.asked, known.done = now, make(chan struct{})
		done := known.done
		r.running.Go(func() {
			defer close(done)
			r.refresh(q, known)
		})
	}
	return known, known.done, r.patience - now.Sub(known.asked)
}

// forget makes room for an answer.
func (r *Releases) forget() {
	for len(r.kept) >= maxKept {
		var oldest question
		for q, a := range r.kept {
			if o := r.kept[oldest]; o == nil || a.asked.Before(o.asked) {
				oldest = q
			}
		}
		delete(r.kept, oldest)
	}
}

// refresh asks, and says when it begins and ends not to work.
func (r *Releases) refresh(q question, a *answer) {
	list, err := r.ask(q)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		a.releases = list
	}
	if failed := err != nil && r.ctx.Err() == nil; failed != r.failing {
		if r.failing = failed; failed {
			r.log.Warn("releases are not known: the error tracker does not answer", "err", err)
		}
	}
}

func (r *Releases) ask(q question) ([]metrics.Release, error) {
	at := *r.at
	at.RawQuery = url.Values{
		"include": {"releases"}, "limit": {strconv.Itoa(asked)}, "project": {q.project},
		"since": {stamp(q.from)}, "until": {stamp(q.to)},
	}.Encode()
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-API-Key", r.key.Reveal())
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d", res.StatusCode)
	}
	var body struct {
		Deploys []struct {
			Project, Release, Environment string
			Time                          time.Time
			ID                            int64 `json:"release_id"`
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return nil, err
	}
	var out []metrics.Release
	for _, d := range body.Deploys[:min(asked, len(body.Deploys))] {
		if d.Release != "" {
			out = append(out, metrics.Release{ID: d.ID, Project: d.Project, Name: d.Release, Environment: d.Environment, At: d.Time})
		}
	}
	slices.Reverse(out)
	return out, nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
