package webui

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

func sampleReleases() []tracker.Release {
	return []tracker.Release{
		{ID: 8, ProjectID: 1, Project: "shop", Name: `2.0"<b>`, Seen: noon.Add(-time.Hour), Events: 1234, Issues: 2, New: 1, Adoption: 0.25,
			Sessions: tracker.Sessions{Total: 1000, Crashed: 1}, Deploys: []tracker.Deploy{{ReleaseID: 8, Environment: "prod", At: noon.Add(-time.Hour), Name: "run 7", URL: "https://ci.example.com/7"}}},
		{ID: 7, ProjectID: 1, Project: "shop", Name: "1.9", Seen: noon.Add(-50 * time.Hour), Regressed: 3, Adoption: -1, Sessions: tracker.Sessions{Total: 100, Crashed: 20}},
		{ID: 6, ProjectID: 1, Project: "shop", Name: "1.8", Seen: noon.Add(-90 * time.Hour), Adoption: -1},
	}
}

func TestReleases(t *testing.T) {
	f := sample(3)
	f.releases = sampleReleases()
	f.projects = []tracker.Project{{ID: 1, Name: "shop", Issues: 2}, {ID: 2, Name: "blog"}}
	s := newSite(t, f)
	page := s.get("/releases", 200)
	wants(t, page, "2.0&#34;&lt;b&gt;", `href="/releases/8"`, ">99.9 %<", ">25.0 %<", "prod <time", "80.0 %", `class="num bad"`,
		`href="/?project=shop&amp;search=first_release%3A%222.0%5C%22%3Cb%3E%22&amp;state=all"`, `href="/?project=shop&amp;search=regressed_release%3A%221.9%22&amp;state=all"`, ">–<")
	if strings.Index(page, "/releases/8") > strings.Index(page, "/releases/7") {
		t.Error("the newest release is not the first one")
	}
	wants(t, newSite(t, sample(0)).get("/releases", 200), "No release yet", "http://example.com/api/deploys")
	s.get("/releases?project=x", 404)
	s.get("/releases/99", 404)
}

func TestReleasePage(t *testing.T) {
	f := sample(3)
	f.releases = sampleReleases()
	f.marks = []tracker.Deploy{{ReleaseID: 8, Release: "2.0", Environment: "prod", At: noon.Add(-time.Hour)}, {ReleaseID: 7, Release: "1.9", At: noon.Add(-50 * time.Hour)}}
	s := newSite(t, f)
	page := s.get("/releases/8", 200)
	wants(t, page, "<h1 dir=\"auto\">2.0&#34;&lt;b&gt;</h1>", "000 sessions, 1 crashed", `href="https://ci.example.com/7"`, `class="mark"`, "2.0 to prod, ", "99.9 %")
	if strings.Contains(page, ">1.9<") {
		t.Error("a deploy of before the chart begins is marked")
	}
	wants(t, s.get("/releases/8?stats=14d", 200), ">1.9<")
	wants(t, s.get("/releases/7", 200), `<dd class="bad">80.0 %`)
	if res := s.do(http.MethodPost, "/releases/8", nil); res.StatusCode == http.StatusOK {
		t.Error("a release can be posted to")
	}
}

func TestChartsShowDeploys(t *testing.T) {
	f := sample(3)
	f.marks = []tracker.Deploy{{Project: f.issues[0].Project, ReleaseID: 8, Release: "2.0", Environment: "prod", At: noon.Add(-time.Hour)}, {Project: "another", ReleaseID: 7, At: noon.Add(-2 * time.Hour)}}
	s := newSite(t, f)
	wants(t, s.get("/?state=all", 200), `<path class="mark" d="M`)
	wants(t, s.get("/errors/1", 200), `<rect class="mark"`, `href="/releases/8"`, "2.0 to prod")
}

func TestPercentIsNeverAllWhenItIsNot(t *testing.T) {
	for part, want := range map[float64]string{1: "100.0 %", 0.99999: "99.9 %", 0.5: "50.0 %", 0: "0.0 %"} {
		if got := percent(part); got != want {
			t.Errorf("percent(%v) = %q, want %q", part, got, want)
		}
	}
}
