package errortracker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/config"
)

var noon = time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)

// lastHour is the hour before t.
func lastHour(t time.Time) metrics.Period {
	return metrics.Period{FromMS: t.Add(-time.Hour).UnixMilli(), ToMS: t.UnixMilli()}
}

// peer is an error tracker that answers as it is told.
type peer struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []*http.Request // for releases
	alerts []*http.Request // for alerts
}

func newPeer(t *testing.T, answer http.HandlerFunc) *peer {
	p := &peer{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		if strings.HasSuffix(r.URL.Path, "/api/alerts") {
			p.alerts = append(p.alerts, r)
		} else {
			p.asked = append(p.asked, r)
		}
		answer := p.answer
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) set(answer http.HandlerFunc) { p.mu.Lock(); p.answer = answer; p.mu.Unlock() }
func (p *peer) count() int                  { p.mu.Lock(); defer p.mu.Unlock(); return len(p.asked) }

// newMarks returns Marks whose clock stands, and the way to move it.
func newMarks(t *testing.T, at string, log io.Writer) (*Marks, func(time.Duration)) {
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	r := NewMarks(u, config.NewSecret("the-key"), slog.New(slog.NewTextHandler(log, nil)))
	var mu sync.Mutex
	now := noon
	r.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	t.Cleanup(func() { _ = r.Close(t.Context()) })
	return r, func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
}

func deploy(release string, at time.Time) string {
	return fmt.Sprintf(`{"id":1,"project":"shop","release":%q,"environment":"prod","time":%q,"name":"","url":"","release_id":7}`, release, at.Format(time.RFC3339))
}

func alert(title string, at time.Time) string {
	return fmt.Sprintf(`{"id":1,"project":"shop","kind":"created","time":%q,"issue_id":42,"title":%q}`, at.Format(time.RFC3339), title)
}

// answers are those of an error tracker with deploys and no alerts.
func answers(deploys ...string) http.HandlerFunc { return marks(deploys, nil) }

func marks(deploys, alerts []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		what, list := "deploys", deploys
		if strings.HasSuffix(r.URL.Path, "/api/alerts") {
			what, list = "alerts", alerts
		}
		_, _ = io.WriteString(w, `{"`+what+`":[`+strings.Join(list, ",")+`]}`)
	}
}

func names(m metrics.Marks) string {
	var out []string
	for _, r := range m.Releases {
		out = append(out, r.Name)
	}
	return strings.Join(out, " ")
}

func titles(m metrics.Marks) string {
	var out []string
	for _, a := range m.Alerts {
		out = append(out, a.Name)
	}
	return strings.Join(out, " ")
}

// settled waits until no request is on its way, so that what is said does not
// depend on how fast the machine is.
func settled(r *Marks) { r.running.Wait() }

// What is answered while a page waits is on that page.
func TestTheFirstPageHasTheAnswerThatItWaitedFor(t *testing.T) {
	p := newPeer(t, answers(deploy("2.0", noon.Add(-time.Minute))))
	r, _ := newMarks(t, p.URL, io.Discard)
	r.patience = time.Minute
	if got := names(r.In(t.Context(), "shop", lastHour(noon))); got != "2.0" {
		t.Errorf("releases %q at the first look, want 2.0", got)
	}
}

