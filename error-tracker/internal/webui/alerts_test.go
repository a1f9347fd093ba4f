package webui

import (
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestLatestAlertsLeadToTheirIssues(t *testing.T) {
	f := withChannels()
	s := newSite(t, f)
	lacks(t, s.get("/alerts", 200), "Latest alerts")
	alert := func(id int64, kind tracker.AlertKind, project, title string) tracker.Alert {
		return tracker.Alert{IssueID: id, Kind: kind, At: noon, Project: project, Title: title}
	}
	f.alerts = []tracker.Alert{
		alert(7, tracker.AlertCreated, "shop", "<script>pwned()</script>\u202e"+strings.Repeat("x", 1000)), alert(8, tracker.AlertFrequent, "shop", "Often"),
		alert(9, tracker.AlertUnmuted, "<b>other</b>", "Once more"), alert(10, tracker.AlertRegressed, "x", ""),
	}
	page := s.get("/alerts", 200)
	wants(t, page, "Latest alerts", `href="/errors/7" dir="auto">&lt;script&gt;pwned()&lt;/script&gt;[U&#43;202E]`, "New", `href="/errors/8" dir="auto">Often</a>`, "Frequent",
		`href="/errors/9" dir="auto">Once more</a>`, "Back", `href="/errors/10" dir="auto">(no text)</a>`, "&lt;b&gt;other", `datetime="`+noon.UTC().Format(time.RFC3339))
	lacks(t, page, "<script>pwned", "<b>other", strings.Repeat("x", 200), "\u202e")
}
