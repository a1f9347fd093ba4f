package webui

import (
	"net/http"
	"slices"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/webui"
)

type containersPage struct {
	Containers []container
	States     []stateChoice
	Filter     string // value of the choice that is made
	Stats      logs.Stats
	Live       logs.Live
	Retention  Retention
	Share      int // of MaxEntries that is used, in percent
	ByteShare  int // of MaxBytes, in percent
	Oldest     time.Time
	Newest     time.Time
	Following  bool // containers are read
	Reading    Reading
	Patterns   []string
	Folder     string
	Refresh    webui.RefreshChoice
	FirstRun   bool
	FolderErr  string // why the folder cannot be read, before the first entry; "" when it can
	PublicURL  string
}

type container struct {
	logs.SourceStats
	Link      string
	ErrorLink string
	Share     float64 // of errors, in percent
	LastAt    time.Time
	State     string
	Problem   bool
	NoLines   bool

	life     *logs.Lifecycle
	Life     webui.Badge // with no label when nothing is known
	ExitedAt time.Time   // zero when it is not known
	ExitLink string      // to the lines around it
}

// stateChoice is a way to see some of the containers.
type stateChoice struct {
	Label   string
	URL     string
	N       int
	Current bool
	value   string
	has     func(l logs.Lifecycle, now time.Time) bool
}

func stateChoices() []stateChoice {
	running := func(p logs.Phase) bool { return p == logs.Running || p == logs.Restarting }
	return []stateChoice{
		{Label: "All"},
		{Label: "Crash loop", value: "crash-loop", has: logs.Lifecycle.CrashLoop},
		{Label: "Running", value: "running", has: func(l logs.Lifecycle, _ time.Time) bool { return running(l.Phase) }},
		{Label: "Not running", value: "stopped", has: func(l logs.Lifecycle, _ time.Time) bool { return !running(l.Phase) }},
	}
}

// containers lists what has entries and what is followed.
func (p *Pages) containers(w http.ResponseWriter, r *http.Request) error {
	sources, err := p.opts.Logs.Sources(r.Context())
	if err != nil {
		return err
	}
	st, err := p.opts.Logs.Stats(r.Context())
	if err != nil {
		return err
	}
	page := containersPage{
		Stats: st, Live: p.opts.Logs.Live(), Retention: p.opts.Retention, Following: p.opts.Reading != nil, Patterns: p.opts.Containers,
		Folder: p.opts.Folder, Refresh: webui.ParseRefresh(r.URL.Query().Get("refresh")), PublicURL: p.publicURL(r),
	}
	if st.Entries > 0 {
		page.Oldest, page.Newest = time.Unix(0, st.First), time.Unix(0, st.Last)
	}
	page.Share = percent(st.Entries, page.Retention.Entries)
	page.ByteShare = percent(st.DiskBytes, page.Retention.Bytes)
	if p.opts.Reading != nil {
		page.Reading = p.opts.Reading()
		page.FolderErr = page.Reading.Error
	}
	for _, src := range sources {
		if src.Entries > 0 {
			page.Containers = append(page.Containers, p.container(src))
		}
	}
	for _, state := range page.Reading.Sources {
		i := slices.IndexFunc(page.Containers, func(c container) bool { return c.Name == state.Name })
		if i < 0 {
			i = len(page.Containers)
			page.Containers = append(page.Containers, p.container(logs.SourceStats{Source: logs.Source{Name: state.Name}}))
		}
		page.Containers[i].State, page.Containers[i].Problem = state.State, state.Problem
		if state.Life != nil {
			p.showLife(&page.Containers[i], *state.Life)
		}
	}
	page.FirstRun = len(page.Containers) == 0
	p.choose(&page, r.URL.Query().Get("state"))
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "containers", Title: "Containers", Section: "/containers", Assets: []string{"logs.css", "refresh.js"}, Data: &page,
		Keys: []webui.Key{{Keys: "j", Does: "next container"}, {Keys: "k", Does: "previous container"}, {Keys: "Enter", Does: "its log"}},
	})
}

