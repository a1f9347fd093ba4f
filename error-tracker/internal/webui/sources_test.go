package webui

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// What browser-relay noted about a stack is shown with it, and not twice.
func TestIssueTellsWhyThereAreNoSources(t *testing.T) {
	const why = `{"calls":4,"mapped":1,"maps":[{"file":"/a.js"}],"not_mapped":[
		{"file":"/static/<b>.min.js","at":"/static/<b>.min.js:1:36","calls":1,"reason":"no_map","text":"release \"1.0.0\" has no source maps"},
		{"calls":2,"reason":"no_place","text":"native code of the browser"}]}`
	tests := map[string]struct {
		extra         string
		wanted, never []string
	}{
		"some are missing": {
			`{"cart":3,"source_maps":` + why + `,"raw_stack":"E: m\n    at a (https://h/a.js:1:1)"}`,
			[]string{"Why not the sources?", "3 of 4 calls", "/static/&lt;b&gt;.min.js:1:36", "release &#34;1.0.0&#34; has no source maps", "native code of the browser", "As the browser sent it", "https://h/a.js:1:1", ">cart<"},
			[]string{"<b>.min", "not_mapped", "raw_stack"},
		},
		"nothing to be done": {
			`{"source_maps":{"calls":2,"mapped":0,"not_mapped":[{"calls":2,"reason":"no_place","text":"native code of the browser"}]}}`,
			[]string{"Without sources", "2 of 2 calls", "native code of the browser"},
			[]string{"Why not the sources?", "not_mapped", `id="extra"`, "As the browser sent it"},
		},
		"all are there": {
			`{"source_maps":{"calls":2,"mapped":2},"raw_stack":"E: m"}`,
			[]string{"As the browser sent it"}, []string{"Why not the sources?", "Without sources", "source_maps"},
		},
		"a program's own": {
			`{"source_maps":{"calls":"many"},"raw_stack":["x"]}`,
			[]string{"source_maps", "raw_stack", "many"}, []string{"Why not the sources?", "As the browser sent it"},
		},
	}
	for name, test := range tests {
		f := sample(1)
		for i := range f.events[1] {
			f.events[1][i].Event.Extra = json.RawMessage(test.extra)
		}
		body := newSite(t, f).get("/errors/1", http.StatusOK)
		for _, w := range test.wanted {
			if !strings.Contains(body, w) {
				t.Errorf("%s: the page has no %s", name, w)
			}
		}
		for _, n := range test.never {
			if strings.Contains(body, n) {
				t.Errorf("%s: the page has %s", name, n)
			}
		}
	}
}
