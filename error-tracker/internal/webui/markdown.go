package webui

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/webui"
)

// maxMarkdownStack bounds the stack in a Markdown text: it is meant for a
// ticket or a chat, whose fields are bounded too.
const maxMarkdownStack = 24 << 10

// markdown answers with an issue as Markdown, for tickets, chats and models.
func (p *Pages) markdown(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	i, err := p.opts.Tracker.Issue(r.Context(), id)
	if err != nil {
		return err
	}
	want, err := strconv.ParseInt(r.URL.Query().Get("event"), 10, 64)
	if err != nil || want < 0 {
		want = 0
	}
	o, _, _, err := p.opts.Tracker.Occurrence(r.Context(), id, want)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/markdown; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = w.Write([]byte(issueMarkdown(&i, &o.Event, p.PublicURL(r)+"/errors/"+itoa(id))))
	return err
}

func issueMarkdown(i *tracker.Issue, e *event.Event, url string) string {
	var b strings.Builder
	title := webui.Line(i.Type, 200)
	if m := webui.Line(i.Message, 200); m != "" {
		title += ": " + m
	}
	fmt.Fprintf(&b, "# %s\n\n", escapeMarkdown(title))
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- %s: %s\n", name, inlineCode(webui.Line(value, 300)))
		}
	}
	fmt.Fprintf(&b, "- Issue: <%s>\n", url)
	fact("Project", i.Project)
	fact("Culprit", i.Culprit)
	state := "unresolved"
	if i.Resolved {
		state = "resolved"
	}
	fmt.Fprintf(&b, "- State: %s\n- Events: %d, users: %s\n- First seen: %s\n- Last seen: %s\n",
		state, i.Count, people(i.Users, webui.Number), webui.UTC(i.FirstSeen), webui.UTC(i.LastSeen))
	fact("Level", e.Level)
	fact("Environment", e.Environment)
	fact("Release", e.Release)
	fact("Platform", e.Platform)
	fact("Transaction", e.Transaction)
	fact("Server", e.ServerName)
	fact("User", userName(&e.User))
	fact("Request", strings.TrimSpace(e.Request.Method+" "+e.Request.URL))
	for n, t := range e.Tags {
		if n == 30 {
			break
		}
		fact("Tag "+escapeMarkdown(webui.Line(t.Name, 60)), t.Value)
	}
	if len(i.Message) > 200 || strings.Contains(i.Message, "\n") {
		b.WriteString("\n## Message\n\n")
		fence(&b, webui.Clip(i.Message, 8<<10))
	}
	stack := strings.TrimRight(e.Traceback, "\n")
	if stack == "" {
		stack = stackText(e)
	}
	if stack != "" {
		b.WriteString("\n## Stack trace\n\n")
		fence(&b, webui.Clip(stack, maxMarkdownStack))
	}
	if n := len(e.Breadcrumbs); n > 0 {
		b.WriteString("\n## Breadcrumbs\n\n")
		for _, c := range e.Breadcrumbs[max(0, n-20):] {
			fmt.Fprintf(&b, "- %s %s %s\n", webui.UTC(c.At), inlineCode(webui.Line(c.Category, 60)), inlineCode(webui.Line(c.Message, 300)))
		}
	}
	return b.String()
}

// stackText writes the chain as text, the raised exception first and each
// stack innermost first.
func stackText(e *event.Event) string {
	var b strings.Builder
	left := maxFrames
	frames := func(all []event.Frame) {
		for i := len(all) - 1; i >= 0 && left > 0; i-- {
			f := &all[i]
			left--
			v := frameOf(f, true)
			fmt.Fprintf(&b, "  at %s (%s%s)\n", v.Function, v.File, v.Pos)
			if line := strings.TrimSpace(codeLine(f.ContextLine)); line != "" {
				fmt.Fprintf(&b, "     %s\n", line)
			}
		}
	}
	for i := len(e.Exceptions) - 1; i >= 0; i-- {
		x := &e.Exceptions[i]
		if len(x.Frames) == 0 && len(e.Exceptions) == 1 {
			break // nothing but the headline again
		}
		if b.Len() > 0 {
			b.WriteString(relation(x.Mechanism) + ": ")
		}
		fmt.Fprintf(&b, "%s: %s\n", x.Type, webui.Clip(x.Value, 2<<10))
		frames(x.Frames)
	}
	if b.Len() == 0 {
		for i := range e.Threads {
			if t := &e.Threads[i]; t.Crashed || t.Current || len(e.Threads) == 1 {
				frames(t.Frames)
			}
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// escapeMarkdown makes text that shows itself. HTML in Markdown is live in many
// places, so its characters are escaped as well.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]()<>#+-.!|&~@", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// inlineCode quotes s with more backticks than it holds.
func inlineCode(s string) string {
	if s == "" {
		return ""
	}
	ticks := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// fence writes s as a block of code whose fence s cannot close.
func fence(b *strings.Builder, s string) {
	ticks := strings.Repeat("`", max(3, longestRun(s)+1))
	fmt.Fprintf(b, "%s\n%s\n%s\n", ticks, s, ticks)
}

// longestRun is the length of the longest run of backticks in s.
func longestRun(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}
