package webui

import (
	"net/http"
	"strings"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/shared/webui"
)

type cardinalityPage struct {
	selection
	C         metrics.Cardinality
	Used      float64 // part of the limit
	Series64  int64
	Limit64   int64
	Retention Retention
	Top       int
	Search    string
}

const topCardinality = 50

func (p *Pages) cardinality(w http.ResponseWriter, r *http.Request) error {
	sel, v, err := p.selectionOf(r)
	if err != nil {
		return err
	}
	search := strings.TrimSpace(v.Get("search"))
	c := p.opts.Collector.Cardinality(sel.Project, search, topCardinality)
	page := cardinalityPage{selection: sel, C: c, Search: search, Retention: p.opts.Retention, Top: topCardinality,
		Used: float64(c.Series) / float64(c.Limits.Series), Series64: int64(c.Series), Limit64: int64(c.Limits.Series)}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "cardinality", Title: "Cardinality", Section: "/cardinality", Assets: plainAssets, Data: page})
}
