package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// appMap maps the first column of the first line to src/app.ts:1:1, handleClick.
const appMap = `{"version":3,"sources":["src/app.ts"],"sourcesContent":["the first line"],"names":["handleClick"],"mappings":"AAAAA"}`

const buildToken = "a3d5c7e9f1b2046880aaccee13579bdf"

// upload sends a request for builds and returns the answer.
func (s *testService) upload(t *testing.T, method, target, body string, headers ...string) (int, map[string]any) {
	t.Helper()
	code, text, _ := ask(s, method, target, body, append([]string{"X-API-Key", testKey}, headers...)...)
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s %s: %d %s", method, target, code, text)
	}
	return code, v
}

// maps returns the uploaded maps as the API lists them.
func (s *testService) maps(t *testing.T, query string) []any {
	t.Helper()
	_, v := s.upload(t, "GET", "/api/source-maps"+query, "")
	list, ok := v["source_maps"].([]any)
	if !ok || v["total"] != float64(len(list)) {
		t.Fatalf("%v", v)
	}
	return list
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// form is a multipart body of fields, names and values in turn; the name "map"
// is a file.
func form(fields ...string) (body, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "map" {
			part, _ := w.CreateFormFile("map", "app.min.js.map")
			_, _ = part.Write([]byte(fields[i+1]))
			continue
		}
		_ = w.WriteField(fields[i], fields[i+1])
	}
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// A map comes in five ways, and is found by all of them.
func TestMapsAreUploaded(t *testing.T) {
	const id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
	inForm, formType := form("map", appMap, "project", "shop", "release", "1.0.0", "file_url", "/static/app.min.js")
	onlyFile, onlyFileType := form("project", "shop", "release", "1.0.0", "map", appMap)
	for name, test := range map[string]struct {
		method, target, body string
		headers              []string
		fileURL, debugID     string
	}{
		"json": {"POST", "/api/source-maps", `{"project":"shop","release":"1.0.0","file_url":"/static/app.min.js","map_content":` + quoted(appMap) + `}`, nil, "/static/app.min.js", ""},
		"json, map first": {"POST", "/api/sourcemaps", `{"map_content":` + appMap + `,"file_url":"https://h/static/app.min.js?v=1","x":[1],"release":"1.0.0","project":"shop"}`,
			[]string{"Content-Type", "application/json"}, "https://h/static/app.min.js?v=1", ""},
		"form":           {"POST", "/api/source-maps", inForm, []string{"Content-Type", formType}, "/static/app.min.js", ""},
		"form, its name": {"POST", "/api/source-maps", onlyFile, []string{"Content-Type", onlyFileType}, "app.min.js.map", ""},
		"raw": {"POST", "/api/source-maps?project=shop&release=1.0.0&file_url=~/static/app.min.js", ")]}'\n" + appMap,
			[]string{"Content-Type", "application/octet-stream"}, "~/static/app.min.js", ""},
		"raw, gzip":                 {"POST", "/api/source-maps?project=shop&release=1.0.0&file_url=/static/app.min.js", packed(appMap), []string{"Content-Encoding", "gzip"}, "/static/app.min.js", ""},
		"put":                       {"PUT", "/api/source-maps/" + strings.ToUpper(id) + "?project=shop", appMap, nil, "", id},
		"put, its id is in the map": {"POST", "/api/source-maps?project=shop", strings.Replace(appMap, "{", `{"debugId":"`+id+`",`, 1), nil, "", id},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, nil)
			code, v := s.upload(t, test.method, test.target, test.body, test.headers...)
			if code != 201 || v["status"] != "uploaded" || v["project"] != "shop" || v["file_url"] != test.fileURL || v["debug_id"] != test.debugID || v["sources"] != 1.0 {
				t.Fatalf("%d %v", code, v)
			}
			if list := s.maps(t, "?project=shop"); len(list) != 1 || list[0].(map[string]any)["id"] != v["id"] {
				t.Errorf("listed: %v", list)
			}
			event := `{"type":"E","message":"m","stack":"E: m\n    at a (https://cdn.example/static/app.min.js?v=2:1:1)","release":"1.0.0"}`
			if test.debugID != "" {
				batch := `{"v":1,"errors":[` + strings.TrimSuffix(event, "}") + `,"debug_ids":{"https://cdn.example/static/app.min.js?v=2":"` + id + `"}}]}`
				if code, body, _ := ask(s, "POST", "/api/browser/batch?key="+shopKey, batch); code != 202 {
					t.Fatalf("%d %s", code, body)
				}
			} else if code, body, _ := ask(s, "POST", door, event); code != 201 {
				t.Fatalf("%d %s", code, body)
			}
			eventually(t, "the event's arrival", func() bool { return s.upstream.event("m") != nil })
			e := s.upstream.event("m")
			if e["traceback"] != "E: m\n    at handleClick (src/app.ts:1:1)" || !strings.Contains(fmt.Sprint(e["extra"]), "raw_stack:E: m\n    at a (https://cdn") {
				t.Errorf("the tracker got %v", e)
			}
			if frames := fmt.Sprint(e["exceptions"]); !strings.Contains(frames, "context_line:the first line") {
				t.Errorf("no source in the frames: %s", frames)
			}
		})
	}
}

