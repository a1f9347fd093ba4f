package httpapi

import (
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

func projectFake() *fakeTracker {
	return &fakeTracker{project: tracker.Project{ID: 3, Name: "shop", CreatedAt: seen, Issues: 5, Keys: []tracker.ProjectKey{
		{ID: 8, ProjectID: 3, Project: "shop", Key: "0123456789abcdef0123456789abcdef", Label: "web", Active: true, CreatedAt: seen},
	}}}
}

func TestProjectsHaveDSNs(t *testing.T) {
	const key = `{"id":8,"public_key":"0123456789abcdef0123456789abcdef","dsn":"https://0123456789abcdef0123456789abcdef@shop.example/errors/3",` +
		`"label":"web","origins":[],"rate_limit":0,"active":true,"created_at":"2026-07-27T10:00:00Z","last_used":null}`
	const shop = `{"id":3,"name":"shop","created_at":"2026-07-27T10:00:00Z","errors":5,"keys":[` + key + `]}`
	stamp := strings.NewReplacer("2026-07-27T10:00:00Z", timestamp(seen))
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/projects?details=true", "", 200, `{"projects":[],"details":[` + shop + `]}`},
		{"GET", "/api/projects/3", "", 200, shop},
		{"POST", "/api/projects", `{"name":"shop"}`, 201, shop},
		{"POST", "/api/projects/3/keys", `{"label":"a","origins":["https://a.example"],"rate_limit":9}`, 201, `"label":"a","origins":["https://a.example"],"rate_limit":9,"active":true`},
		{"POST", "/api/projects/3/keys", "", 201, `"label":"","origins":[],"rate_limit":0,"active":true`},
		{"POST", "/api/projects/3/keys/8", `{"active":false}`, 200, `"label":"web","origins":[],"rate_limit":0,"active":false`},
	} {
		got := ask(t, projectFake(), test.method, test.target, strings.NewReader(test.body))
		if got.status != test.status || !strings.Contains(got.body, stamp.Replace(test.want)) {
			t.Errorf("%s %s: %d %s, want %d %s", test.method, test.target, got.status, got.body, test.status, test.want)
		}
	}
}

func TestProjectRefusals(t *testing.T) {
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/projects/4", "", 404, ""},
		{"GET", "/api/projects/x", "", 404, ""},
		{"POST", "/api/projects", `{"name":5}`, 400, "name must be a string"},
		{"POST", "/api/projects", `{"title":"x"}`, 400, `unknown field: \"title\"`},
		{"POST", "/api/projects", `[]`, 400, "must be a JSON object"},
		{"POST", "/api/projects/3/keys", `{"origins":"https://a.example"}`, 400, "origins must be an array of strings"},
		{"POST", "/api/projects/3/keys", `{"origins":["https://a.example/x"]}`, 400, "is none"},
		{"POST", "/api/projects/3/keys", `{"rate_limit":1.5}`, 400, "rate_limit must be a whole number"},
		{"POST", "/api/projects/3/keys", `{"rate_limit":-1}`, 400, "rate_limit is -1, want 0 to 1000000"},
		{"POST", "/api/projects/3/keys", `{"active":"yes"}`, 400, "active must be true or false"},
		{"POST", "/api/projects/3/keys/9", `{}`, 404, ""},
		{"POST", "/api/projects/3/keys/8", `{"label":"` + strings.Repeat("x", 101) + `"}`, 400, "label has 101 bytes, the limit is 100"},
	} {
		got := ask(t, projectFake(), test.method, test.target, strings.NewReader(test.body))
		if got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.target, test.body, got.status, got.body, test.status, test.want)
		}
	}
	f := projectFake()
	f.err = errs.New(errs.Conflict, "there is a project of that name")
	if got := ask(t, f, "POST", "/api/projects", strings.NewReader(`{"name":"shop"}`)); got.status != 409 {
		t.Errorf("the same name again: %d", got.status)
	}
}

