package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // the protocol's name of a piece
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// replay sends a request that was recorded from sentry-cli; only its token is ours.
func replay(t *testing.T, s *testService, path string) (int, map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "the-token", buildToken, 1))
	r.RemoteAddr = "192.0.2.1:1234"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Code, v
}

// What sentry-cli sends for "sourcemaps inject" and "sourcemaps upload --release
// 3.0.0" of a bundle that esbuild made, as it was recorded.
func TestSentryCLIUploads(t *testing.T) {
	for version, debugID := range map[string]string{"2.58.6": "47fde297-7091-51bd-8a02-4cd00c7305ee", "3.8.0": "9d3d4267-bde7-538a-94de-f7846c06f865"} {
		t.Run(version, func(t *testing.T) {
			s := newService(t, map[string]string{"UPLOAD_TOKEN": buildToken})
			path := func(name string) string { return filepath.Join("testdata", "sentry-cli", version, name) }
			code, v := replay(t, s, path("01-get-chunk-upload.http"))
			if code != 200 || v["url"] != "organizations/monlight/chunk-upload/" || v["hashAlgorithm"] != "sha1" || v["chunkSize"] != float64(8<<20) ||
				!strings.Contains(fmt.Sprint(v["accept"]), "artifact_bundles") || !strings.Contains(fmt.Sprint(v["accept"]), "release_files") {
				t.Errorf("options: %d %v", code, v)
			}
			code, v = replay(t, s, path("02-post-artifactbundle-assemble.http"))
			missing, _ := v["missingChunks"].([]any)
			if code != 200 || v["state"] != "not_found" || len(missing) != 1 {
				t.Fatalf("assemble before the chunks: %d %v", code, v)
			}
			if code, v = replay(t, s, path("03-post-chunk-upload.http")); code != 200 {
				t.Fatalf("chunks: %d %v", code, v)
			}
			// A client that had put the chunks before asks twice.
			for range 2 {
				if code, v = replay(t, s, path("04-post-artifactbundle-assemble.http")); code != 200 || v["state"] != "ok" || fmt.Sprint(v["missingChunks"]) != "[]" {
					t.Fatalf("assemble: %d %v", code, v)
				}
			}
			list := s.maps(t, "?project=shop&release=3.0.0&debug_id="+debugID)
			if len(list) != 1 || list[0].(map[string]any)["file_url"] != "~/static/app.min.js" || list[0].(map[string]any)["uploaded_by"] != "sentry-cli/"+version {
				t.Fatalf("maps: %v", s.maps(t, ""))
			}
			// The code is on the third line: inject put some before it.
			code, body, _ := ask(s, "POST", "/api/browser/batch?key="+shopKey, `{"v":1,"errors":[{"type":"TypeError","message":"m",
				"stack":"TypeError: m\n    at r (https://shop.example/static/app.min.js:3:36)","debug_ids":{"https://shop.example/static/app.min.js":"`+debugID+`"}}]}`)
			if code != 202 {
				t.Fatalf("%d %s", code, body)
			}
			eventually(t, "the event's arrival", func() bool { return s.upstream.event("m") != nil })
			if text, _ := s.upstream.event("m")["traceback"].(string); !strings.Contains(text, "app/price.ts:4:22)") {
				t.Errorf("the stack became %s", text)
			}
		})
	}
}

func sha1Of(b []byte) string {
	sum := sha1.Sum(b) //nolint:gosec // the protocol's name of a piece
	return hex.EncodeToString(sum[:])
}

