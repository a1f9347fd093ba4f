package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// service under test with a project for SDKs.
type sdkService struct {
	t       *testing.T
	handler http.Handler
	project string
	id      int64  // of the project
	key     string // of the project
}

func newSDKService(t *testing.T) *sdkService {
	t.Helper()
	o := assembled(t, map[string]string{"RATE_LIMIT": "1000000"})
	s := &sdkService{t: t, handler: o.Handler}
	return s.in("samples")
}

// in is the same service with another project, which it makes.
func (s *sdkService) in(project string) *sdkService {
	s.t.Helper()
	status, body := s.do(http.MethodPost, "/api/projects", fmt.Sprintf(`{"name":%q}`, project))
	var p struct {
		ID   int64
		Keys []struct {
			PublicKey string `json:"public_key"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(body), &p); status != http.StatusCreated || err != nil || len(p.Keys) != 1 {
		s.t.Fatalf("new project: %d %s", status, body)
	}
	return &sdkService{s.t, s.handler, project, p.ID, p.Keys[0].PublicKey}
}

func (s *sdkService) do(method, path, body string) (status int, answer string) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	r.Header.Set("X-Api-Key", testKey)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// post sends an envelope or an event and returns the ID in the answer.
func (s *sdkService) post(door, body string) string {
	s.t.Helper()
	status, answer := s.do(http.MethodPost, fmt.Sprintf("/api/%d/%s/?sentry_key=%s", s.id, door, s.key), body)
	var a struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(answer), &a); status != http.StatusOK || err != nil {
		s.t.Fatalf("%s: %d %s for %.200s", door, status, answer, body)
	}
	return a.ID
}

// newest returns the number of the issue that an event last came to, and that
// event as the API gives it.
func (s *sdkService) newest() (issue int64, occurrence string) {
	s.t.Helper()
	_, body := s.do(http.MethodGet, "/api/errors?limit=1&project="+s.project, "")
	var list struct {
		Errors []struct {
			ID int64 `json:"id"`
		} `json:"errors"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Errors) != 1 {
		s.t.Fatalf("list: %s", body)
	}
	issue = list.Errors[0].ID
	status, body := s.do(http.MethodGet, fmt.Sprintf("/api/errors/%d/occurrences/latest", issue), "")
	if status != http.StatusOK {
		s.t.Fatalf("occurrence: %d %s", status, body)
	}
	return issue, body
}

// notShown are members of samples that are nobody's fact about the error: the
// shape of the protocol, times (which are shown in a form of their own) and notes
// of which the page tells the meaning.
var notShown = regexp.MustCompile(`^(\.timestamp|\.breadcrumbs.*\.(timestamp|type)|\.transaction_info\.source|\._meta\..*|\.exception.*\.mechanism\.type|\.debug_meta.*)$`)

// Everything that SDKs sent in the samples is in the API and on the page, and
// comes to the same by both doors.
func TestSamplesAreShownInFull(t *testing.T) {
	files, err := filepath.Glob("testdata/sentry-events/*/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	var wait sync.WaitGroup
	turns := make(chan struct{}, 8)
	all := newSDKService(t)
	for n, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		turns <- struct{}{}
		s := all.in(fmt.Sprintf("p%d", n))
		wait.Go(func() {
			defer func() { <-turns }()
			s.sample(filepath.Base(file), text)
		})
	}
	wait.Wait()
}

// sample sends one by both doors and compares what there is of it then.
func (s *sdkService) sample(name string, text []byte) {
	t := s.t
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	var sent map[string]any
	d := json.NewDecoder(bytes.NewReader(line.Bytes()))
	d.UseNumber()
	if err := d.Decode(&sent); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	s.post("store", line.String())
	issue, occurrence := s.newest()
	status, page := s.do(http.MethodGet, fmt.Sprintf("/errors/%d", issue), "")
	if status != http.StatusOK {
		t.Errorf("%s: its page is %d", name, status)
	}
	var stored any
	d = json.NewDecoder(strings.NewReader(occurrence))
	d.UseNumber()
	if err := d.Decode(&stored); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	inAPI, onPage := "", visible(page)
	leaves("", stored, func(_, text string) { inAPI += squeeze(text) + "\n" })
	leaves("", sent, func(path, text string) {
		if notShown.MatchString(path) || text == "{{auto}}" || path == ".request.headers.X-Sentry-Auth" { // this one is a secret
			return
		}
		if text = squeeze(text); !strings.Contains(inAPI, text) {
			t.Errorf("%s: %s %.80q is not in the API", name, path, text)
		} else if !strings.Contains(onPage, text) {
			t.Errorf("%s: %s %.80q is not on the page", name, path, text)
		}
	})
	if hasFrames(sent) && !strings.Contains(page, `class="frame`) {
		t.Errorf("%s: no frame is shown", name)
	}

	// By the other door it is the same event again, and another one is one more
	// of the same issue.
	id, _ := sent["event_id"].(string)
	if got := s.post("envelope", "{}\n{\"type\":\"event\"}\n"+line.String()); id != "" && got != strings.ReplaceAll(id, "-", "") {
		t.Errorf("%s: its ID is %s, sent was %s", name, got, id)
	}
	s.post("envelope", fmt.Sprintf("{\"event_id\":\"%032x\"}\n{\"type\":\"event\"}\n", s.id)+line.String())
	_, list := s.do(http.MethodGet, "/api/errors?project="+s.project, "")
	count := 2
	if id == "" {
		count = 3
	}
	if !strings.Contains(list, `"total":1,`) || !strings.Contains(list, fmt.Sprintf(`"count":%d,`, count)) {
		t.Errorf("%s: the list after three sendings: %.600s", name, list)
	}
}

func TestAttachmentsAreShownAndGivenOut(t *testing.T) {
	s := newSDKService(t)
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 50)
	item := func(head, body string) string { return fmt.Sprintf("{%s,\"length\":%d}\n%s\n", head, len(body), body) }
	s.post("envelope", "{}\n"+item(`"type":"event"`, `{"message":"with files"}`)+
		item(`"type":"attachment","filename":"../page <1>.html","content_type":"text/html"`, "<script>alert(1)</script>")+
		item(`"type":"attachment","filename":"shot.png"`, png)+
		item(`"type":"attachment","filename":"core.bin"`, "\x7fELF\x00\x01"))
	issue, occurrence := s.newest()
	if !strings.Contains(occurrence, `{"filename":"shot.png","content_type":"image/png","size":58}`) || !strings.Contains(occurrence, "core.bin") {
		t.Errorf("the occurrence: %s", occurrence)
	}
	_, page := s.do(http.MethodGet, fmt.Sprintf("/errors/%d", issue), "")
	links := regexp.MustCompile(`/errors/\d+/events/\d+/files/(\d)" target`).FindAllStringSubmatch(page, -1)
	if len(links) != 2 || !strings.Contains(page, "<img src") || !strings.Contains(page, "core.bin") || !strings.Contains(page, "not kept") {
		t.Fatalf("links %v on %s", links, page)
	}
	for n, want := range map[int]struct{ kind, body string }{0: {"text/plain; charset=utf-8", "<script>alert(1)</script>"}, 1: {"image/png", png}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(links[n][0], `" target`), nil)
		r.Header.Set("X-Api-Key", testKey)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		h := w.Header()
		if w.Code != http.StatusOK || w.Body.String() != want.body || h.Get("Content-Type") != want.kind || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || strings.ContainsAny(h.Get("Content-Disposition"), "/<>") {
			t.Errorf("file %d: %d %v %q", n, w.Code, h, w.Body)
		}
	}
	for path, status := range map[string]int{
		fmt.Sprintf("/api/errors/%d/occurrences/latest/attachments/1", issue): http.StatusOK,
		fmt.Sprintf("/api/errors/%d/occurrences/latest/attachments/2", issue): http.StatusNotFound,
		fmt.Sprintf("/api/errors/%d/occurrences/latest/attachments/9", issue): http.StatusNotFound,
		fmt.Sprintf("/api/errors/%d/occurrences/latest/attachments/x", issue): http.StatusNotFound,
		fmt.Sprintf("/errors/%d/events/1/files/2", issue):                     http.StatusNotFound,
	} {
		if got, body := s.do(http.MethodGet, path, ""); got != status {
			t.Errorf("%s: %d %s, want %d", path, got, body, status)
		}
	}
}

func hasFrames(sent map[string]any) (yes bool) {
	leaves("", sent, func(path, _ string) {
		yes = yes || strings.Contains(path, "frames[]") && strings.HasPrefix(path, ".exception")
	})
	return yes
}

var (
	titles = regexp.MustCompile(`<[^>]* title="([^"]*)"[^>]*>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
)

// visible is the text of a page, with that of its tooltips.
func visible(page string) string {
	return squeeze(html.UnescapeString(tags.ReplaceAllString(titles.ReplaceAllString(page, " $1 "), "")))
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// leaves calls f for each text and number in a JSON value.
func leaves(path string, v any, f func(path, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			leaves(path+"."+k, x, f)
		}
	case []any:
		for _, x := range v {
			leaves(path+"[]", x, f)
		}
	case string:
		if strings.TrimSpace(v) != "" {
			f(path, v)
		}
	case json.Number:
		f(path, v.String())
	}
}
