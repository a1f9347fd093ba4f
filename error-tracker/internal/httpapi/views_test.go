package httpapi

import (
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

func TestViews(t *testing.T) {
	const mobile = `{"id":1,"name":"Mobile","default":true,"search":"release:1.4.*","project":"","environment":"","source":"","time":"","state":"active","sort":"last_seen"}`
	view := tracker.View{ID: 1, Name: "Mobile", Default: true, Search: "release:1.4.*", State: tracker.Active, Sort: tracker.ByLastSeen}
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/views", "", 200, `{"views":[` + mobile + `]}`},
		{"POST", "/api/views", `{"name":"All of shop","project":"shop","environment":"prod","source":"browser","time":"24h","state":"all","sort":"count"}`, 201,
			`{"id":2,"name":"All of shop","default":false,"search":"","project":"shop","environment":"prod","source":"browser","time":"24h","state":"all","sort":"count"}`},
		{"POST", "/api/views", `{"name":7}`, 400, "name must be a string"},
		{"POST", "/api/views", `{"name":"x","default":1}`, 400, "default must be true or false"},
		{"POST", "/api/views", `{"name":"x","id":7}`, 400, `unknown field: \"id\"`},
		{"POST", "/api/views", `{"name":"x","time":"soon"}`, 400, `time: \"soon\" is no time`},
		{"POST", "/api/views", `[]`, 400, "JSON object"},
		{"POST", "/api/views/1", `{"default":false}`, 200, strings.Replace(mobile, "true", "false", 1)},
		{"POST", "/api/views/1", `{"name":"Phones","time":""}`, 200, strings.Replace(mobile, "Mobile", "Phones", 1)},
		{"POST", "/api/views/1", `{"sort":null}`, 400, "sort must be a string"},
		{"POST", "/api/views/2", `{}`, 404, "View not found"},
		{"POST", "/api/views/x", `{}`, 404, "Not found"},
		{"DELETE", "/api/views/1", "", 200, `{"status":"deleted","id":1}`},
		{"DELETE", "/api/views/2", "", 404, "View not found"},
		{"DELETE", "/api/views/0", "", 404, "Not found"},
	} {
		got := ask(t, &fakeTracker{views: []tracker.View{view}}, test.method, test.target, strings.NewReader(test.body))
		if got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.target, test.body, got.status, got.body, test.status, test.want)
		}
	}
	full := &fakeTracker{err: errs.New(errs.Conflict, "there are 30 views")}
	if got := ask(t, full, "POST", "/api/views", strings.NewReader(`{"name":"x"}`)); got.status != 409 || !strings.Contains(got.body, "30 views") {
		t.Errorf("one too many: %d %s", got.status, got.body)
	}
}
