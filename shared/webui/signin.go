package webui

import (
	"cmp"
	"net/http"
	"time"

	"github.com/monlight/monlight/shared/auth"
)

// SignIn shows the sign-in page; it is made for [auth.Options].
func (u *UI) SignIn(w http.ResponseWriter, r *http.Request, p auth.SignInPage) {
	data := struct {
		Action, Return, Error string
		Setting               string
		Ended, SignedIn       bool
		ReadOnly, HasReadKey  bool
		Held                  *auth.Held
	}{Setting: cmp.Or(u.opts.KeySetting, "API_KEY"), Action: p.Action, Return: p.Return, Ended: p.Ended, SignedIn: p.SignedIn,
		ReadOnly: p.ReadOnly, HasReadKey: p.HasReadKey, Held: p.Held}
	switch {
	case p.RetryAfter > 0:
		wait := int64((p.RetryAfter + time.Second - 1) / time.Second)
		data.Error = "Too many tries. Please wait " + Plural(wait, "second", "seconds") + "."
	case p.WrongKey:
		data.Error = "That is not the API key of this service."
	}
	// A fragment must not answer in place of the sign-in page: a script that
	// asked for one sees by the missing header that the session has ended.
	if err := u.Render(w, r, p.Status, Page{Name: "signin", Title: "Sign in", Assets: []string{"signin.css"}, Plain: true, Data: data}); err != nil {
		u.Error(w, r, err)
	}
}
