package status

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/webui"
)

// Page shows the status to people. It is the shared template "status".
func Page(ui *webui.UI, s *Status) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		report := s.Read(r.Context())
		return ui.Render(w, r, http.StatusOK, webui.Page{
			Name: "status", Title: "Status", Assets: []string{"status.css"}, Section: "/status", Data: newView(report),
		})
	}
}

// view is the report in the words of the page.
type view struct {
	Report
	Badge    webui.Badge
	Uptime   string
	RSS      string
	DiskFree string
	Limit    string
	Details  []detail
	PeerList []peerView
}

type detail struct {
	Name  string
	Count int64
}

type peerView struct {
	PeerState
	Label string
	Page  string // its status page, "" when that is not known
	Badge webui.Badge
}

// labels are the services in the words of the navigation.
var labels = map[string]string{"error-tracker": "Errors", "log-viewer": "Logs", "metrics-collector": "Metrics", "browser-relay": "Browser"}

func newView(r Report) view {
	v := view{Report: r, Badge: badgeOf(r.Status), Uptime: span(time.Duration(r.UptimeSeconds) * time.Second), RSS: bytesOr(r.Memory.RSSBytes, "not known here"),
		DiskFree: bytesOr(r.Storage.DiskFreeBytes, "not known here"), Limit: bytesOr(r.Storage.LimitBytes, "none")}
	for name, n := range r.Ingest.Details {
		v.Details = append(v.Details, detail{strings.ReplaceAll(name, "_", " "), n})
	}
	slices.SortFunc(v.Details, func(a, b detail) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range r.Peers {
		pv := peerView{PeerState: p, Label: labels[p.Name], Badge: badgeOf(p.Status)}
		if p.Link != "" {
			pv.Page = strings.TrimRight(p.Link, "/") + "/status"
		}
		v.PeerList = append(v.PeerList, pv)
	}
	return v
}

func badgeOf(status string) webui.Badge {
	switch status {
	case "ok":
		return webui.NewBadge("green", "check", "ok", "")
	case "degraded":
		return webui.NewBadge("amber", "alert", "degraded", "")
	}
	return webui.NewBadge("red", "alert", status, "")
}

func bytesOr(n *int64, none string) string {
	if n == nil {
		return none
	}
	return webui.Bytes(*n)
}

// span is how long something lasts, in its two largest units.
func span(d time.Duration) string {
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour)%24, int64(d/time.Minute)%60
	switch {
	case days > 0:
		return webui.Plural(days, "day", "days") + " " + webui.Plural(hours, "hour", "hours")
	case hours > 0:
		return webui.Plural(hours, "hour", "hours") + " " + webui.Plural(minutes, "minute", "minutes")
	case minutes > 0:
		return webui.Plural(minutes, "minute", "minutes")
	}
	return webui.Plural(int64(d/time.Second), "second", "seconds")
}
