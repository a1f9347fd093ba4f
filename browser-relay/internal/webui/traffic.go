package webui

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/webui"
)

// rejectionsShown is how many refused requests the page lists.
const rejectionsShown = 20

// period is a choice of time.
type period struct {
	Value, Label string
	For          time.Duration
	step         time.Duration
	URL          string
	Current      bool
}

var periods = []period{
	{Value: "24h", Label: "24 hours", For: 24 * time.Hour, step: time.Hour},
	{Value: "7d", Label: "7 days", For: 7 * 24 * time.Hour, step: 4 * time.Hour},
	{Value: "30d", Label: "30 days", For: 30 * 24 * time.Hour, step: 24 * time.Hour},
}

type trafficPage struct {
	Periods  []period
	Key      *relay.Key // chosen, or nil
	Keys     []relay.Key
	KeyValue string
	Period   string

	Targets  []targetView
	Spool    relay.SpoolStats
	Cards    []card
	Chart    webui.Bars
	Outcomes []outcome
	ByKey    []trafficRow
	BySDK    []trafficRow
	Rejected []rejectionView
	Empty    bool
}

type card struct {
	Title, Note string
	N           int64
	Tone        string
}

type targetView struct {
	Name    string
	Badge   webui.Badge
	State   relay.TargetState
	Waiting int64
	Bytes   int64
}

type outcome struct {
	Title, Help string
	Badge       webui.Badge
	N           int64
}

type trafficRow struct {
	Name                                        string
	URL                                         string
	Requests, Refused, Errors, Metrics, Dropped int64
}

type rejectionView struct {
	relay.Rejection
	Project string
	Badge   webui.Badge
	Cause   string
}

func (p *Pages) traffic(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	chosen := periods[0]
	page := trafficPage{KeyValue: q.Get("key"), Keys: p.opts.Keys.List(), Spool: p.opts.Spool.Stats()}
	for _, c := range periods {
		c.Current = c.Value == q.Get("period") || q.Get("period") == "" && c.Value == "24h"
		if c.Current {
			chosen = c
		}
		c.URL = p.ui.Path("/traffic?" + query("period", c.Value, "key", page.KeyValue))
		page.Periods = append(page.Periods, c)
	}
	page.Period = chosen.Value
	names := map[int64]string{0: "(no key, or through the tunnel)"}
	for i, k := range page.Keys {
		names[k.ID] = k.Project
		if k.Label != "" {
			names[k.ID] += " · " + k.Label
		}
		if strconv.FormatInt(k.ID, 10) == page.KeyValue {
			page.Key = &page.Keys[i]
		}
	}
	from := p.opts.Now().Add(-chosen.For).Truncate(chosen.step).Add(chosen.step)
	counts, err := p.opts.Traffic.Since(r.Context(), from)
	if err != nil {
		return err
	}
	if page.Key != nil {
		counts = slices.DeleteFunc(counts, func(c relay.HourCount) bool { return c.Key != page.Key.ID })
	}
	page.Empty = len(counts) == 0
	page.count(counts, from, chosen, names, p.ui.Path)
	for _, t := range relay.Targets() {
		if v := p.target(t, &page.Spool); t != relay.ToEnvelopes || v.used() {
			page.Targets = append(page.Targets, v)
		}
	}
	for _, x := range p.opts.Traffic.Rejected() {
		if auth.ReadOnly(r) {
			x.WithoutKeys()
		}
		if page.Key != nil && x.Key != page.Key.ID || len(page.Rejected) == rejectionsShown {
			continue
		}
		page.Rejected = append(page.Rejected, rejectionView{x, names[x.Key], webui.Badge{Label: reasonLabel(x.Reason), Tone: reasonTone(x.Reason)}, cause(&x)})
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{Name: "traffic", Title: "Traffic", Section: "/traffic", Assets: liveAssets, Refresh: time.Minute, Window: webui.Window{Span: page.Period}, Data: page})
}

// used tells whether anything was sent there, or waits to be.
func (v *targetView) used() bool {
	return v.Waiting > 0 || v.State.Failures > 0 || v.State.Delivered > 0 || v.State.Failed > 0
}