// bundle is an artifact bundle with one map.
func bundle(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{
		"manifest.json": `{"files":{"m":{"type":"source_map","url":"~/static/app.min.js.map"}}}`, "m": text,
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSentryDoorsRefuseWithWords(t *testing.T) {
	s := newService(t, nil)
	const org = "/api/0/organizations/any"
	sha := strings.Repeat("0", 40)
	for name, test := range map[string]struct {
		target, body string
		status       int
		detail       string
	}{
		"checksum":        {org + "/artifactbundle/assemble/", `{"checksum":"../x","chunks":["` + sha + `"]}`, 400, `checksum is "../x", want the SHA-1`},
		"no chunks":       {org + "/artifactbundle/assemble/", `{"checksum":"` + sha + `","chunks":[]}`, 400, "0 chunks, want 1 to 32"},
		"chunks no array": {org + "/artifactbundle/assemble/", `{"checksum":"` + sha + `","chunks":7}`, 400, "0 chunks, want 1 to 32"},
		"no json":         {org + "/artifactbundle/assemble/", `x`, 400, "Invalid JSON"},
		"no form":         {org + "/chunk-upload/", `x`, 400, "Request body is not a form"},
		"no version":      {org + "/releases/", `{}`, 400, "version has 0 bytes, want 1 to 200"},
	} {
		code, v := s.upload(t, "POST", test.target, test.body)
		if got, _ := v["detail"].(string); code != test.status || !strings.HasPrefix(got, test.detail) {
			t.Errorf("%s: %d %q, want %d %q", name, code, got, test.status, test.detail)
		}
	}
	put := func(field, name, content string) (int, map[string]any) {
		body := "--b\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n--b--\r\n"
		return s.upload(t, "POST", org+"/chunk-upload/", body, "Content-Type", "multipart/form-data; boundary=b")
	}
	for name, test := range map[string][4]string{
		"a path as name": {"file", "../../x", "content", "its name must be the SHA-1"},
		"another SHA-1":  {"file", sha, "content", "has another SHA-1"},
		"no gzip":        {"file_gzip", sha, "content", "is not gzip"},
		"gzip, cut":      {"file_gzip", sha, packed("content")[:20], "is damaged"},
	} {
		code, v := put(test[0], test[1], test[2])
		if got, _ := v["detail"].(string); code != 400 || !strings.Contains(got, test[3]) {
			t.Errorf("%s: %d %q, want 400 %q", name, code, got, test[3])
		}
	}
	// What is wrong with a bundle is told in the answer that clients show.
	bad := bundle(t, `{"version":3,"sources":[],"mappings":"!"}`)
	code, v := put("file", sha1Of(bad), string(bad))
	if code != 200 {
		t.Fatalf("%d %v", code, v)
	}
	request := `{"checksum":"` + sha1Of(bad) + `","chunks":["` + sha1Of(bad) + `"],"projects":["shop"],"version":"1"}`
	if code, v := s.upload(t, "POST", org+"/artifactbundle/assemble/", request); code != 200 || v["state"] != "error" || v["detail"] != "m: mappings of generated line 1: '!' is no digit of base64" {
		t.Errorf("%d %v", code, v)
	}
	if code, v := s.upload(t, "POST", org+"/artifactbundle/assemble/", request); code != 200 || v["state"] != "not_found" {
		t.Errorf("the pieces of a bad bundle are kept: %d %v", code, v)
	}
}

// The other paths that sentry-cli asks for around an upload.
func TestReleasesAreAnswered(t *testing.T) {
	s := newService(t, map[string]string{"DSN_KEYS": "My Shop:" + shopKey})
	good := bundle(t, appMap)
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + sha1Of(good) + "\"\r\n\r\n" + string(good) + "\r\n--b--\r\n"
	if code, v := s.upload(t, "POST", "/api/0/organizations/o/chunk-upload/", body, "Content-Type", "multipart/form-data; boundary=b"); code != 200 {
		t.Fatalf("%d %v", code, v)
	}
	// A slug stands for the project whose name it is made of.
	if code, v := s.upload(t, "POST", "/api/0/projects/o/my-shop/artifact-bundle/assemble", `{"checksum":"`+sha1Of(good)+`","chunks":["`+sha1Of(good)+`"],"version":"app@1.0/2"}`); code != 200 || v["state"] != "ok" {
		t.Fatalf("%d %v", code, v)
	}
	if list := s.maps(t, "?project=My+Shop"); len(list) != 1 {
		t.Fatalf("%v", s.maps(t, ""))
	}
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/0/", "", 200, `"scopes"`},
		{"GET", "/api/0/organizations/", "", 200, `"slug":"monlight"`},
		{"GET", "/api/0/organizations/o/projects/", "", 200, `"name":"My Shop","slug":"my-shop"`},
		{"GET", "/api/0/organizations/o/region/", "", 200, `"url":"http://example.com"`},
		{"POST", "/api/0/organizations/o/releases/", `{"version":"2","projects":["my-shop"]}`, 201, `"version":"2"`},
		{"POST", "/api/0/projects/o/my-shop/releases/", `{"version":"2"}`, 201, `"version":"2"`},
		{"PUT", "/api/0/organizations/o/releases/2/", `{"dateReleased":"2026-01-01T00:00:00Z"}`, 200, `"version":"2"`},
		{"GET", "/api/0/organizations/o/releases/", "", 200, `"version":"app@1.0/2"`},
		{"GET", "/api/0/projects/o/my-shop/releases/app@1.0%2F2/files/", "", 200, `"name":"~/static/app.min.js.map"`},
		{"GET", "/api/0/projects/o/my-shop/", "", 200, `"slug":"my-shop"`},
		{"POST", "/api/0/organizations/o/releases/2/deploys/", `{"environment":"prod"}`, 201, `"environment":"prod"`},
	} {
		code, text, _ := ask(s, test.method, test.target, test.body, "Authorization", "Bearer "+testKey)
		if code != test.status || !strings.Contains(text, test.want) {
			t.Errorf("%s %s: %d %s, want %d with %s", test.method, test.target, code, text, test.status, test.want)
		}
	}
}
