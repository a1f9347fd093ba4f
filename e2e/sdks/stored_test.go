//go:build sdks

package sdks

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// stored is an event as the API gives it.
type stored struct {
	EventID     string `json:"event_id"`
	Message     string
	Environment string
	Release     string
	Level       string
	Transaction string
	Type        string `json:"exception_type"`
	Exceptions  []struct {
		Type, Value string
		Frames      []struct {
			Function string
			InApp    *bool `json:"in_app"`
		}
	}
	Breadcrumbs []struct{ Category, Message string }
	User        map[string]any
	Tags        [][2]string
	SDK         struct{ Name, Version string }
}

// newProject returns its number and its DSN, by way of the wire.
func newProject(t *testing.T, s *harness.Service, w *wire, name string, rate int) (id, dsn string) {
	t.Helper()
	res := s.Post("/api/projects", map[string]any{"name": name})
	var p struct {
		ID   int64
		Keys []struct {
			ID  int64
			Key string `json:"public_key"`
		}
	}
	if err := res.JSON(&p); res.Status != 201 || err != nil {
		t.Fatalf("new project: %d %s", res.Status, res.Body)
	}
	if rate > 0 {
		path := fmt.Sprintf("/api/projects/%d/keys/%d", p.ID, p.Keys[0].ID)
		if res := s.Post(path, map[string]any{"rate_limit": rate}); res.Status != 200 {
			t.Fatalf("rate: %d %s", res.Status, res.Body)
		}
	}
	return fmt.Sprint(p.ID), strings.Replace(w.URL, "://", "://"+p.Keys[0].Key+"@", 1) + fmt.Sprintf("/%d", p.ID)
}

// events reads everything that is stored of a project.
func events(t *testing.T, s *harness.Service, project string) map[string]stored {
	t.Helper()
	all := map[string]stored{}
	get := func(path string, v any) {
		if err := json.Unmarshal([]byte(s.Get(path).Body), v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var list struct{ Errors []struct{ ID int64 } }
	get("/api/errors?limit=200&project="+url.QueryEscape(project), &list)
	for _, issue := range list.Errors {
		for cursor := ""; ; {
			var page struct {
				Occurrences []struct {
					ID      int64
					EventID string `json:"event_id"`
				}
				Next string `json:"next_cursor"`
			}
			get(fmt.Sprintf("/api/errors/%d/occurrences?limit=100%s", issue.ID, cursor), &page)
			for _, o := range page.Occurrences {
				var e stored
				if len(all) < 50 {
					get(fmt.Sprintf("/api/errors/%d/occurrences/%d", issue.ID, o.ID), &e)
				}
				all[o.EventID] = e
			}
			if page.Next == "" {
				break
			}
			cursor = "&cursor=" + page.Next
		}
		// The page shows it, with its stack.
		if page := s.Get(fmt.Sprintf("/errors/%d", issue.ID)); page.Status != 200 {
			t.Errorf("page of error %d: %d", issue.ID, page.Status)
		}
	}
	return all
}

// check compares what is stored with what the row says, and returns the columns
// of the table: one mark for each thing.
func (r row) check(t *testing.T, sent []string, all map[string]stored) (sdk string, marks []string) {
	t.Helper()
	right := func(what string, ok bool, got any) {
		if !ok {
			t.Errorf("%s: %s is not right: %v", r.name, what, got)
			marks = append(marks, "**no**")
			return
		}
		marks = append(marks, "✓")
	}
	same := len(all) == len(sent)
	for _, id := range sent {
		_, ok := all[id]
		same = same && ok
	}
	right("what is stored", same && len(sent) == 2, fmt.Sprintf("%d sent, %d stored", len(sent), len(all)))
	var e, message stored
	for _, x := range all {
		if len(x.Exceptions) > 0 && strings.Contains(x.Exceptions[len(x.Exceptions)-1].Value, "order 7") {
			e = x
		} else {
			message = x
		}
	}
	right("title", e.Type+": "+e.Message == r.title && message.Message == "stock is low", []string{e.Type, e.Message, message.Message})
	function := ""
	if n := len(e.Exceptions); n > 0 {
		for _, f := range e.Exceptions[n-1].Frames {
			if f.InApp == nil || *f.InApp {
				function = f.Function
			}
		}
	}
	right("frame", function == r.function || r.function == "" && function != "", function)
	right("user", fmt.Sprint(e.User["id"]) == r.userID && e.User["email"] == "jane@shop.example", e.User)
	tag := false
	for _, g := range e.Tags {
		tag = tag || g == [2]string{"plan", "business"}
	}
	right("tags", tag, e.Tags)
	crumb := false
	for _, b := range e.Breadcrumbs {
		crumb = crumb || b.Category == "cart" && b.Message == "opened the cart"
	}
	right("breadcrumbs", crumb, e.Breadcrumbs)
	right("release", e.Release == "shop@1.4.2" && e.Environment == "staging" && message.Release == "shop@1.4.2", []string{e.Release, e.Environment})
	if !strings.Contains(e.Transaction, r.transaction) {
		t.Errorf("%s: transaction %q, want %q in it", r.name, e.Transaction, r.transaction)
	}
	return e.SDK.Name + " " + e.SDK.Version, marks
}
