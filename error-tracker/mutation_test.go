package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
)

// shapes are what a member may be in place of what it should be.
var shapes = []string{
	`null`, `true`, `0`, `-1.5e300`, `""`, `"text"`, `"\u0000\ud800 \uffff"`, `[]`, `{}`, `[[]]`, `[null,1,"x",{},[[]]]`, `{"values":null}`, `{"values":{}}`,
	`{"values":[null,[],7,{"a":{"b":[]}}]}`, `{"":{"":{"len":{}}}}`, `[["a","b"],["c"],[1,2,3],"d"]`, `18446744073709551616`, `"2026-13-45T99:99:99Z"`,
}

// place is a member of a sample.
type place struct {
	sample any
	path   []any // names and numbers
}

// places are all members of all samples, one of each kind.
func places(t *testing.T) map[string]place {
	t.Helper()
	files, err := filepath.Glob("testdata/sentry-events/*/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	found := map[string]place{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sample any
		if err := json.Unmarshal(data, &sample); err != nil {
			t.Fatal(err)
		}
		var walk func(v any, name string, path []any)
		walk = func(v any, name string, path []any) {
			if name != "" {
				if _, known := found[name]; !known {
					found[name] = place{sample, append([]any{}, path...)}
				}
			}
			switch v := v.(type) {
			case map[string]any:
				for k, x := range v {
					kind := k
					for _, free := range []string{".extra", ".contexts.", ".modules", ".vars", ".headers", ".data", ".env", ".cookies", "_meta", ".tags"} {
						if strings.Contains(name+".", free+".") || strings.HasSuffix(name, strings.TrimSuffix(free, ".")) {
							kind = "*" // names that the program chose
						}
					}
					walk(x, name+"."+kind, append(path, k))
				}
			case []any:
				for i, x := range v {
					walk(x, name+"[]", append(path, i))
				}
			}
		}
		walk(sample, "", nil)
	}
	return found
}

// with returns the sample with another value at the place.
func (p place) with(value string) string {
	var set func(v any, path []any) any
	set = func(v any, path []any) any {
		if len(path) == 0 {
			return json.RawMessage(value)
		}
		switch v := v.(type) {
		case map[string]any:
			changed := make(map[string]any, len(v))
			for k, x := range v {
				changed[k] = x
			}
			name, _ := path[0].(string)
			changed[name] = set(v[name], path[1:])
			return changed
		case []any:
			changed := append([]any{}, v...)
			i, _ := path[0].(int)
			changed[i] = set(v[i], path[1:])
			return changed
		}
		return v
	}
	text, err := json.Marshal(set(p.sample, p.path))
	if err != nil {
		panic(err) // the samples and shapes are JSON
	}
	return string(text)
}

// Whatever shape a member has, the event is stored and can be shown.
func TestNoShapeOfAMemberLosesAnEvent(t *testing.T) {
	s := newSDKService(t)
	all := places(t)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	t.Logf("%d kinds of members", len(names))
	var wait sync.WaitGroup
	turns := make(chan struct{}, 32)
	sent := 0
	for _, name := range names {
		for _, shape := range shapes {
			sent++
			id := fmt.Sprintf("%032x", sent)
			body := fmt.Sprintf("{\"event_id\":%q}\n{\"type\":\"event\"}\n%s", id, all[name].with(shape))
			turns <- struct{}{}
			wait.Go(func() {
				defer func() { <-turns }()
				status, answer := s.do(http.MethodPost, "/api/1/envelope/?sentry_key="+s.key, body)
				if status != http.StatusOK || !strings.Contains(answer, id) {
					t.Errorf("%s as %s: %d %s", name, shape, status, answer)
				}
			})
		}
	}
	wait.Wait()
	var stats struct{ Events, Errors int }
	_, body := s.do(http.MethodGet, "/api/stats", "")
	if err := json.Unmarshal([]byte(body), &stats); err != nil || stats.Events != sent {
		t.Errorf("%d events were sent, %d are there (%v): %s", sent, stats.Events, err, body)
	}
	t.Logf("%d events in %d issues", sent, stats.Errors)
	for id := 1; id <= stats.Errors; id++ {
		for _, path := range []string{"/errors/%d", "/errors/%d.md", "/api/errors/%d", "/api/errors/%d/occurrences/latest"} {
			if status, body := s.do(http.MethodGet, fmt.Sprintf(path, id), ""); status != http.StatusOK {
				t.Errorf("GET "+path+": %d %.300s", id, status, body)
			}
		}
	}
}
