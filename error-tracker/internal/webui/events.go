package webui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// shownEvents is how many events a page of the events of an issue has: with what
// is kept unless an operator says otherwise, the newest and the first, one is enough.
const shownEvents = 60

// eventsPage is the data of events.html.
type eventsPage struct {
	Issue   string // its page
	ID      int64
	Type    string
	Message string
	Events  int64 // ever
	Kept    int64
	First   int64 // numbers of the first and last row, the newest is 1
	Last    int64
	Rows    []eventRow
	What    bool // rows tell of a request or a message
	Columns []eventColumn
	Same    []webui.Field // what all the rows have, and no column
	Newest  string        // addresses, "" where there is nothing
	Newer   string
	Older   string
}

// eventColumn is a fact that differs between the events of a page.
type eventColumn struct{ Name, Class string }

type eventRow struct {
	URL     string
	At      time.Time
	Opened  bool // the issue was opened with it
	Method  string
	Where   string // the address it happened at, or the transaction
	Message string // "" where it is the issue's
	Cells   []string
	facts   [len(eventFacts)]string
}

// eventFacts are the columns that are left out when all events of a page have the same.
var eventFacts = [...]eventColumn{{"User", "who"}, {"Release", "name"}, {"Environment", "name"}, {"Server", "name"}, {"Level", "level"}}

var eventsKeys = []webui.Key{
	{Keys: "j", Does: "next event"}, {Keys: "k", Does: "previous event"}, {Keys: "Enter", Does: "open the event"},
	{Keys: "n", Does: "newer events"}, {Keys: "p", Does: "older events"}, {Keys: "u", Does: "back to the issue"},
}

// events lists the kept events of an issue.
func (p *Pages) events(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	q, err := eventQuery(r.URL.Query())
	if err != nil {
		return err
	}
	i, err := p.opts.Tracker.Issue(r.Context(), id)
	if err != nil {
		return err
	}
	q.Issue = id
	d := eventsPage{Issue: p.issueURL(id), ID: id, Type: p.row(&i, p.opts.Now()).Type, Message: webui.Line(i.Message, maxHeadline), Events: i.Count}
	var ids []int64
	page, err := p.opts.Tracker.EventPage(r.Context(), q, func(o tracker.Occurrence) {
		ids = append(ids, o.ID)
		d.Rows = append(d.Rows, d.rowOf(&o))
	})
	if err != nil {
		return err
	}
	d.Kept, d.First, d.Last = page.Kept, page.Newer+1, page.Newer+page.Read
	d.fold()
	list := d.Issue + "/events"
	if page.Newer > 0 {
		d.Newest, d.Newer = list, list
		if page.Newer > shownEvents && page.Read > 0 {
			d.Newer = list + "?after=" + itoa(ids[0])
		}
	}
	if page.Older() > 0 && page.Read > 0 {
		d.Older = list + "?before=" + itoa(ids[len(ids)-1])
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "events", Title: "Events of " + d.Type + " (#" + itoa(id) + ")", Section: "/", Assets: []string{"issue.css", "events.css"}, Keys: eventsKeys, Data: d,
	})
}

// eventQuery reads where a page begins: before or after an event.
func eventQuery(v url.Values) (q tracker.EventQuery, err error) {
	q.Limit = shownEvents
	for name, to := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		text := v.Get(name)
		if text == "" {
			continue
		}
		if *to, err = strconv.ParseInt(text, 10, 64); err != nil || *to <= 0 {
			return q, errs.New(errs.Invalid, "%s = %q, want the number of an event", name, webui.Line(text, 30))
		}
	}
	if q.Before != 0 && q.After != 0 {
		return q, errs.New(errs.Invalid, "before and after are both given, want one of them")
	}
	return q, nil
}

func (d *eventsPage) rowOf(o *tracker.Occurrence) eventRow {
	e := &o.Event
	row := eventRow{URL: d.Issue + "?event=" + itoa(o.ID), At: happened(e), Opened: o.First, Message: webui.Line(e.Summary(), maxHeadline)}
	row.Method, row.Where = placeOf(e)
	for k, s := range [...]string{userName(&e.User), e.Release, e.Environment, e.ServerName, e.Level} {
		row.facts[k] = webui.Line(s, 100)
	}
	if row.Message == d.Message {
		row.Message = ""
	}
	return row
}

// fold makes columns of what differs between the rows, and says once what does not.
func (d *eventsPage) fold() {
	if d.same(func(row *eventRow) string { return row.Method + " " + row.Where }) {
		d.agree("Request", strings.TrimSpace(d.Rows[0].Method+" "+d.Rows[0].Where))
		for i := range d.Rows {
			d.Rows[i].Method, d.Rows[i].Where = "", ""
		}
	}
	for i := range d.Rows {
		d.What = d.What || d.Rows[i].Method+d.Rows[i].Where+d.Rows[i].Message != ""
	}
	for k, column := range eventFacts {
		if d.same(func(row *eventRow) string { return row.facts[k] }) {
			d.agree(column.Name, d.Rows[0].facts[k])
			continue
		}
		if len(d.Rows) == 1 && d.Rows[0].facts[k] == "" {
			continue
		}
		d.Columns = append(d.Columns, column)
		for i := range d.Rows {
			d.Rows[i].Cells = append(d.Rows[i].Cells, d.Rows[i].facts[k])
		}
	}
}

// same tells whether a page of several events has one value in all of them.
func (d *eventsPage) same(of func(*eventRow) string) bool {
	for i := range d.Rows {
		if of(&d.Rows[i]) != of(&d.Rows[0]) {
			return false
		}
	}
	return len(d.Rows) > 1
}

func (d *eventsPage) agree(name, value string) {
	if value != "" {
		d.Same = append(d.Same, webui.Field{Name: name, Value: value})
	}
}
