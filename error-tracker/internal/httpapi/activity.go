package httpapi

import (
	"net/http"
	"strconv"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

// activityJSON is something that was done about an issue. What does not belong to
// its kind is left out.
type activityJSON struct {
	ID          int64     `json:"id"`
	At          string    `json:"at"`
	Kind        string    `json:"kind"`
	Author      *nullable `json:"author,omitempty"`
	Text        string    `json:"text,omitempty"`
	Assignee    *nullable `json:"assignee,omitempty"`
	ResolvedIn  *fixJSON  `json:"resolved_in,omitempty"`
	Release     *nullable `json:"release,omitempty"`
	Mute        *muteJSON `json:"mute,omitempty"`
	Environment *nullable `json:"environment,omitempty"`
	ErrorID     int64     `json:"error_id,omitempty"`
}

func newActivityJSON(a *tracker.Activity) activityJSON {
	j := activityJSON{ID: a.ID, At: timestamp(a.At), Kind: string(a.Kind), ErrorID: a.Other}
	switch a.Kind {
	case tracker.ActComment:
		j.Author, j.Text = &nullable{orNullText(a.Author)}, a.Text
	case tracker.ActAssigned:
		j.Assignee = &nullable{orNullText(a.Text)}
	case tracker.ActResolved:
		j.ResolvedIn = newFixJSON(a.Fix)
	case tracker.ActRegressed:
		j.Release = &nullable{orNullText(a.Release)}
	case tracker.ActMuted:
		m := newMuteJSON(a.Mute)
		j.Mute = &m
	case tracker.ActUnmuted, tracker.ActMuteEnded:
		j.Environment = &nullable{orNullText(a.Mute.Environment)}
	}
	return j
}

type activitiesJSON struct {
	Activity   []activityJSON `json:"activity"`
	NextCursor string         `json:"next_cursor,omitempty"`
}

// activity is GET /api/errors/{id}/activity.
func (a *api) activity(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	v, err := parameters(r)
	if err != nil {
		return err
	}
	var before int64
	if text := v.Get("cursor"); text != "" {
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before <= 0 {
			return errs.New(errs.Invalid, "cursor = %q is none that this list has given", eventjson.Cut(text, 60))
		}
	}
	limit := page(v.Get("limit"), 50, tracker.MaxActivityPerPage)
	all, err := a.Tracker.Activities(r.Context(), id, before, limit+1)
	if err != nil {
		return named(err, errErrorNotFound)
	}
	var answer activitiesJSON
	if len(all) > limit {
		all = all[:limit]
		answer.NextCursor = strconv.FormatInt(all[limit-1].ID, 10)
	}
	answer.Activity = make([]activityJSON, len(all))
	for i := range all {
		answer.Activity[i] = newActivityJSON(&all[i])
	}
	return problem.JSON(w, http.StatusOK, answer)
}

// comment is POST /api/errors/{id}/comments.
func (a *api) comment(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	var author, text string
	err = readMembers(w, r, func(p *jsonpull.Parser, name string) error {
		var ok bool
		switch name {
		case "author":
			author, ok = stringOrNull(p)
		case "text":
			text, ok = p.String()
		default:
			return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
		}
		if !ok {
			return errs.New(errs.Invalid, "%s must be a string", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	added, err := a.Tracker.Comment(r.Context(), id, author, text)
	if err != nil {
		return named(err, errErrorNotFound)
	}
	return problem.JSON(w, http.StatusCreated, newActivityJSON(&added))
}

// deleteComment is DELETE /api/errors/{id}/comments/{comment_id}.
func (a *api) deleteComment(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	comment, err := pathID(r, "comment_id")
	if err != nil {
		return err
	}
	if err := a.Tracker.DeleteComment(r.Context(), id, comment); err != nil {
		return named(err, errCommentNotFound)
	}
	return problem.JSON(w, http.StatusOK, changeJSON{Status: "deleted", ID: comment})
}