// The same file of the same release is replaced, with a new id.
func TestMapsReplaceEachOther(t *testing.T) {
	s := newService(t, nil)
	target := "/api/source-maps?project=shop&release=1.0.0&file_url=/static/app.min.js"
	_, first := s.upload(t, "POST", target, appMap)
	code, second := s.upload(t, "POST", target, strings.Replace(appMap, "src/app.ts", "src/new.ts", 1))
	if list := s.maps(t, ""); code != 201 || len(list) != 1 || list[0].(map[string]any)["id"] != second["id"] || first["id"] == second["id"] {
		t.Errorf("%v, then %v, listed %v", first["id"], second["id"], list)
	}
	if code, v := s.upload(t, "DELETE", fmt.Sprintf("/api/source-maps/%v", second["id"]), ""); code != 200 || v["status"] != "deleted" || len(s.maps(t, "")) != 0 {
		t.Errorf("%d %v", code, v)
	}
}

func TestBadUploadsAreRefusedWithWords(t *testing.T) {
	s := newService(t, map[string]string{"SOURCE_MAP_MAX_BYTES": "64KB"})
	long := func(n int) string { return strings.Repeat("x", n) }
	asJSON := func(member, value string) string {
		m := map[string]string{"project": `"shop"`, "release": `"1.0.0"`, "file_url": `"/a.js"`, "map_content": quoted(appMap)}
		m[member] = value
		var parts []string
		for k, v := range m {
			if v != "" {
				parts = append(parts, quoted(k)+":"+v)
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	noMap, noMapType := form("project", "shop", "release", "1", "file_url", "/a.js")
	twoMaps, twoMapsType := form("map", appMap, "map", appMap, "project", "shop", "release", "1")
	const raw = "/api/source-maps?project=shop&release=1&file_url=/a.js"
	tests := map[string]struct {
		target, body, contentType string
		status                    int
		detail                    string
	}{
		"empty":               {"/api/source-maps", "", "", 400, "Request body is empty"},
		"not json":            {"/api/source-maps", "x", "", 400, "Invalid JSON"},
		"not an object":       {"/api/source-maps", "[]", "", 400, "Request body must be a JSON object"},
		"no project":          {"/api/source-maps", asJSON("project", ""), "", 400, "Missing required field: project"},
		"project empty":       {"/api/source-maps", asJSON("project", `""`), "", 400, "Missing required field: project"},
		"project no text":     {"/api/source-maps", asJSON("project", "7"), "", 400, "Missing required field: project"},
		"project too long":    {"/api/source-maps", asJSON("project", quoted(long(101))), "", 400, "project has 101 bytes, the limit is 100"},
		"no release":          {"/api/source-maps", asJSON("release", ""), "", 400, "Missing required field: release"},
		"release too long":    {"/api/source-maps", asJSON("release", quoted(long(101))), "", 400, "release has 101 bytes, the limit is 100"},
		"no file_url":         {"/api/source-maps", asJSON("file_url", ""), "", 400, "Missing required field: file_url"},
		"file_url too long":   {"/api/source-maps", asJSON("file_url", quoted(long(501))), "", 400, "file_url has 501 bytes, the limit is 500"},
		"no map":              {"/api/source-maps", asJSON("map_content", ""), "", 400, "Missing required field: map_content"},
		"map no text":         {"/api/source-maps", asJSON("map_content", "7"), "", 400, "Missing required field: map_content"},
		"map no json":         {"/api/source-maps", asJSON("map_content", `"x"`), "", 400, "Invalid source map format: "},
		"map without version": {"/api/source-maps", asJSON("map_content", quoted(`{"sources":[],"mappings":""}`)), "", 400, "Invalid source map format"},
		"map of version text": {"/api/source-maps", asJSON("map_content", quoted(`{"version":"3","sources":[],"mappings":""}`)), "", 400, "Invalid source map format"},
		"map without sources": {"/api/source-maps", asJSON("map_content", quoted(`{"version":3,"mappings":""}`)), "", 400, "Invalid source map format"},
		"map, no mappings":    {"/api/source-maps", asJSON("map_content", quoted(`{"version":3,"sources":[]}`)), "", 400, "Invalid source map format"},
		"map is an array":     {"/api/source-maps", asJSON("map_content", quoted(`[]`)), "", 400, "Invalid source map format"},
		"debug_id":            {"/api/source-maps", asJSON("debug_id", `"x"`), "", 400, `debug_id is "x", want a UUID`},
		"raw, no map":         {raw, "hello", "", 400, ""},
		"raw, of nothing":     {"/api/source-maps?project=shop", appMap, "", 400, "Missing required field: release"},
		"raw, too large":      {raw, `{"version":3,"x":"` + long(64<<10) + `"}`, "", 413, "The source map has more than 65536 bytes"},
		"form without map":    {"/api/source-maps", noMap, noMapType, 400, "Missing required field: map_content"},
		"form, two maps":      {"/api/source-maps", twoMaps, twoMapsType, 400, "the source map is there twice"},
		"form, no form":       {"/api/source-maps", "hello", "multipart/form-data; boundary=b", 400, "Missing required field: project"},
		"form, cut":           {"/api/source-maps", noMap[:len(noMap)-20], noMapType, 400, "Request body is not a valid form"},
		"json far too large":  {"/api/source-maps", `{"x":"` + long(2<<20) + `"}`, "", 413, ""},
	}
	for name, test := range tests {
		code, v := s.upload(t, "POST", test.target, test.body, "Content-Type", test.contentType)
		if got, _ := v["detail"].(string); code != test.status || !strings.HasPrefix(got, test.detail) || got == "" {
			t.Errorf("%s: %d %q, want %d %q", name, code, got, test.status, test.detail)
		}
	}
	if list := s.maps(t, ""); len(list) != 0 {
		t.Errorf("%d maps were kept", len(list))
	}
	if code, v := s.upload(t, "PUT", "/api/source-maps/nothing?project=shop", appMap); code != 400 {
		t.Errorf("a debug ID that is none: %d %v", code, v)
	}
}

// The token for builds opens what they need, in either header.
func TestBuildsHaveATokenOfTheirOwn(t *testing.T) {
	s := newService(t, map[string]string{"UPLOAD_TOKEN": buildToken})
	target := "/api/source-maps?project=shop&release=1.0.0&file_url=/static/app.min.js"
	for name, test := range map[string]struct {
		method, target, body string
		headers              []string
		status               int
	}{
		"token as key":        {"POST", target, appMap, []string{"X-API-Key", buildToken}, 201},
		"token as bearer":     {"POST", target, appMap, []string{"Authorization", "Bearer " + buildToken}, 201},
		"the key as bearer":   {"POST", target, appMap, []string{"Authorization", "Bearer " + testKey}, 201},
		"the key":             {"POST", target, appMap, []string{"X-API-Key", testKey}, 201},
		"another":             {"POST", target, appMap, []string{"X-API-Key", buildToken[1:]}, 401},
		"a DSN key":           {"POST", target, appMap, []string{"Authorization", "Bearer " + shopKey}, 401},
		"none":                {"POST", target, appMap, nil, 401},
		"keys, by the token":  {"GET", "/api/dsn-keys", "", []string{"X-API-Key", buildToken}, 401},
		"maps, by the token":  {"GET", "/api/source-maps", "", []string{"X-API-Key", buildToken}, 401},
		"delete by the token": {"DELETE", "/api/source-maps/1", "", []string{"X-API-Key", buildToken}, 401},
		"sentry-cli":          {"GET", "/api/0/", "", []string{"Authorization", "Bearer " + buildToken}, 200},
		"another method":      {"DELETE", "/api/0/organizations/a/releases/1/", "", []string{"Authorization", "Bearer " + buildToken}, 405},
	} {
		if code, body, _ := ask(s, test.method, test.target, test.body, test.headers...); code != test.status {
			t.Errorf("%s: %d %s, want %d", name, code, body, test.status)
		}
	}
}

// A map that is larger than all buffers on its way comes in as a string of JSON too; the
// end-to-end tests take one of 38 MB, within little memory.
func TestLargeMap(t *testing.T) {
	s := newService(t, nil)
	var b strings.Builder
	b.WriteString(`{"version":3,"sources":[`)
	for i := range 60 {
		b.WriteString(strings.Repeat(",", min(i, 1)) + strconv.Quote(fmt.Sprintf("src/%d.ts", i)))
	}
	b.WriteString(`],"sourcesContent":[`)
	for i := range 60 {
		b.WriteString(strings.Repeat(",", min(i, 1)) + quoted(strings.Repeat(fmt.Sprintf("line of file %d\n", i), 3_000)))
	}
	b.WriteString(`],"mappings":"AAAA` + strings.Repeat(",CAAC", 30_000) + `"}`)
	code, v := s.upload(t, "POST", "/api/source-maps", `{"project":"shop","release":"1","file_url":"/big.js","map_content":`+quoted(b.String())+`}`)
	if code != http.StatusCreated || v["bytes"] != float64(b.Len()) || v["segments"] != 30_001.0 || b.Len() < 3<<20 {
		t.Errorf("%d bytes: %d %v", b.Len(), code, v)
	}
}