func TestReleasesOfATimeAreAskedOnce(t *testing.T) {
	p := newPeer(t, answers(deploy("after", noon.Add(time.Minute)), deploy("2.0", noon.Add(-time.Minute)), deploy("1.9", noon.Add(-time.Hour)), deploy("before", noon.Add(-2*time.Hour))))
	r, pass := newMarks(t, p.URL+"/errors", io.Discard)
	r.In(t.Context(), "shop", lastHour(noon))
	settled(r)
	got := r.In(t.Context(), "shop", lastHour(noon))
	want := metrics.Mark{ID: 7, Project: "shop", Name: "2.0", Detail: "prod", At: noon.Add(-time.Minute)}
	if names(got) != "1.9 2.0" || !cmp.Equal(got.Releases[1], want) {
		t.Fatalf("releases are %+v, want 1.9 and %+v", got, want)
	}
	pass(29 * time.Second)
	r.In(t.Context(), "shop", lastHour(noon.Add(29*time.Second)))
	settled(r)
	if p.count() != 1 {
		t.Errorf("asked %d times within 30 s", p.count())
	}
	req := p.asked[0]
	if req.URL.Path != "/errors/api/deploys" || req.Header.Get("X-API-Key") != "the-key" ||
		req.URL.RawQuery != "include=releases&limit=200&project=shop&since=2026-11-20T11%3A00%3A00Z&until=2026-11-20T13%3A00%3A00Z" {
		t.Errorf("asked %s with key %q", req.URL, req.Header.Get("X-API-Key"))
	}
	pass(time.Second)
	p.set(answers(deploy("2.1", noon)))
	r.In(t.Context(), "shop", lastHour(noon))
	settled(r)
	if got := names(r.In(t.Context(), "shop", lastHour(noon))); got != "2.1" || p.count() != 2 {
		t.Errorf("after 30 s there are %q, asked %d times", got, p.count())
	}
}

// Alerts come with the releases, by the same rules.
func TestAlertsOfATimeAreAskedOnce(t *testing.T) {
	p := newPeer(t, marks([]string{deploy("2.0", noon)}, []string{alert("after", noon.Add(time.Minute)), alert("second", noon.Add(-time.Minute)), alert("first", noon.Add(-time.Hour)), alert("before", noon.Add(-2*time.Hour))}))
	r, pass := newMarks(t, p.URL+"/errors", io.Discard)
	r.patience = time.Minute
	got := r.In(t.Context(), "shop", lastHour(noon))
	want := metrics.Mark{ID: 42, Project: "shop", Detail: "created", Name: "second", At: noon.Add(-time.Minute)}
	if titles(got) != "first second" || !cmp.Equal(got.Alerts[1], want) || names(got) != "2.0" {
		t.Fatalf("marks are %+v, want first and %+v", got, want)
	}
	pass(29 * time.Second)
	r.In(t.Context(), "shop", lastHour(noon))
	settled(r)
	if len(p.alerts) != 1 {
		t.Errorf("asked %d times within 30 s", len(p.alerts))
	}
	req := p.alerts[0]
	if req.URL.Path != "/errors/api/alerts" || req.Header.Get("X-API-Key") != "the-key" ||
		req.URL.RawQuery != "include=releases&limit=200&project=shop&since=2026-11-20T11%3A00%3A00Z&until=2026-11-20T13%3A00%3A00Z" {
		t.Errorf("asked %s with key %q", req.URL, req.Header.Get("X-API-Key"))
	}
	pass(time.Second)
	p.set(marks(nil, nil))
	r.In(t.Context(), "shop", lastHour(noon))
	settled(r)
	if got := r.In(t.Context(), "shop", lastHour(noon)); len(got.Alerts)+len(got.Releases) != 0 {
		t.Errorf("after their issues were deleted there are %+v", got)
	}
}

// holding is an error tracker that answers what it is asked: the newest of the time, as
// many as are wanted. It has a deploy and an alert at each time before noon, which are
// the newest first, and are called after it.
func holding(before ...time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		since, noSince := time.Parse(time.RFC3339, v.Get("since"))
		until, noUntil := time.Parse(time.RFC3339, v.Get("until"))
		limit, noLimit := strconv.Atoi(v.Get("limit"))
		if err := errors.Join(noSince, noUntil, noLimit); err != nil || limit > 200 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var deploys, alerts []string
		for _, ago := range before {
			if at := noon.Add(-ago); !at.Before(since) && !at.After(until) && len(alerts) < limit {
				deploys, alerts = append(deploys, deploy(ago.String(), at)), append(alerts, alert(ago.String(), at))
			}
		}
		marks(deploys, alerts)(w, r)
	}
}

