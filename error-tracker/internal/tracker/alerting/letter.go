package alerting

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// Limits of what goes into a mail, in bytes.
const (
	maxSubject        = 512
	maxSubjectMessage = 80
	maxTraceback      = 12_288
	maxMessage        = 4_096
	maxLead           = 400 // of the message in the banner; the whole of it follows then
	maxURL            = 500
	maxField          = 200
	maxRowMessage     = 160
)

// letter is a mail without an address.
type letter struct {
	subject string
	text    string
	html    string
	post    *post // instead of text and html, to a webhook
}

//go:embed templates
var files embed.FS

var (
	htmlPages = template.Must(template.New("").ParseFS(files, "templates/*.html"))
	textPages = texttemplate.Must(texttemplate.New("").Funcs(texttemplate.FuncMap{
		// Further lines of a message stand below its first, where they cannot
		// be taken for lines of the mail.
		"indent": func(s string) string { return strings.ReplaceAll(s, "\n", "\n             ") },
	}).ParseFS(files, "templates/*.txt"))
)

// fact is a line of the table below a headline.
type fact struct{ Name, Value string }

// issuePage is what the templates of a mail about one issue show.
type issuePage struct {
	Back      string // as in backs; "" for a new issue
	Headline  string // "New error in shop"
	ID        int64
	Path      string
	Link      string
	Project   string
	Type      string
	Message   string
	Lead      string // the beginning of a long message; "" if it is not long
	Method    string // both or none of Method and URL
	URL       string
	Facts     []fact
	Traceback string
	Cut       string // marks what was left out of the traceback; "" if it is whole
	Why       string
	Home      string
}

// backs are what the alerts about an issue that is heard of again call it.
var backs = map[tracker.AlertKind]string{tracker.AlertRegressed: "regressed", tracker.AlertUnmuted: "unmuted", tracker.AlertFrequent: "frequent"}

// issueLetter writes the mail about an issue that is new or heard of again. e is the event to
// show with it and may be empty; times is how many alerts the mail stands for.
func (s Settings) issueLetter(kind tracker.AlertKind, i tracker.Issue, e *event.Event, times int) letter {
	p := issuePage{
		Back:    backs[kind],
		ID:      i.ID,
		Path:    "/errors/" + strconv.FormatInt(i.ID, 10),
		Project: oneLine(i.Project, maxField),
		Type:    cmp.Or(oneLine(i.Type, maxField), "Error"),
		Home:    s.BaseURL + "/",
	}
	p.Link = s.BaseURL + p.Path
	message, short := block(i.Message, maxMessage)
	if short {
		message += fmt.Sprintf("\n[message cut at %s bytes]", number(maxMessage))
	}
	p.Message = message
	if lead, short := block(i.Message, maxLead); short {
		p.Lead = lead + "…"
	}
	if e.Request.Method != "" && e.Request.URL != "" {
		p.Method, p.URL = oneLine(e.Request.Method, 20), oneLine(e.Request.URL, maxURL)
	}
	p.Traceback, short = block(tracebackOf(e), maxTraceback)
	if short {
		p.Cut = fmt.Sprintf("[traceback cut at %s bytes, see the whole of it in the error tracker]", number(maxTraceback))
	}
	in := ""
	if p.Project != "" {
		in = " in " + p.Project
	}
	switch kind {
	case tracker.AlertUnmuted:
		p.Headline = "Unmuted error" + in
		p.Why = "It was muted until a number of events had come, or of people had met it, and that is reached."
	case tracker.AlertFrequent:
		p.Headline = "Frequent error" + in
		p.Why = "It happens as often as the rule of its project for frequent errors says, or more often."
	case tracker.AlertRegressed:
		p.Headline = "Regressed error" + in
		p.Why = regressedText(i, times)
	default:
		p.Headline = "New error" + in
		p.Why = "This is the first time that this error was reported."
	}
	if i.Flood {
		p.Why += " Many errors like it came in a short time; they are counted here and are not mailed one by one."
	}
	release := i.FirstRelease
	if p.Back != "" && e.Release != "" {
		release = e.Release
	}
	p.Facts = facts(
		"Where", oneLine(i.Culprit, maxField),
		"Environment", oneLine(i.Environment, maxField),
		"Release", oneLine(release, maxField),
		"First seen", clock(i.FirstSeen),
		"Last seen", clock(lastSeen(i)),
		"Events", number(i.Count),
		"Users", users(i.Users),
	)
	return render("issue", issueSubject(p.Back, i), p)
}

// issueSubject is "[project] Type: first 80 bytes of the message (#id)". The
// message is cut before anything else, so that the length does not depend on
// what is replaced in it.
func issueSubject(back string, i tracker.Issue) string {
	head, _ := cut(i.Message, maxSubjectMessage)
	label := ""
	if back != "" {
		label = strings.ToUpper(back[:1]) + back[1:] + ": "
	}
	subject := flat(fmt.Sprintf("[%s] %s%s: %s (#%d)", cmp.Or(i.Project, "error-tracker"), label, cmp.Or(i.Type, "Error"), head, i.ID))
	if len(subject) > maxSubject {
		return fmt.Sprintf("[error-tracker] %s error (#%d)", cmp.Or(strings.TrimSuffix(label, ": "), "New"), i.ID)
	}
	return subject
}

