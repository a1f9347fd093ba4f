package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// changes are the actions on issues, by the name that the path or a bulk
// request has for them, and what an issue is called afterwards.
var changes = map[string]string{
	"resolve": "resolved", "unresolve": "unresolved", "mute": "muted", "unmute": "unmuted", "assign": "assigned", "delete": "deleted",
}

const changeNames = "resolve, unresolve, mute, unmute, assign or delete"

// apply does what c says to its issues and returns those that exist.
func (a *api) apply(ctx context.Context, c *command) ([]int64, error) {
	switch c.Action {
	case "resolve":
		return a.Tracker.Resolve(ctx, c.IDs, c.fix())
	case "unresolve":
		return a.Tracker.Unresolve(ctx, c.IDs)
	case "mute":
		var err error
		if c.muted, err = c.mute(a.Now()); err != nil {
			return nil, err
		}
		return a.Tracker.Mute(ctx, c.IDs, c.muted)
	case "unmute":
		return a.Tracker.Unmute(ctx, c.IDs, c.Environment)
	case "assign":
		return a.Tracker.Assign(ctx, c.IDs, c.Assignee)
	case "delete":
		return a.Tracker.Delete(ctx, c.IDs)
	}
	return nil, fmt.Errorf("no action %q", c.Action)
}

type changeJSON struct {
	Status string `json:"status"`
	ID     int64  `json:"id"`
	// MutedUntil is set by mute only; null is for ever.
	MutedUntil  *nullable `json:"muted_until,omitempty"`
	Events      int64     `json:"events,omitempty"`
	Users       int64     `json:"users,omitempty"`
	Environment string    `json:"environment,omitempty"`
	// ResolvedIn is set by resolve only, when it was asked for.
	ResolvedIn *fixJSON `json:"resolved_in,omitempty"`
	// Assignee is set by assign only; null is nobody.
	Assignee *nullable `json:"assignee,omitempty"`
}

// change returns the handler of POST /api/errors/{id}/<action>, and of DELETE.
func (a *api) change(action string) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r, "id")
		if err != nil {
			return err
		}
		var c command
		if action != "unresolve" && action != "delete" { // which need nothing more, and ignore what is sent
			if c, err = readDecision(w, r, action == "resolve" || action == "unmute"); err != nil {
				return err
			}
		}
		c.Action, c.IDs = action, []int64{id}
		if err := c.onlyFor(); err != nil {
			return err
		}
		changed, err := a.apply(r.Context(), &c)
		if err != nil {
			return named(err, errErrorNotFound)
		}
		if len(changed) == 0 {
			return errErrorNotFound
		}
		answer, err := a.changed(r.Context(), id, &c)
		if err != nil {
			return named(err, errErrorNotFound)
		}
		return problem.JSON(w, http.StatusOK, answer)
	}
}

// changed says what became of one issue.
func (a *api) changed(ctx context.Context, id int64, c *command) (changeJSON, error) {
	answer := changeJSON{Status: changes[c.Action], ID: id, Environment: c.Environment}
	switch c.Action {
	case "mute":
		answer.MutedUntil = &nullable{orNullTime(c.muted.Until)}
		answer.Events, answer.Users = c.muted.Events, c.muted.Users
	case "assign":
		answer.Assignee = &nullable{orNullText(c.Assignee)}
	case "resolve":
		if c.In == "" && c.Release == "" {
			break
		}
		// Which release that is was chosen in the store.
		i, err := a.Tracker.Issue(ctx, id)
		if err != nil {
			return answer, err
		}
		answer.ResolvedIn = newFixJSON(i.Fix)
	}
	return answer, nil
}

type bulkJSON struct {
	Status   string  `json:"status"`
	Changed  int     `json:"changed"`
	IDs      []int64 `json:"ids"`
	NotFound []int64 `json:"not_found"`
}

// bulk is POST /api/errors/bulk: one action on many issues, in one transaction.
func (a *api) bulk(w http.ResponseWriter, r *http.Request) error {
	c, err := readCommand(w, r)
	if err != nil {
		return err
	}
	status, known := changes[c.Action]
	if !known {
		return errs.New(errs.Invalid, "action = %q, want %s", eventjson.Cut(c.Action, 60), changeNames)
	}
	if err := c.needIDs(); err != nil {
		return err
	}
	if err := c.onlyFor(); err != nil {
		return err
	}
	changed, err := a.apply(r.Context(), &c)
	if err != nil {
		return named(err, errErrorNotFound)
	}
	slices.Sort(changed)
	answer := bulkJSON{Status: status, Changed: len(changed), IDs: append([]int64{}, changed...), NotFound: []int64{}}
	for _, id := range c.IDs {
		if _, done := slices.BinarySearch(changed, id); !done {
			answer.NotFound = append(answer.NotFound, id)
		}
	}
	return problem.JSON(w, http.StatusOK, answer)
}

type mergeJSON struct {
	Status string  `json:"status"`
	ID     int64   `json:"id"`
	Merged []int64 `json:"merged"`
}

type unmergeJSON struct {
	Status string `json:"status"`
	ID     int64  `json:"id"` // of the new issue
	From   int64  `json:"from"`
}

// merge is POST /api/errors/{id}/merge: the issues in ids become part of it.
func (a *api) merge(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	c, err := readCommand(w, r)
	if err != nil {
		return err
	}
	if err := c.needIDs(); err != nil {
		return err
	}
	if slices.Contains(c.IDs, id) {
		return errs.New(errs.Invalid, "ids has %d, the error to merge into", id)
	}
	if err := a.Tracker.Merge(r.Context(), id, c.IDs); err != nil {
		return named(err, errErrorNotFound)
	}
	return problem.JSON(w, http.StatusOK, mergeJSON{"merged", id, c.IDs})
}

// unmerge is POST /api/errors/{id}/unmerge: the group with the fingerprint
// becomes an issue of its own.
func (a *api) unmerge(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	c, err := readCommand(w, r)
	if err != nil {
		return err
	}
	h, ok := tracker.ParseHash(c.Fingerprint)
	if !ok {
		return errs.New(errs.Invalid, "fingerprint = %q, want 32 hex digits", eventjson.Cut(c.Fingerprint, 60))
	}
	issue, err := a.Tracker.Unmerge(r.Context(), id, h, a.Now())
	if err != nil {
		return named(err, errErrorNotFound)
	}
	return problem.JSON(w, http.StatusCreated, unmergeJSON{"unmerged", issue.ID, id})
}