// What came after a time that is over is not in the way of what was in it.
func TestMarksOfAPastTimeAreKnownAfterManyOthers(t *testing.T) {
	for _, over := range []time.Duration{30 * time.Minute, 3 * time.Hour, 48 * time.Hour} {
		var all []time.Duration
		for i := range 1000 {
			all = append(all, over-time.Minute+time.Duration(i-900)*time.Second/10)
		}
		slices.Sort(all)
		all = append(all, over-500*time.Millisecond, over+4*time.Minute, over+5*time.Minute+time.Second)
		r, _ := newMarks(t, newPeer(t, holding(all...)).URL, io.Discard)
		r.patience = time.Minute
		end := noon.Add(700*time.Millisecond - over)
		got := r.In(t.Context(), "", metrics.Period{FromMS: end.Add(-5 * time.Minute).UnixMilli(), ToMS: end.UnixMilli()})
		want := fmt.Sprint(over+4*time.Minute, " ", over-500*time.Millisecond)
		if titles(got) != want || names(got) != want || got.MoreAlerts || got.MoreReleases {
			t.Errorf("of a time that ended %s ago there are releases %q and alerts %q, want %q; more of them: %t, %t", over, names(got), titles(got), want, got.MoreReleases, got.MoreAlerts)
		}
	}
}

// That there are more is known, also when those that came since leave little room in
// the answer.
func TestThatThereAreMoreIsKnown(t *testing.T) {
	look := func(n int, apart, over time.Duration) metrics.Marks {
		all := make([]time.Duration, n)
		for i := range all {
			all[i] = time.Duration(i) * apart
		}
		r, _ := newMarks(t, newPeer(t, holding(all...)).URL, io.Discard)
		r.patience = time.Minute
		return r.In(t.Context(), "", lastHour(noon.Add(-over)))
	}
	for n, more := range map[int]bool{metrics.MaxMarks: false, metrics.MaxMarks + 1: true, asked: true, 2 * asked: true} {
		if got := look(n, time.Second, 0); len(got.Alerts) != metrics.MaxMarks || got.MoreAlerts != more || got.MoreReleases != more {
			t.Errorf("of %d there are %d alerts, and more of them: %t; more releases: %t", n, len(got.Alerts), got.MoreAlerts, got.MoreReleases)
		}
	}
	got := look(2*asked, time.Second/6, live/2)
	if n := len(got.Alerts); n == 0 || n >= metrics.MaxMarks || len(got.Releases) != n || !got.MoreAlerts || !got.MoreReleases {
		t.Errorf("with many since there are %d alerts, and more of them: %t; %d releases, and more: %t", n, got.MoreAlerts, len(got.Releases), got.MoreReleases)
	}
}

// An answer as long as it can be with what people write is read.
func TestLongAnswersAreRead(t *testing.T) {
	deploys, alerts := make([]string, asked), make([]string, asked)
	for i := range asked {
		text := strings.Repeat(`\u003c`, 200) // as the error tracker writes "<"
		alerts[i] = strings.Replace(alert("TITLE", noon), "TITLE", text, 1)
		deploys[i] = strings.NewReplacer(`"name":""`, `"name":"`+text+`"`, `"url":""`, `"url":"https://ci.example/?q=`+strings.Repeat(`a\u0026`, 135)+`"`).
			Replace(deploy(strings.Repeat("r", 200), noon))
	}
	r, _ := newMarks(t, newPeer(t, marks(deploys, alerts)).URL, io.Discard)
	r.patience = time.Minute
	if got := r.In(t.Context(), "", lastHour(noon)); len(got.Releases) != metrics.MaxMarks || len(got.Alerts) != metrics.MaxMarks || got.Alerts[0].Name != strings.Repeat("<", 200) {
		t.Errorf("there are %d releases and %d alerts", len(got.Releases), len(got.Alerts))
	}
}

