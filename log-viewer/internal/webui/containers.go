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
	}
	page.FirstRun = len(page.Containers) == 0
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "containers", Title: "Containers", Section: "/containers", Assets: []string{"logs.css"}, Data: &page,
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

func percent(n, of int64) int {
	if of <= 0 || n <= 0 {
		return 0
	}
	return int(min(100, max(1, float64(n)*100/float64(of))))
}

// RetentionDays is how long entries are kept, in whole days.
func (c *containersPage) RetentionDays() int { return int(c.Retention.Age / (24 * time.Hour)) }
