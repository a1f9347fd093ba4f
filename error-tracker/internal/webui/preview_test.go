package webui

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/webui"
)

func TestPreview(t *testing.T) {
	addr := os.Getenv("PREVIEW")
	if addr == "" {
		t.Skip()
	}
	noon = time.Now()
	serve := func(f *fakeTracker, mail MailSettings) http.Handler {
		p, err := New(Options{Tracker: f, Version: "0.1.0", Mail: mail, Services: webui.Services("x", "http://localhost:5011", "http://localhost:5012", "")})
		if err != nil {
			t.Fatal(err)
		}
		r := chi.NewRouter()
		r.Get("/preview-signin", func(w http.ResponseWriter, r *http.Request) {
			p.SignInPage(w, r, auth.SignInPage{Status: 200, Action: "/sign-in", Return: "/", WrongKey: r.URL.Query().Has("bad")})
		})
		p.Mount(r, openGuard{})
		r.NotFound(p.NotFound)
		return r
	}
	go http.ListenAndServe("127.0.0.1:18932", serve(sample(0), MailSettings{Missing: []string{"SMTP_HOST", "ALERT_EMAILS"}}))
	t.Fatal(http.ListenAndServe(addr, serve(sample(120), MailSettings{Configured: true, Via: "SMTP mail.example.com:587", Recipients: []string{"ann@example.com", "ops@example.com"}})))
}