// A part of a time that is known is known as well, until it was asked for.
func TestAPartOfWhatIsKnownIsThereWhileThePeerIsAway(t *testing.T) {
	p := newPeer(t, holding(10*time.Minute, 3*time.Hour, 5*time.Hour))
	r, pass := newMarks(t, p.URL, io.Discard)
	r.In(t.Context(), "shop", metrics.Period{FromMS: noon.Add(-24 * time.Hour).UnixMilli(), ToMS: noon.UnixMilli()})
	settled(r)
	r.In(t.Context(), "shop", lastHour(noon))
	settled(r)
	p.Close()
	pass(time.Hour)
	part := metrics.Period{FromMS: noon.Add(-4 * time.Hour).UnixMilli(), ToMS: noon.Add(-2 * time.Hour).UnixMilli()}
	if got := titles(r.In(t.Context(), "shop", part)); got != "3h0m0s" {
		t.Errorf("of a part there are %q", got)
	}
	if got := titles(r.In(t.Context(), "web", part)); got != "" {
		t.Errorf("of another project there are %q", got)
	}
}

// What one of two answers lacks is not missed in the other: an older error tracker
// has no list of alerts.
func TestReleasesAreKnownWithoutAlertsAndTheOtherWayRound(t *testing.T) {
	all := marks([]string{deploy("2.0", noon)}, []string{alert("boom", noon)})
	away := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	for _, c := range []struct{ path, want, lacking, other string }{
		{"/api/alerts", "2.0 and ", "alerts are not known", "releases are not known"},
		{"/api/deploys", " and boom", "releases are not known", "alerts are not known"},
	} {
		var log strings.Builder
		p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, c.path) {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			all(w, r)
		})
		r, pass := newMarks(t, p.URL, &log)
		r.patience = time.Minute
		got := r.In(t.Context(), "", lastHour(noon))
		if text := names(got) + " and " + titles(got); text != c.want {
			t.Errorf("without %s there are %q, want %q", c.path, text, c.want)
		}
		said := log.String()
		if !strings.Contains(said, c.lacking) || !strings.Contains(said, "it answers with status 404") || strings.Contains(said, c.other) {
			t.Errorf("without %s the log is %s", c.path, said)
		}
		// Later nobody answers at all.
		p.set(away)
		pass(fresh)
		r.In(t.Context(), "", lastHour(r.now()))
		settled(r)
		if said := log.String(); strings.Count(said, c.lacking) != 1 || strings.Count(said, c.other) != 1 || !strings.Contains(said, "it answers with status 502") {
			t.Errorf("without %s, and then without any answer, the log is %s", c.path, said)
		}
	}
}

// They are asked at the same time, so that one that takes long holds the other up in
// no page.
func TestOneOfTwoThatHangsDoesNotHoldTheOtherUp(t *testing.T) {
	all := marks([]string{deploy("2.0", noon)}, []string{alert("boom", noon)})
	for path, want := range map[string]string{"/api/alerts": "2.0 and ", "/api/deploys": " and boom"} {
		release := make(chan struct{})
		p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, path) {
				<-release
			}
			all(w, r)
		})
		t.Cleanup(func() { close(release) }) // before the peer is closed
		r, _ := newMarks(t, p.URL, io.Discard)
		r.client = p.Client() // without a timeout: it hangs until the test is over
		r.patience = 10 * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for got := ""; got != want; {
			if ctx.Err() != nil {
				t.Fatalf("while %s hangs there are %q, want %q", path, got, want)
			}
			known := r.In(ctx, "", lastHour(noon))
			got = names(known) + " and " + titles(known)
		}
	}
}

