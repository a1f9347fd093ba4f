package webui

import (
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/webui"
)

// newFor is how long an issue counts as new.
const newFor = 24 * time.Hour

// badges are the marks of an issue. In a list those that say the normal are left out.
func badges(i *tracker.Issue, now time.Time, list bool) []webui.Badge {
	var b []webui.Badge
	add := func(tone, icon, label, title string) { b = append(b, webui.NewBadge(tone, icon, label, title)) }
	regressed := !i.RegressedAt.IsZero() && !i.Resolved
	switch {
	case i.Resolved:
		add("green", "check", "Resolved"+fixWords(i.Fix), "resolved "+webui.UTC(i.ResolvedAt))
	case regressed:
		add("amber", "back", "Regressed", "came back "+webui.UTC(i.RegressedAt)+" after it was resolved")
	case !i.FirstSeen.IsZero() && now.Sub(i.FirstSeen) < newFor:
		add("blue", "new", "New", "first seen less than 24 hours ago")
	case !list:
		add("", "", "Unresolved", "")
	}
	if i.Muted {
		title := "no mail for it until someone unmutes it"
		if words := muteWords(&tracker.Mute{Until: i.MutedUntil, Events: i.MutedEvents, Users: i.MutedUsers}); words != "" {
			title = "no mail for it" + words
		}
		add("", "mute", "Muted", title)
	}
	for k := range i.MutedIn {
		m := &i.MutedIn[k]
		add("", "mute", "Muted"+in(m.Environment), "no mail for it there"+muteWords(m))
	}
	if i.Assignee != "" {
		add("", "", webui.Line(i.Assignee, 40), "assigned to")
	}
	if i.Handled != nil && !*i.Handled {
		add("red", "bolt", "Unhandled", "the program did not catch it")
	}
	if i.Source == tracker.Browser {
		add("violet", "globe", "Browser", "reported from a web page")
	}
	switch i.Level {
	case "fatal":
		add("red", "alert", "Fatal", "")
	case "warning":
		add("amber", "alert", "Warning", "")
	case "info", "debug":
		add("", "", i.Level, "level")
	}
	if i.Minified {
		add("", "", "Minified", "its stack is minified and no source map applied")
	}
	if i.Flood {
		add("amber", "alert", "Flood", "one issue that takes in a flood of lookalikes")
	}
	return b
}