func (p *Pages) container(src logs.SourceStats) container {
	var s selection
	c := container{
		SourceStats: src, Link: s.with(p.ui.Path("/"), "container", src.Name), NoLines: src.Entries == 0,
		ErrorLink: s.with(p.ui.Path("/"), "container", src.Name, "level", ">=ERROR"),
	}
	if src.Entries > 0 {
		c.Share = float64(src.Errors) * 100 / float64(src.Entries)
		c.LastAt = time.Unix(0, src.Last)
	}
	return c
}

// What is shown of the lines around the end of a container: those before it, and
// those of the start after it.
const (
	beforeExit = 30 * time.Second
	afterExit  = 5 * time.Second
)

// showLife adds what is known of the container's life. Of several that have its
// name, the one that does worst is shown.
func (p *Pages) showLife(c *container, l logs.Lifecycle) {
	now := p.opts.Now()
	if c.life != nil && urgency(c.life, now) <= urgency(&l, now) {
		return
	}
	c.life = &l
	c.Life = webui.Badge{Label: l.Words(now)}
	switch {
	case l.CrashLoop(now):
		c.Life.Tone, c.Life.Icon = "red", "refresh"
	case l.Failed():
		c.Life.Tone, c.Life.Icon = "red", "alert"
	case l.Phase == logs.Running && l.Restarts > 0:
		c.Life.Tone, c.Life.Icon = "amber", "refresh"
	case l.Phase == logs.Running:
		c.Life.Tone, c.Life.Icon = "green", "check"
	default:
		c.Life.Icon = "x"
	}
	c.ExitedAt, c.ExitLink = l.ExitedAt, ""
	if !l.ExitedAt.IsZero() && !c.NoLines {
		var s selection
		c.ExitLink = s.with(p.ui.Path("/"), "container", c.Name,
			"since", webui.ISO(l.ExitedAt.Add(-beforeExit)), "until", webui.ISO(l.ExitedAt.Add(afterExit)))
	}
}

// urgency is smaller for what somebody should look at first.
func urgency(l *logs.Lifecycle, now time.Time) int {
	switch {
	case l == nil:
		return 3
	case l.CrashLoop(now):
		return 0
	case l.Failed():
		return 1
	}
	return 2
}

// choose puts those that do badly first, and leaves those of the chosen state.
// There is no choice where nothing is known of any.
func (p *Pages) choose(page *containersPage, state string) {
	now := p.opts.Now()
	slices.SortStableFunc(page.Containers, func(a, b container) int {
		return min(urgency(a.life, now), 2) - min(urgency(b.life, now), 2)
	})
	if !slices.ContainsFunc(page.Containers, func(c container) bool { return c.life != nil }) {
		return
	}
	page.States = stateChoices()
	all := page.Containers
	for i := range page.States {
		choice := &page.States[i]
		var s selection
		choice.URL = s.with(p.ui.Path("/containers"), "state", choice.value, "refresh", page.Refresh.Value)
		var those []container
		for _, c := range all {
			if choice.has == nil || c.life != nil && choice.has(*c.life, now) {
				those = append(those, c)
			}
		}
		choice.N = len(those)
		if choice.Current = choice.value == state; choice.Current {
			page.Containers, page.Filter = those, state
		}
	}
	if !slices.ContainsFunc(page.States, func(c stateChoice) bool { return c.Current }) {
		page.States[0].Current = true
	}
}

func percent(n, of int64) int {
	if of <= 0 || n <= 0 {
		return 0
	}
	return int(min(100, max(1, float64(n)*100/float64(of))))
}

// RetentionDays is how long entries are kept, in whole days.
func (c *containersPage) RetentionDays() int { return int(c.Retention.Age / (24 * time.Hour)) }
