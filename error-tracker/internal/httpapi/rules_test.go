package httpapi

import (
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func TestRulesAreTried(t *testing.T) {
	f := projectFake()
	f.preview = tracker.Preview{
		Events: 5, Moved: 3, Rules: []tracker.PreviewRule{{Line: 2, Source: "type:A -> a", Events: 3}},
		Flows: []tracker.PreviewFlow{{From: tracker.Issue{ID: 7}, To: tracker.Issue{Type: "A"}, New: 1, Line: 2, Events: 3}, {From: tracker.Issue{ID: 8}, To: tracker.Issue{ID: 8, Type: "B"}, Events: 2}},
	}
	want := `{"events":5,"moved":3,"rules":[{"line":2,"rule":"type:A -\u003e a","events":3}],` +
		`"flows":[{"from":7,"to":null,"new":1,"title":"A","line":2,"events":3},{"from":8,"to":8,"title":"B","line":0,"events":2}]}`
	for body, test := range map[string]struct {
		status int
		want   string
	}{
		`{"rules":"type:A -> a"}`: {200, want}, `{"rules":""}`: {200, want}, `{"rules":"type:A"}`: {400, "rules, line 1, column 7: "},
		``: {400, "Missing required field: rules"}, `{"rules":7}`: {400, "rules must be a string"}, `{"x":7}`: {400, "unknown field"},
	} {
		if got := ask(t, f, "POST", "/api/projects/3/rules/preview", strings.NewReader(body)); got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %d %s, want %d %s", body, got.status, got.body, test.status, test.want)
		}
	}
}
