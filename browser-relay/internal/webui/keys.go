package webui

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// keyRow is a key in the list.
type keyRow struct {
	relay.Key
	Short    string
	Badge    webui.Badge
	Accepted int64 // requests of the last 24 hours
	Refused  int64
	RateText string
}

type keysPage struct {
	Keys                  []keyRow // those that are found
	All                   int      // keys that there are
	Search                string
	Maps                  int64 // source maps that are found
	Projects              []string
	Form                  keyForm
	Global                relay.Origins
	PerKey64, PerClient64 int64
}

// keyForm is what people fill in, and what was wrong with it.
type keyForm struct {
	Project, Label, Origins, Rate string
	Error                         string
}

func (p *Pages) keys(w http.ResponseWriter, r *http.Request) error {
	return p.showKeys(w, r, http.StatusOK, keyForm{})
}

func (p *Pages) showKeys(w http.ResponseWriter, r *http.Request, status int, form keyForm) error {
	counts, err := p.opts.Traffic.Since(r.Context(), p.opts.Now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	page := keysPage{Form: form, Global: p.opts.GlobalOrigin, PerKey64: int64(p.opts.Limits.PerKey), PerClient64: int64(p.opts.Limits.PerClient)}
	if page.Search, err = searchOf(r); err != nil {
		return err
	}
	if page.Search != "" {
		if page.Maps, err = p.opts.Maps.CountMaps(r.Context(), relay.MapFilter{Text: page.Search}); err != nil {
			return err
		}
	}
	for _, k := range p.opts.Keys.List() {
		page.All++
		seenBy(r, &k) // before the search, which would tell it letter by letter
		if !slices.Contains(page.Projects, k.Project) {
			page.Projects = append(page.Projects, k.Project)
		}
		if k.Matches(page.Search) {
			page.Keys = append(page.Keys, p.keyRow(k, counts))
		}
	}
	// Those that work come first, then by project.
	slices.SortStableFunc(page.Keys, func(a, b keyRow) int {
		if a.Works(p.opts.Now()) != b.Works(p.opts.Now()) {
			return map[bool]int{true: -1, false: 1}[a.Works(p.opts.Now())]
		}
		return cmp.Compare(a.Project, b.Project)
	})
	return p.ui.Render(w, r, status, webui.Page{Name: "keys", Title: "Keys", Section: "/", Assets: assets, Data: page,
		Keys: []webui.Key{{Keys: "j / k", Does: "next or previous key"}, {Keys: "Enter", Does: "open the key"}}})
}

// seenBy takes the key itself away from who can only read: reports could be sent with it.
func seenBy(r *http.Request, k *relay.Key) {
	if auth.ReadOnly(r) {
		k.PublicKey = ""
	}
}

func (p *Pages) keyRow(k relay.Key, counts []relay.HourCount) keyRow {
	row := keyRow{Key: k, Short: webui.Cut(k.PublicKey, 12), Badge: p.badge(&k), RateText: "default"}
	if k.Rate > 0 {
		row.RateText = webui.Number(int64(k.Rate)) + "/min"
	}
	for _, c := range counts {
		switch {
		case c.Key != k.ID:
		case c.What == relay.CountRequests:
			row.Accepted += c.N
		case c.What == relay.CountRefused:
			row.Refused += c.N
		}
	}
	return row
}

func (p *Pages) badge(k *relay.Key) webui.Badge {
	switch {
	case !k.Works(p.opts.Now()):
		return webui.Badge{Label: "off", Tone: ""}
	case !k.Expires.IsZero():
		return webui.Badge{Label: "ends " + webui.Ago(k.Expires, p.opts.Now()), Tone: "amber"}
	case k.LastSeen.IsZero():
		return webui.Badge{Label: "unused", Tone: "blue"}
	}
	return webui.Badge{Label: "active", Tone: "green"}
}

func (p *Pages) createKey(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	f := keyForm{Project: strings.TrimSpace(r.PostFormValue("project")), Label: strings.TrimSpace(r.PostFormValue("label")),
		Origins: r.PostFormValue("origins"), Rate: strings.TrimSpace(r.PostFormValue("rate"))}
	k := relay.Key{Project: f.Project}
	err := f.into(&k)
	if err == nil {
		k, err = p.opts.Keys.Create(r.Context(), k)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		f.Error = message(err)
		return p.showKeys(w, r, http.StatusBadRequest, f)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, "/keys/"+strconv.FormatInt(k.ID, 10), webui.Flash{Text: "Key created. Put one of the snippets below into your pages."})
}

// into gives k what was filled in.
func (f *keyForm) into(k *relay.Key) error {
	k.Label = f.Label
	k.Origins = relay.ParseOrigins(f.Origins)
	k.Rate = 0
	if f.Rate != "" {
		n, err := strconv.Atoi(f.Rate)
		if err != nil {
			return errs.New(errs.Invalid, "limit is %.20q, want a whole number of requests per minute", f.Rate)
		}
		k.Rate = n
	}
	return nil
}

func message(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// keyPage is one key with all that is needed to use it.
type keyPage struct {
	keyRow
	Form     keyForm
	Works    bool
	Snippets []snippet
	Links    keyLinks
}

type keyLinks struct{ Errors, Traffic string }

func (p *Pages) key(w http.ResponseWriter, r *http.Request) error {
	k, err := p.keyOf(r)
	if err != nil {
		return err
	}
	f := keyForm{Label: k.Label, Origins: strings.Join(k.Origins, "\n")}
	if k.Rate > 0 {
		f.Rate = strconv.Itoa(k.Rate)
	}
	return p.showKey(w, r, http.StatusOK, k, f)
}

func (p *Pages) showKey(w http.ResponseWriter, r *http.Request, status int, k relay.Key, f keyForm) error {
	counts, err := p.opts.Traffic.Since(r.Context(), p.opts.Now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	seenBy(r, &k)
	page := keyPage{keyRow: p.keyRow(k, counts), Form: f, Works: k.Works(p.opts.Now())}
	if page.PublicKey != "" {
		page.Snippets = snippets(p.opts.PublicURL, p.opts.Script, &k)
	}
	page.Links.Traffic = p.ui.Path("/traffic?key=" + strconv.FormatInt(k.ID, 10))
	if p.opts.ErrorTracker != "" {
		page.Links.Errors = p.opts.ErrorTracker + "/?" + query("project", k.Project, "source", "browser")
	}
	return p.ui.Render(w, r, status, webui.Page{Name: "key", Title: "Key of " + webui.Line(k.Project, 60), Section: "/", Assets: liveAssets, Data: page,
		Keys: []webui.Key{{Keys: "t", Does: "send a test event", Changes: true}}})
}

func (p *Pages) keyOf(r *http.Request) (relay.Key, error) {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return relay.Key{}, errs.New(errs.NotFound, "there is no such key")
	}
	return p.opts.Keys.Key(id)
}

// changeKey does what a button of the key's page says.
func (p *Pages) changeKey(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	k, err := p.keyOf(r)
	if err != nil {
		return err
	}
	here := "/keys/" + strconv.FormatInt(k.ID, 10)
	switch action := r.PostFormValue("action"); action {
	case "save":
		f := keyForm{Label: strings.TrimSpace(r.PostFormValue("label")), Origins: r.PostFormValue("origins"), Rate: strings.TrimSpace(r.PostFormValue("rate"))}
		err := f.into(&k)
		if err == nil {
			_, err = p.opts.Keys.Change(r.Context(), k.ID, func(to *relay.Key) { to.Label, to.Origins, to.Rate = k.Label, k.Origins, k.Rate })
		}
		if err != nil && errs.KindOf(err) == errs.Invalid {
			f.Error = message(err)
			k, _ = p.opts.Keys.Key(k.ID)
			return p.showKey(w, r, http.StatusBadRequest, k, f)
		}
		if err != nil {
			return err
		}
		return p.done(w, r, here, webui.Flash{Text: "Saved."})
	case "disable", "enable":
		if _, err := p.opts.Keys.SetActive(r.Context(), k.ID, action == "enable"); err != nil {
			return err
		}
		if action == "enable" {
			return p.done(w, r, here, webui.Flash{Text: "The key works again."})
		}
		undo := &webui.Undo{Label: "Switch it on again", Action: p.ui.Path(here), Fields: []webui.Field{{Name: "action", Value: "enable"}}}
		return p.done(w, r, here, webui.Flash{Text: "The key is switched off: its pages are refused from now on.", Undo: undo})
	case "rotate":
		grace, err := config.ParseDuration(r.PostFormValue("grace"))
		if err != nil {
			return errs.New(errs.Invalid, "grace is %.20q, want a time such as 24h", r.PostFormValue("grace"))
		}
		fresh, old, err := p.opts.Keys.Rotate(r.Context(), k.ID, grace)
		if err != nil {
			return err
		}
		return p.done(w, r, "/keys/"+strconv.FormatInt(fresh.ID, 10),
			webui.Flash{Text: "This is the new key. The old one works until " + webui.UTC(old.Expires) + "."})
	case "test":
		return p.done(w, r, here, p.test(r, k))
	}
	return errs.New(errs.Invalid, "action is %.20q, want save, enable, disable, rotate or test", r.PostFormValue("action"))
}

// test sends a sample event the way of all events.
func (p *Pages) test(r *http.Request, k relay.Key) webui.Flash {
	handled := true
	answer, err := p.opts.Intake.Report(r.Context(), k, relay.Event{
		Type: "MonlightTest", Message: "A test event of the browser relay", At: p.opts.Now(), Handled: &handled, Mechanism: "test",
		Stack: "MonlightTest: A test event of the browser relay\n    at sendTest (" + p.opts.PublicURL + "/keys:1:1)",
		URL:   p.opts.PublicURL + "/keys", UserAgent: r.UserAgent(), Environment: "test", SDK: relay.SDK{Name: "browser-relay", Version: p.opts.Version},
	})
	switch {
	case err != nil:
		return webui.Flash{Error: true, Text: "The test event did not arrive: " + message(err)}
	case answer.Kept:
		return webui.Flash{Text: "The error tracker does not answer. The test event is kept here and will be delivered."}
	}
	return webui.Flash{Text: "The test event is in the error tracker, in project “" + webui.Line(k.Project, 60) + "”, environment test."}
}
