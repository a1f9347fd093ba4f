package webui

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// shownActivity is how much of what was done the page of an issue shows unless
// it is asked for all.
const shownActivity = 20

// activityView is something that was done about an issue.
type activityView struct {
	ID      int64
	At      time.Time
	Icon    string
	What    string
	Other   int64 // another issue that can be looked at; 0 is none
	URL     string
	Comment bool
	Text    string
}

func (p *Pages) activity(ctx context.Context, d *issuePage, q url.Values) error {
	limit := shownActivity
	if q.Get("activity") == "all" {
		limit = tracker.MaxComments + tracker.MaxActivities
	}
	all, err := p.opts.Tracker.Activities(ctx, d.ID, 0, limit+1)
	if err != nil {
		return err
	}
	if len(all) > limit {
		all, d.MoreActivity = all[:limit], d.URL+"?activity=all#activity"
	}
	for i := range all {
		v := viewActivity(&all[i])
		if v.Other != 0 {
			v.URL = p.issueURL(v.Other)
		}
		d.Activity = append(d.Activity, v)
	}
	return nil
}

func viewActivity(a *tracker.Activity) activityView {
	v := activityView{ID: a.ID, At: a.At}
	say := func(icon, what string) { v.Icon, v.What = icon, what }
	switch a.Kind {
	case tracker.ActComment:
		author := webui.Line(a.Author, tracker.MaxPerson)
		if author == "" {
			author = "Somebody"
		}
		say("", author)
		v.Comment, v.Text = true, webui.Clip(a.Text, maxTextBytes)
	case tracker.ActResolved:
		say("check", "Resolved"+fixWords(a.Fix))
	case tracker.ActAutoResolved:
		say("check", "Resolved by itself: nobody had met it for as long as the project says")
	case tracker.ActUnresolved:
		say("back", "Unresolved again")
	case tracker.ActRegressed:
		say("back", "Came back"+in(a.Release))
	case tracker.ActMuted:
		say("mute", "Muted"+in(a.Mute.Environment)+muteWords(&a.Mute))
	case tracker.ActUnmuted:
		say("mute", "Unmuted"+in(a.Mute.Environment))
	case tracker.ActMuteEnded:
		say("mute", "Mute ended"+in(a.Mute.Environment)+": its number was reached")
	case tracker.ActAssigned:
		who := webui.Line(a.Text, tracker.MaxPerson)
		if who == "" {
			who = "nobody"
		}
		say("user", "Assigned to "+who)
	case tracker.ActMerged:
		say("merge", "Issue #"+itoa(a.Other)+" became part of this one")
	case tracker.ActSplit:
		say("merge", "Split off:")
		v.Other = a.Other
	case tracker.ActSplitFrom:
		say("merge", "Split off from")
		v.Other = a.Other
	default:
		say("", string(a.Kind))
	}
	return v
}

// in is " in NAME", or "" for no name.
func in(name string) string {
	if name == "" {
		return ""
	}
	return " in " + webui.Line(name, 100)
}

// fixWords says where the cause of an issue is mended: " in the release after 1.0".
func fixWords(f tracker.Fix) string {
	switch f.In {
	case tracker.FixThis:
		return in(f.Release)
	case tracker.FixNext:
		return " in the release after " + webui.Line(f.Release, 100)
	}
	return ""
}

// muteWords says when a mute ends: " until 2026-… or 100 more events"; "" is never.
func muteWords(m *tracker.Mute) string {
	var ends []string
	if !m.Until.IsZero() {
		ends = append(ends, webui.UTC(m.Until))
	}
	if m.Events > 0 {
		ends = append(ends, webui.Plural(m.Events, "more event", "more events"))
	}
	if m.Users > 0 {
		ends = append(ends, webui.Plural(m.Users, "more user", "more users"))
	}
	if len(ends) == 0 {
		return ""
	}
	return " until " + strings.Join(ends, " or ")
}

// muteView is a mute that can be ended.
type muteView struct {
	Environment string // "" is everywhere
	Words       string
}

func muteViews(i *tracker.Issue) (all []muteView) {
	if i.Muted {
		m := tracker.Mute{Until: i.MutedUntil, Events: i.MutedEvents, Users: i.MutedUsers}
		all = append(all, muteView{"", " everywhere" + muteWords(&m)})
	}
	for k := range i.MutedIn {
		m := &i.MutedIn[k]
		all = append(all, muteView{m.Environment, in(m.Environment) + muteWords(m)})
	}
	return all
}

// comment adds or removes a comment, and says so.
func (p *Pages) comment(w http.ResponseWriter, r *http.Request, id int64, f url.Values) error {
	author, text := f.Get("author"), f.Get("text")
	if _, err := p.opts.Tracker.Comment(r.Context(), id, author, text); err != nil {
		return err
	}
	// So that people need not write who they are each time.
	http.SetCookie(w, &http.Cookie{
		Name: authorCookie, Value: url.QueryEscape(strings.TrimSpace(author)), Path: p.ui.Path("/"), MaxAge: 365 * 24 * 60 * 60,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	p.ui.Flash(w, webui.Flash{Text: "Comment added."})
	return nil
}

const authorCookie = "monlight_author"

// authorOf is who commented in this browser last.
func authorOf(r *http.Request) string {
	c, err := r.Cookie(authorCookie)
	if err != nil {
		return ""
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return webui.Line(name, tracker.MaxPerson)
}

func (p *Pages) uncomment(w http.ResponseWriter, r *http.Request, id int64, f url.Values) error {
	comment, err := strconv.ParseInt(f.Get("comment"), 10, 64)
	if err != nil || comment <= 0 {
		return errs.New(errs.Invalid, "comment = %q, want the number of a comment", webui.Line(f.Get("comment"), 30))
	}
	if err := p.opts.Tracker.DeleteComment(r.Context(), id, comment); err != nil {
		return err
	}
	p.ui.Flash(w, webui.Flash{Text: "Comment deleted."})
	return nil
}
