package httpapi

import (
	"net/http"
	"net/url"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

const defaultBuckets = 60

type histogramResponse struct {
	Start       string    `json:"start"`
	StepSeconds float64   `json:"step_seconds"`
	Levels      []string  `json:"levels"`
	Counts      [][]int64 `json:"counts"` // a row each step, a column each level
	Partial     bool      `json:"partial"`
}

// histogram is GET /api/logs/histogram.
func (a *api) histogram(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	f, none, err := logs.ParseFilter(v, a.Now())
	if err != nil {
		return err
	}
	b, err := a.buckets(r, v, &f)
	if err != nil {
		return err
	}
	h := logs.Histogram{Buckets: b, Counts: logs.NewCounts(b.N)}
	if !none {
		if h, err = a.Logs.Histogram(r.Context(), f, b); err != nil {
			return err
		}
	}
	res := histogramResponse{
		Start: formatTime(b.Start.UnixNano()), StepSeconds: b.Step.Seconds(), Counts: make([][]int64, len(h.Counts)), Partial: h.Partial,
	}
	for l := range logs.Critical + 1 {
		res.Levels = append(res.Levels, l.String())
	}
	for i := range h.Counts {
		res.Counts[i] = h.Counts[i][:]
	}
	return problem.JSON(w, http.StatusOK, res)
}

// buckets divides the range of the filter. An open end is that of what is kept.
func (a *api) buckets(r *http.Request, v url.Values, f *logs.Filter) (logs.Buckets, error) {
	n, err := intParam(v, "buckets", defaultBuckets, 1, logs.MaxBuckets-1)
	if err != nil {
		return logs.Buckets{}, err
	}
	since, until := f.Since, f.Until
	if since.IsZero() || until.IsZero() {
		st, err := a.Logs.Stats(r.Context())
		if err != nil {
			return logs.Buckets{}, err
		}
		if until.IsZero() {
			if until = a.Now(); st.Last > until.UnixNano() {
				until = time.Unix(0, st.Last+1)
			}
		}
		if since.IsZero() {
			if since = until.Add(-time.Hour); st.Entries > 0 {
				since = time.Unix(0, st.First)
			}
		}
	}
	text := v.Get("step")
	if text == "" {
		return logs.BucketsOf(since, until, n), nil
	}
	step, ok := logs.ParseSpan(text)
	if !ok {
		return logs.Buckets{}, errs.New(errs.Invalid, "step is %s, want a number with s, m, h or d", quoted(text))
	}
	start := since.Truncate(step)
	b := logs.Buckets{Start: start.UTC(), Step: step, N: max(1, int((until.Sub(start)+step-1)/step))}
	return b, b.Validate()
}

type countJSON struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

func countsJSON(list []logs.Count) []countJSON {
	out := make([]countJSON, len(list))
	for i, c := range list {
		out[i] = countJSON{c.Value, c.N}
	}
	return out
}

// facets is GET /api/logs/facets.
func (a *api) facets(w http.ResponseWriter, r *http.Request) error {
	f, _, err := logs.ParseFilter(r.URL.Query(), a.Now())
	if err != nil {
		return err
	}
	c, err := a.Logs.Facets(r.Context(), f)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]any{
		"containers": countsJSON(c.Sources), "services": countsJSON(c.Services), "levels": levelsJSON(c.Levels[:]),
		"streams": map[string]int64{"stdout": c.Streams[logs.Stdout], "stderr": c.Streams[logs.Stderr]}, "partial": c.Partial,
	})
}

// levelsJSON has the levels that occur.
func levelsJSON(counts []int64) map[string]int64 {
	m := map[string]int64{}
	for l, n := range counts {
		if n > 0 {
			m[logs.Level(l).String()] = n //nolint:gosec // a few levels
		}
	}
	return m
}

type containerJSON struct {
	Name          string  `json:"name"`
	LogCount      int64   `json:"log_count"`
	Errors        int64   `json:"error_count"`
	Bytes         int64   `json:"bytes"`
	First         string  `json:"first_log"`
	Last          string  `json:"last_log"`
	RatePerMinute float64 `json:"rate_per_minute"`
	Kind          string  `json:"kind,omitempty"`
	Image         string  `json:"image,omitempty"`
	Service       string  `json:"service,omitempty"`
	Project       string  `json:"project,omitempty"`
	Host          string  `json:"host,omitempty"`

	// What Docker says about the container; left out when it is not known.
	*lifeJSON
}

type lifeJSON struct {
	State        logs.Phase `json:"state"`
	CrashLoop    bool       `json:"crash_loop"`
	Restarts     int        `json:"restarts_10m"`
	RestartCount int        `json:"restart_count"`
	StartedAt    string     `json:"started_at,omitempty"`
	ExitedAt     string     `json:"exited_at,omitempty"`
	ExitCode     *int       `json:"exit_code,omitempty"`
	OOMKilled    *bool      `json:"oom_killed,omitempty"`
}

func lifeOf(l logs.Lifecycle, now time.Time) *lifeJSON {
	j := &lifeJSON{State: l.Phase, CrashLoop: l.CrashLoop(now), Restarts: l.Restarts, RestartCount: l.RestartCount}
	if !l.StartedAt.IsZero() {
		j.StartedAt = formatTime(l.StartedAt.UnixNano())
	}
	if !l.ExitedAt.IsZero() {
		j.ExitedAt = formatTime(l.ExitedAt.UnixNano())
	}
	if l.ExitKnown {
		j.ExitCode, j.OOMKilled = &l.ExitCode, &l.OOMKilled
	}
	return j
}

// containers is GET /api/containers.
func (a *api) containers(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Logs.Sources(r.Context())
	if err != nil {
		return err
	}
	var lives map[string]logs.Lifecycle
	if a.Lives != nil {
		lives = a.Lives()
	}
	out := make([]containerJSON, 0, len(all))
	for _, s := range all {
		if s.Entries == 0 {
			continue
		}
		l := s.Labels
		c := containerJSON{
			s.Name, s.Entries, s.Errors, s.Bytes, formatTime(s.First), formatTime(s.Last), s.Rate, l.Kind, l.Image, l.Service, l.Project, l.Host, nil,
		}
		if life, ok := lives[s.Name]; ok {
			c.lifeJSON = lifeOf(life, a.Now())
		}
		out = append(out, c)
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"containers": out})
}

type statsResponse struct {
	Total       int64            `json:"total_logs"`
	Oldest      *string          `json:"oldest_log"`
	Newest      *string          `json:"newest_log"`
	ByLevel     map[string]int64 `json:"by_level"`
	ByContainer map[string]int64 `json:"by_container"`
	DiskBytes   int64            `json:"disk_bytes"`
	LastID      int64            `json:"last_id"`
}

// stats is GET /api/stats.
func (a *api) stats(w http.ResponseWriter, r *http.Request) error {
	st, err := a.Logs.Stats(r.Context())
	if err != nil {
		return err
	}
	all, err := a.Logs.Sources(r.Context())
	if err != nil {
		return err
	}
	res := statsResponse{Total: st.Entries, ByLevel: levelsJSON(st.Levels[:]), ByContainer: map[string]int64{}, DiskBytes: st.DiskBytes, LastID: st.LastID}
	if st.Entries > 0 {
		oldest, newest := formatTime(st.First), formatTime(st.Last)
		res.Oldest, res.Newest = &oldest, &newest
	}
	for _, s := range all {
		if s.Entries > 0 {
			res.ByContainer[s.Name] = s.Entries
		}
	}
	return problem.JSON(w, http.StatusOK, res)
}