// regressedText says since when an issue is back, and what it came back from.
func regressedText(i tracker.Issue, times int) string {
	var b strings.Builder
	b.WriteString("It had been resolved")
	if !i.WasResolved.IsZero() {
		b.WriteString(" at " + clock(i.WasResolved))
	}
	if !i.RegressedAt.IsZero() {
		b.WriteString(", and is back since " + clock(i.RegressedAt))
	} else {
		b.WriteString(", and is back")
	}
	if times > 1 {
		fmt.Fprintf(&b, ". It came back %s times since the last mail about it", number(int64(times)))
	}
	b.WriteByte('.')
	return b.String()
}

// lastSeen is zero where it would only repeat FirstSeen.
func lastSeen(i tracker.Issue) time.Time {
	if i.LastSeen.Sub(i.FirstSeen) < time.Second {
		return time.Time{}
	}
	return i.LastSeen
}

// users is "" when reports do not name people: then 0 would be a wrong claim.
func users(n int64) string {
	switch {
	case n == 0:
		return ""
	case n >= tracker.MaxUsers:
		return number(n) + "+" // as many as are told apart, or more
	}
	return number(n)
}

// facts pairs names with values and leaves out what is empty.
func facts(pairs ...string) []fact {
	var out []fact
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			out = append(out, fact{pair[0], pair[1]})
		}
	}
	return out
}

// digestPage is what the templates of a digest show.
type digestPage struct {
	Headline string
	Why      string
	Rows     []digestRow
	More     string // "and 12 more"; "" if the table is complete
	Home     string
}

type digestRow struct {
	ID      int64
	Back    string // as in backs; "" for a new issue
	Project string
	Type    string
	Message string
	Where   string // culprit and environment
	Events  string
	Users   string
	Link    string
}

// digest writes one mail about many issues: those that happened most often in a
// table, the others as a number. Of the issues in rest only the kind is known.
func (s Settings) digest(list, rest []topic) letter {
	var total int64
	kinds, projects := map[string]bool{}, map[string]bool{}
	for _, t := range slices.Concat(list, rest) {
		total++
		kinds[cmp.Or(backs[t.kind], "new")] = true
	}
	for _, t := range list {
		projects[t.about.Project] = true
	}
	what := plural(total, either(slices.Sorted(maps.Keys(kinds)))+" error")
	where, tag := "", "[error-tracker]"
	switch {
	case len(rest) > 0: // and of any project
	case len(projects) == 1:
		project := oneLine(list[0].about.Project, maxField)
		where, tag = " in "+project, "["+project+"]"
	default:
		where = " in " + plural(int64(len(projects)), "project")
	}

	slices.SortStableFunc(list, func(a, b topic) int {
		return cmp.Compare(b.about.Count, a.about.Count)
	})
	p := digestPage{
		Headline: what + where,
		Why: fmt.Sprintf("More than %s came up within %s, so they are told of in one mail. The next one follows in %s at the earliest.",
			plural(int64(s.Budget), "error"), span(s.DigestInterval), span(s.DigestInterval)),
		Home: s.BaseURL + "/",
	}
	for _, t := range list[:min(len(list), maxListed)] {
		p.Rows = append(p.Rows, s.row(t))
	}
	if rest := total - int64(len(p.Rows)); rest > 0 {
		p.More = "and " + number(rest) + " more"
	}
	return render("digest", flat(tag+" "+what+" (digest)"), p)
}

// either joins words: "a", "a or b", "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (s Settings) row(t topic) digestRow {
	i := t.about
	r := digestRow{
		ID: i.ID, Back: backs[t.kind],
		Project: oneLine(i.Project, maxField), Type: cmp.Or(oneLine(i.Type, maxField), "Error"), Message: oneLine(i.Message, maxRowMessage),
		Where: oneLine(i.Culprit, maxField), Events: plural(i.Count, "event"),
		Link: s.BaseURL + "/errors/" + strconv.FormatInt(i.ID, 10),
	}
	if n := users(i.Users); n == "1" {
		r.Users = "1 user"
	} else if n != "" {
		r.Users = n + " users"
	}
	return r
}

// testPage is what the templates of a test mail show.
type testPage struct {
	At   string
	Home string
}

// test writes the mail that proves that mails arrive.
func (s Settings) test(now time.Time) letter {
	return render("test", "[error-tracker] SMTP test alert", testPage{At: clock(now), Home: s.BaseURL + "/"})
}

// render fills in the templates of one kind of mail. They are part of the
// program and are run by its tests, so they cannot fail on data.
func render(name, subject string, page any) letter {
	var text, html strings.Builder
	if err := textPages.ExecuteTemplate(&text, name+".txt", page); err != nil {
		panic(err) //nolint:forbidigo // a template of our own that does not fit its page, which the golden files would show
	}
	if err := htmlPages.ExecuteTemplate(&html, name+".html", page); err != nil {
		panic(err) //nolint:forbidigo // a template of our own that does not fit its page, which the golden files would show
	}
	return letter{subject: subject, text: text.String(), html: html.String()}
}
