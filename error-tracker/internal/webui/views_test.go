package webui

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestViewsAreSavedAndShown(t *testing.T) {
	f := sample(3)
	s := newSite(t, f)
	if page := s.get("/", 200); strings.Contains(page, "views") {
		t.Error("a list with no filter and no views speaks of views")
	}
	const filtered = "/?environment=prod&search=release%3A1.4.%2A&sort=count&state=all"
	wants(t, s.get(filtered, 200), `<a href="/views?environment=prod&amp;search=release%3A1.4.%2A&amp;sort=count&amp;state=all" data-key="v">Save view</a>`)
	wants(t, s.get("/views?environment=prod&search=release%3A1.4.%2A&sort=count&state=all", 200),
		"Save this filter", `name="search" value="release:1.4.*"`, `name="environment" value="prod"`, `name="state" value="all"`, "<b dir=\"auto\">events</b>", "No view yet")
	form := url.Values{"name": {" Mobile "}, "environment": {"prod"}, "search": {"release:1.4.*"}, "sort": {"count"}, "state": {"all"}, "stats": {"14d"}}
	to, page := s.post("/views", form)
	want := tracker.View{ID: 1, Name: "Mobile", Search: "release:1.4.*", Environment: "prod", State: tracker.AnyState, Sort: tracker.ByCount}
	if len(f.views) != 1 || f.views[0] != want || to != "/?environment=prod&search=release%3A1.4.%2A&sort=count&state=all&stats=14d" {
		t.Errorf("saved %+v, led to %s", f.views, to)
	}
	wants(t, page, "The view “Mobile” is saved.", `dir="auto" aria-current="true">Mobile</a>`, "Save or change views")
	wants(t, s.get("/?stats=14d", 200), `<a class="btn small" href="/?environment=prod&amp;search=release%3A1.4.%2A&amp;sort=count&amp;state=all&amp;stats=14d" dir="auto">Mobile</a>`)

	// The same name again: it is said, and it may be replaced.
	again := url.Values{"name": {"Mobile"}, "search": {"tablet"}}
	res := s.do(http.MethodPost, "/views", again)
	b, _ := io.ReadAll(res.Body)
	if page = string(b); res.StatusCode != http.StatusConflict || f.views[0].Search != want.Search {
		t.Errorf("a name that is taken: %d, %+v", res.StatusCode, f.views)
	}
	wants(t, page, "already", `name="name" value="Mobile"`, `name="search" value="tablet"`, `name="replace" value="1"`)
	again.Set("replace", "1")
	f.views[0].Default = true // and stays that
	if s.post("/views", again); len(f.views) != 1 || !f.views[0].Default || f.views[0].Search != "tablet" || f.views[0].State != tracker.Active {
		t.Errorf("replaced: %+v", f.views)
	}
	for what, bad := range map[string]url.Values{"an empty name": {"name": {" "}, "search": {"x"}}, "a search": {"name": {"x"}, "search": {"is:lost"}}, "a time": {"name": {"x"}, "time": {"soon"}}} {
		if res := s.do(http.MethodPost, "/views", bad); res.StatusCode/100 != 4 || len(f.views) != 1 {
			t.Errorf("%s: %d, %d views", what, res.StatusCode, len(f.views))
		}
	}
}

func TestTheListBeginsWithTheDefaultView(t *testing.T) {
	f := sample(3)
	f.views = []tracker.View{{ID: 1, Name: "A", Search: "order", State: tracker.Active, Sort: tracker.ByLastSeen}, {ID: 2, Name: "B", Project: "shop", State: tracker.Resolved, Sort: tracker.ByUsers}}
	s := newSite(t, f)
	s.get("/", 200)
	to, page := s.post("/views/2", url.Values{"action": {"default"}})
	if to != "/views" || !f.views[1].Default {
		t.Errorf("led to %s, %+v", to, f.views)
	}
	wants(t, page, "The list begins with “B”.", "Begin with all")
	const begin = "/?project=shop&sort=users&state=resolved"
	if res := s.do(http.MethodGet, "/", nil); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != begin {
		t.Errorf("%d to %s, want %s", res.StatusCode, res.Header.Get("Location"), begin)
	}
	// All open issues can still be had, and each way to them says so.
	wants(t, s.get(begin, 200), `<input type="hidden" name="state" value="resolved">`)
	page = s.get("/?state=open", 200)
	wants(t, page, `<input type="hidden" name="state" value="open">`, `href="/?state=open" aria-current="true">Open</a>`)
	if page := s.get("/?search=nothing-like-this", 200); !strings.Contains(page, `href="/?state=open">Clear filters</a>`) {
		t.Error("clearing the filters leads back to the view")
	}
	// What refreshes a list that is open gets that list.
	if res := s.do(http.MethodGet, "/", nil, "X-Fragment", "issues"); res.StatusCode != http.StatusOK {
		t.Errorf("the fragment of the list: %d", res.StatusCode)
	}
	if s.post("/views/1", url.Values{"action": {"default"}}); !f.views[0].Default || f.views[1].Default {
		t.Errorf("another default: %+v", f.views)
	}
	_, page = s.post("/views/1", url.Values{"action": {"plain"}})
	wants(t, page, "The list begins with all open issues.")
	s.get("/", 200)
}

func TestViewsAreRenamedAndDeleted(t *testing.T) {
	f := sample(3)
	full := tracker.View{ID: 1, Name: "A <b>", Default: true, Search: "order", Project: "shop", Environment: "prod", Source: tracker.Browser, Time: "24h", State: tracker.Muted, Sort: tracker.ByTrend}
	f.views = []tracker.View{full, {ID: 2, Name: "B", State: tracker.Active, Sort: tracker.ByLastSeen}}
	s := newSite(t, f)
	_, page := s.post("/views/2", url.Values{"action": {"rename"}, "name": {" C "}})
	if f.views[1].Name != "C" {
		t.Errorf("renamed %+v", f.views[1])
	}
	wants(t, page, "The view is called “C” now.", `value="C"`)
	for name, status := range map[string]int{"": http.StatusUnprocessableEntity, "A <b>": http.StatusConflict} {
		if res := s.do(http.MethodPost, "/views/2", url.Values{"action": {"rename"}, "name": {name}}); res.StatusCode != status || f.views[1].Name != "C" {
			t.Errorf("renaming to %q: %d, %+v", name, res.StatusCode, f.views[1])
		}
	}
	_, page = s.post("/views/1", url.Values{"action": {"delete"}})
	if len(f.views) != 1 {
		t.Errorf("deleted: %+v", f.views)
	}
	wants(t, page, "The view “A &lt;b&gt;” is deleted.", `action="/views"`, `name="default" value="1"`)
	undo := url.Values{"name": {full.Name}, "default": {"1"}, "search": {"order"}, "project": {"shop"}, "environment": {"prod"}, "source": {"browser"}, "time": {"24h"}, "state": {"muted"}, "sort": {"trend"}}
	for name, values := range undo {
		wants(t, page, `name="`+name+`" value="`+strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(values[0])+`"`)
	}
	s.post("/views", undo)
	full.ID = 2
	if f.views[1] != full {
		t.Errorf("after Undo %+v, want %+v", f.views[1], full)
	}
	if res := s.do(http.MethodPost, "/views/2", url.Values{"action": {"burn"}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("an action that is none: %d", res.StatusCode)
	}
	if res := s.do(http.MethodPost, "/views/9", url.Values{"action": {"delete"}}); res.StatusCode != http.StatusNotFound {
		t.Errorf("deleting no view: %d", res.StatusCode)
	}
}
