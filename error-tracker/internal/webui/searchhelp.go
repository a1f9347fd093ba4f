package webui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/webui"
)

// searchTerm is a row of the help for searches: what to write and what it finds.
type searchTerm struct{ Example, Finds, URL string }

var searchTerms = []searchTerm{
	{Example: `price order`, Finds: "both words in the type, message, culprit, release or URL of the first event"},
	{Example: `"has no price"`, Finds: "exactly this text there; quotes also take a colon, a star or a minus sign as it is"},
	{Example: `is:unresolved`, Finds: "issues in a state: " + strings.Join(search.States, ", ")},
	{Example: `environment:prod`, Finds: "issues with events in an environment"},
	{Example: `release:1.4.*`, Finds: "the same for a release; * stands for any text"},
	{Example: `level:fatal`, Finds: "events of a level: fatal, error, warning, info, debug"},
	{Example: `user.email:ann@example.com`, Finds: "what somebody met; also user.id and user.username"},
	{Example: `browser.name:Firefox`, Finds: "any tag of events; also transaction, server_name, logger, dist, os.name and runtime.name"},
	{Example: `has:shard`, Finds: "events that have a tag at all"},
	{Example: `type:Key*`, Finds: "a field of the issue: project, type, message, culprit, platform, source (server or browser)"},
	{Example: `-browser.name:Safari`, Finds: "everything but this; a minus sign turns any term around"},
}

func (p *Pages) searchHelp(w http.ResponseWriter, r *http.Request) error {
	rows := make([]searchTerm, len(searchTerms))
	for i, t := range searchTerms {
		t.URL = p.ui.Path("/") + encode(url.Values{"search": {t.Example}})
		rows[i] = t
	}
	return p.ui.Render(w, r, http.StatusOK, webui.Page{
		Name: "search", Title: "How to search", Section: "/", Assets: []string{"detail.css", "issue.css", "search.css"}, Data: rows,
	})
}
