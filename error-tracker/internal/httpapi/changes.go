package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// changes are the actions on issues, by the name that the path or a bulk
// request has for them, and what an issue is called afterwards.
var changes = map[string]string{
	"resolve": "resolved", "unresolve": "unresolved", "mute": "muted", "unmute": "unmuted", "delete": "deleted",
}

// apply does action to the issues and returns those that exist.
func (a *api) apply(ctx context.Context, action string, ids []int64, until time.Time) ([]int64, error) {
	switch action {
	case "resolve":
		return a.Tracker.Resolve(ctx, ids, a.Now())
	case "unresolve":
		return a.Tracker.Unresolve(ctx, ids)
	case "mute":
		return a.Tracker.Mute(ctx, ids, until)
	case "unmute":
		return a.Tracker.Unmute(ctx, ids)
	case "delete":
		return a.Tracker.Delete(ctx, ids)
	}
	return nil, fmt.Errorf("no action %q", action)
}

type changeJSON struct {
	Status string `json:"status"`
	ID     int64  `json:"id"`
	// MutedUntil is set by mute only; null is for ever.
	MutedUntil *nullable `json:"muted_until,omitempty"`
}

// change returns the handler of POST /api/errors/{id}/<action>, and of DELETE.
func (a *api) change(action string) problem.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r, "id")
		if err != nil {
			return err
		}
		var until time.Time
		if action == "mute" { // the others need nothing more, and ignore what is sent
			if until, err = a.muteUntil(w, r); err != nil {
				return err
			}
		}
		changed, err := a.apply(r.Context(), action, []int64{id}, until)
		if err != nil {
			return named(err, errErrorNotFound)
		}
		if len(changed) == 0 {
			return errErrorNotFound
		}
		answer := changeJSON{Status: changes[action], ID: id}
		if action == "mute" {
			answer.MutedUntil = &nullable{orNullTime(until)}
		}
		return problem.JSON(w, http.StatusOK, answer)
	}
}

// muteUntil reads until or for, from the query string or the body.
func (a *api) muteUntil(w http.ResponseWriter, r *http.Request) (time.Time, error) {
	v, err := parameters(r)
	if err != nil {
		return time.Time{}, err
	}
	c := command{Until: v.Get("until"), For: v.Get("for")}
	if c.Until == "" && c.For == "" {
		if c, err = readCommand(w, r); err != nil {
			return time.Time{}, err
		}
	}
	return c.muteUntil(a.Now())
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
		return errs.New(errs.Invalid, "action = %q, want resolve, unresolve, mute, unmute or delete", eventjson.Cut(c.Action, 60))
	}
	if err := c.needIDs(); err != nil {
		return err
	}
	until, err := c.muteUntil(a.Now())
	if err != nil {
		return err
	}
	changed, err := a.apply(r.Context(), c.Action, c.IDs, until)
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