func (p *Pages) target(t relay.Target, spool *relay.SpoolStats) targetView {
	v := targetView{Name: "Error tracker", State: p.opts.Courier.State(t), Waiting: spool.ByTarget[t].Entries, Bytes: spool.ByTarget[t].Bytes}
	switch t {
	case relay.ToMetrics:
		v.Name = "Metrics collector"
	case relay.ToEnvelopes:
		v.Name = "Error tracker, for the tunnel"
	}
	switch {
	case v.State.Failures > 0 && v.State.Outcome == relay.Busy:
		v.Badge = webui.Badge{Label: "busy", Tone: "amber"}
	case v.State.Failures > 0 && v.State.Outcome == relay.Misconfigured:
		v.Badge = webui.Badge{Label: "refuses our key or address", Tone: "red"}
	case v.State.Failures > 0:
		v.Badge = webui.Badge{Label: "not reached", Tone: "red"}
	case v.State.Last.IsZero():
		v.Badge = webui.Badge{Label: "nothing sent yet"}
	default:
		v.Badge = webui.Badge{Label: "reached", Tone: "green"}
	}
	return v
}

// count sorts counts into what the page shows.
func (page *trafficPage) count(counts []relay.HourCount, from time.Time, chosen period, names map[int64]string, path func(string) string) {
	bars := make([]int64, int(chosen.For/chosen.step))
	outcomes := map[[2]string]int64{}
	byKey, bySDK := map[int64]*trafficRow{}, map[string]*trafficRow{}
	var requests, refused, errors, metrics, lost int64
	for _, c := range counts {
		outcomes[[2]string{c.What, c.Reason}] += c.N
		row := byKey[c.Key]
		if row == nil {
			row = &trafficRow{Name: names[c.Key]}
			if c.Key != 0 {
				row.URL = path("/keys/" + strconv.FormatInt(c.Key, 10))
			}
			byKey[c.Key] = row
		}
		row.add(c)
		if c.What != relay.CountDelivered && c.What != relay.CountLost {
			sdk := bySDK[c.SDK]
			if sdk == nil {
				sdk = &trafficRow{Name: c.SDK}
				if c.SDK == "" {
					sdk.Name = "unknown, or an SDK that does not say"
				}
				bySDK[c.SDK] = sdk
			}
			sdk.add(c)
		}
		switch c.What {
		case relay.CountRequests:
			requests += c.N
			if i := int(c.Hour.Sub(from) / chosen.step); i >= 0 && i < len(bars) {
				bars[i] += c.N
			}
		case relay.CountRefused:
			refused += c.N
		case relay.CountErrors:
			errors += c.N
		case relay.CountMetrics:
			metrics += c.N
		case relay.CountLost:
			lost += c.N
		}
	}
	page.Cards = []card{
		{"Accepted requests", "on our disk, or with the service behind, before the page was answered", requests, ""},
		{"Refused requests", "the reasons are below", refused, tone(refused, "amber")},
		{"Errors", "accepted events", errors, ""},
		{"Metrics", "accepted points", metrics, ""},
		{"Lost after acceptance", "refused by a service behind, or too old", lost, tone(lost, "red")},
	}
	page.Chart = webui.NewBars("Accepted requests", "requests", from, chosen.step, bars)
	page.Outcomes = sortOutcomes(outcomes)
	page.ByKey, page.BySDK = rows(byKey), rows(bySDK)
}

func tone(n int64, tone string) string {
	if n > 0 {
		return tone
	}
	return ""
}

func (row *trafficRow) add(c relay.HourCount) {
	switch c.What {
	case relay.CountRequests:
		row.Requests += c.N
	case relay.CountRefused:
		row.Refused += c.N
	case relay.CountErrors:
		row.Errors += c.N
	case relay.CountMetrics:
		row.Metrics += c.N
	case relay.CountPage:
		row.Dropped += c.N
	}
}

func rows[K comparable](m map[K]*trafficRow) []trafficRow {
	list := make([]trafficRow, 0, len(m))
	for _, row := range m {
		list = append(list, *row)
	}
	slices.SortFunc(list, func(a, b trafficRow) int {
		return cmp.Or(cmp.Compare(b.Requests+b.Refused, a.Requests+a.Refused), cmp.Compare(a.Name, b.Name))
	})
	const most = 50
	return list[:min(len(list), most)]
}
