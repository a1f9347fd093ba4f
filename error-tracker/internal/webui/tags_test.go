package webui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestTagsOfAnIssue(t *testing.T) {
	f := sample(4)
	s := newSite(t, f)
	wants(t, s.get("/errors/4", 200), `href="/errors/4/tags">Tags</a>`)
	wants(t, s.get("/errors/4/tags", 200), "No tags", `href="/errors/4" data-key="u"`)
	s.get("/errors/99/tags", 404)
	f.tags = []tracker.TagShares{{Name: "plan", Events: 200, Values: []tracker.Share{{Value: "free <b>", Count: 150}, {Value: "a \"b\"", Count: 49}, {Value: "team", Count: 1}}}}
	for n := range 9 {
		f.tags[0].Values = append(f.tags[0].Values, tracker.Share{Value: fmt.Sprint("other ", n), Count: 2})
	}
	for n := range 60 {
		f.tags = append(f.tags, tracker.TagShares{Name: fmt.Sprint("tag", n), Events: 1, Values: []tracker.Share{{Value: "x", Count: 1}}})
	}
	page := s.get("/errors/4/tags", 200)
	wants(t, page, `title="free &lt;b&gt;">free &lt;b&gt;</a><span class="num">150 <span class="dim">75%</span>`, `<rect width="75" height="4"/>`,
		"4 other values of 8 events", "1 more tag is not shown.", `href="/?project=shop&amp;search=plan%3A%22free&#43;%3Cb%3E%22&amp;state=all"`)
	if strings.Contains(page, "part of the events") || strings.Contains(page, "tag59") {
		t.Error("all was counted, and what is too much is shown")
	}
	// Of tags that the search language has no words for there is no search.
	f.tags = nil
	for _, name := range []string{"a b", "colon:", "assigned", "Message", "is", "user.id", "-minus", "or(x)"} {
		f.tags = append(f.tags, tracker.TagShares{Name: name, Events: 1, Values: []tracker.Share{{Value: "x", Count: 1}}})
	}
	f.tags = append(f.tags, tracker.TagShares{Name: "long", Events: 1, Values: []tracker.Share{{Value: strings.Repeat("x", 1000), Count: 1}}})
	page = s.get("/errors/4/tags", 200)
	wants(t, page, `search=user.id%3A%22x%22&amp;`, `<span class="name" dir="auto" title="x">x</span>`)
	if n := strings.Count(page, "search="); n != 1 {
		t.Errorf("%d tags lead to a search, want 1", n)
	}
	f.partly = true
	wants(t, s.get("/errors/4/tags", 200), "those of a part of the events")
}