func TestSettings(t *testing.T) {
	const none = `{"version":0,"scrub":{"off":false,"remove":[],"keep":[],"drop_ip":false},"filters":{"localhost":false,"extensions":false,"crawlers":false,"messages":[]},"rules":"","alerts":{"created":true,"regressed":true,"frequency":{"events":0,"minutes":0},"mail":true,"webhook":true,"webhook_url":""},"auto_resolve_days":0,"editor":{"template":"","mappings":[]}}`
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/projects/3/settings", "", 200, none},
		{"POST", "/api/projects/3/settings", "", 200, none},
		{"POST", "/api/projects/3/settings", `{"scrub":{"remove":["a"],"drop_ip":true}}`, 200, `"scrub":{"off":false,"remove":["a"],"keep":[],"drop_ip":true}`},
		{"POST", "/api/projects/3/settings", `{"auto_resolve_days":"14"}`, 400, "auto_resolve_days must be a whole number"},
		{"POST", "/api/projects/3/settings", `{"auto_resolve_days":3651}`, 400, "auto_resolve_days is 3651, want 0 to 3650, 0 being never"},
		{"POST", "/api/projects/3/settings", `{"auto_resolve_days":14}`, 200, `"auto_resolve_days":14,`},
		{"POST", "/api/projects/3/settings", `{"scrub":{"remove":"a"}}`, 400, "scrub.remove must be an array of strings"},
		{"POST", "/api/projects/3/settings", `{"scrub":{"remove":["a",1]}}`, 400, "scrub.remove must be an array of strings"},
		{"POST", "/api/projects/3/settings", `{"scrub":{"remove":[""]}}`, 400, "scrub.remove has the name"},
		{"POST", "/api/projects/3/settings", `{"scrub":{"off":1}}`, 400, "scrub.off must be true or false"},
		{"POST", "/api/projects/3/settings", `{"scrub":[]}`, 400, "scrub must be an object"},
		{"POST", "/api/projects/3/settings", `{"scrub":{"x":1}}`, 400, `unknown field: \"scrub.x\"`},
		{"POST", "/api/projects/3/settings", `{"filters":{"localhost":true,"messages":["*x*"]}}`, 200, `"filters":{"localhost":true,"extensions":false,"crawlers":false,"messages":["*x*"]}`},
		{"POST", "/api/projects/3/settings", `{"editor":{"template":"https://git.example/{path}","mappings":[{"from":"/srv","to":"src"},{"from":"x"}]}}`, 200,
			`"editor":{"template":"https://git.example/{path}","mappings":[{"from":"/srv","to":"src"},{"from":"x","to":""}]}`},
		{"POST", "/api/projects/3/settings", `{"editor":{"template":"javascript:alert({path})"}}`, 400, "editor: the template begins with"},
		{"POST", "/api/projects/3/settings", `{"editor":{"template":1}}`, 400, "editor.template must be a string"},
		{"POST", "/api/projects/3/settings", `{"editor":{"mappings":{}}}`, 400, "editor.mappings must be an array"},
		{"POST", "/api/projects/3/settings", `{"editor":{"mappings":["a"]}}`, 400, "editor.mappings must be an object"},
		{"POST", "/api/projects/3/settings", `{"editor":{"mappings":[{"x":"a"}]}}`, 400, `unknown field: \"editor.mappings.x\"`},
		{"POST", "/api/projects/3/settings", `{"editor":{"x":1}}`, 400, `unknown field: \"editor.x\"`},
		{"POST", "/api/projects/3/settings", `{"editor":{"mappings":[{}` + strings.Repeat(",{}", 20) + `]}}`, 400, "editor: there are 21 mappings of paths, the limit is 20"},
		{"POST", "/api/projects/3/settings", `{"filters":{"crawlers":1}}`, 400, "filters.crawlers must be true or false"},
		{"POST", "/api/projects/3/settings", `{"filters":{"messages":["*"]}}`, 400, "which every event fits"},
		{"POST", "/api/projects/3/settings", `{"filters":{"web":true}}`, 400, `unknown field: \"filters.web\"`},
		{"POST", "/api/projects/3/settings", `{"rules":"type:A -> a\n"}`, 200, `"rules":"type:A -\u003e a\n"`},
		{"POST", "/api/projects/3/settings", `{"rules":"\n type:A ->"}`, 400, "rules, line 2, column 11: a part of the fingerprint is empty"},
		{"POST", "/api/projects/3/settings", `{"rules":[]}`, 400, "rules must be a string"},
		{"POST", "/api/projects/3/settings", `{"version":7}`, 409, "changed the settings"},
		{"POST", "/api/projects/3/settings", `{"version":"7"}`, 400, "version must be a whole number"},
		{"POST", "/api/projects/3/settings", `{"x":1}`, 400, `unknown field: \"x\"`},
		{"POST", "/api/projects/3/settings", `{"scrub":{"keep":["a"` + strings.Repeat(`,"a"`, 100) + `]}}`, 400, "scrub.keep has 101 names, the limit is 100"},
		{"GET", "/api/projects/4/settings", "", 404, ""},
		{"POST", "/api/projects/4/settings", "", 404, ""},
	} {
		got := ask(t, projectFake(), test.method, test.target, strings.NewReader(test.body))
		if got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.target, test.body, got.status, got.body, test.status, test.want)
		}
	}
}