// The last answer stays, also when the window has moved on, and the log says once
// that there is none.
func TestTheLastAnswerStaysWhenThePeerIsAway(t *testing.T) {
	var log strings.Builder
	p := newPeer(t, answers(deploy("2.0", noon.Add(-time.Second))))
	r, pass := newMarks(t, p.URL, &log)
	r.In(t.Context(), "", lastHour(noon))
	settled(r)
	for name, bad := range map[string]http.HandlerFunc{
		"an error":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"no JSON":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"other types": marks([]string{`{"project":7}`}, []string{`{"project":7}`}),
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"x":"`+strings.Repeat("x", maxAnswer)+`"}`)
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
	} {
		p.set(bad)
		pass(fresh)
		r.In(t.Context(), "", lastHour(r.now()))
		settled(r)
		if got := names(r.In(t.Context(), "", lastHour(r.now()))); got != "2.0" {
			t.Errorf("after %s there are %q", name, got)
		}
	}
	p.CloseClientConnections()
	p.Close()
	pass(time.Hour)
	// Another question, by its whole hours: 11 to 13 was asked, this is 12 to 14.
	moved := metrics.Period{FromMS: noon.Add(-30 * time.Second).UnixMilli(), ToMS: noon.Add(time.Hour).UnixMilli()}
	r.In(t.Context(), "", moved)
	settled(r)
	if got := names(r.In(t.Context(), "", moved)); got != "2.0" {
		t.Errorf("when it is away there are %q", got)
	}
	for _, what := range []string{"releases", "alerts"} {
		if n := strings.Count(log.String(), what+" are not known"); n != 1 {
			t.Errorf("said %d times that %s are not known: %s", n, what, log.String())
		}
	}
	if strings.Contains(log.String(), "the-key") {
		t.Error("the log has the key")
	}
}

// A page does not wait for one that hangs, and nobody waits for it again soon.
func TestAPeerThatHangsHoldsNothingUp(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // before the peer is closed
	r, pass := newMarks(t, p.URL, io.Discard)
	began := time.Now()
	if got := r.In(t.Context(), "", lastHour(noon)); len(got.Releases)+len(got.Alerts) != 0 {
		t.Errorf("there are %v", got)
	}
	first := time.Since(began)
	pass(patience)
	began = time.Now()
	for range 100 {
		r.In(t.Context(), "", lastHour(noon))
	}
	if all := time.Since(began); all > first {
		t.Errorf("a page waited %s, and 100 later ones %s", first, all)
	}
}

// The key goes to the error tracker alone.
func TestRedirectsAreNotFollowed(t *testing.T) {
	other := newPeer(t, answers(deploy("evil", noon)))
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	r, _ := newMarks(t, p.URL, io.Discard)
	r.In(t.Context(), "", lastHour(noon))
	settled(r)
	if got := r.In(t.Context(), "", lastHour(noon)); names(got) != "" || other.count() != 0 || p.count() != 1 {
		t.Errorf("there are %v; asked %d and %d times", got, p.count(), other.count())
	}
}

func TestAnswersAreBounded(t *testing.T) {
	many, alerts := []string{deploy("", noon)}, []string{}
	for i := range 300 {
		many = append(many, deploy(fmt.Sprint("r", i), noon.Add(-time.Duration(i)*time.Second)))
		alerts = append(alerts, alert(fmt.Sprint("a", i), noon.Add(-time.Duration(i)*time.Second)))
	}
	p := newPeer(t, marks(many, alerts))
	r, _ := newMarks(t, p.URL, io.Discard)
	for i := range 3 * maxKept {
		r.In(t.Context(), fmt.Sprint("p", i), lastHour(noon))
		settled(r)
	}
	if len(r.kept) > maxKept {
		t.Errorf("%d answers are kept", len(r.kept))
	}
	got := r.In(t.Context(), fmt.Sprint("p", 3*maxKept-1), lastHour(noon))
	if n := len(got.Releases); n != metrics.MaxMarks || got.Releases[n-1].Name != "r0" || got.Releases[0].Name != "r49" {
		t.Errorf("%d releases: %s", n, names(got))
	}
	if n := len(got.Alerts); n != metrics.MaxMarks || got.Alerts[n-1].Name != "a0" || got.Alerts[0].Name != "a49" {
		t.Errorf("%d alerts: %s", n, titles(got))
	}
}

func TestWithoutAnErrorTrackerThereAreNone(t *testing.T) {
	var r *Marks
	if got := r.In(t.Context(), "", lastHour(noon)); !cmp.Equal(got, metrics.Marks{}) || r.Close(t.Context()) != nil {
		t.Errorf("there are %v", got)
	}
}
