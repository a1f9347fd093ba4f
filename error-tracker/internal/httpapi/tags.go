package httpapi

import (
	"net/http"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/problem"
)

// tagJSON is a tag with its most frequent values.
type tagJSON struct {
	Name        string      `json:"name"`
	Count       int64       `json:"count"`
	Values      []shareJSON `json:"values"`
	OtherValues int         `json:"other_values"` // that are not listed
	OtherCount  int64       `json:"other_count"`  // and their events
}

func newTagJSON(t *tracker.TagShares) tagJSON {
	listed := min(len(t.Values), maxListedTagValues)
	j := tagJSON{Name: t.Name, Count: t.Events, Values: newShareList(t.Values[:listed]), OtherValues: len(t.Values) - listed}
	for _, s := range t.Values[listed:] {
		j.OtherCount += s.Count
	}
	return j
}

// tags is GET /api/errors/{id}/tags.
func (a *api) tags(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	all, whole, err := a.Tracker.IssueTags(r.Context(), id)
	if err != nil {
		return named(err, errErrorNotFound)
	}
	listed := min(len(all), maxListedTags)
	answer := struct {
		Tags      []tagJSON `json:"tags"`
		OtherTags int       `json:"other_tags"` // that are not listed
		Complete  bool      `json:"complete"`   // false: the counts are those of a part of the events
	}{make([]tagJSON, listed), len(all) - listed, whole}
	for i := range answer.Tags {
		answer.Tags[i] = newTagJSON(&all[i])
	}
	return problem.JSON(w, http.StatusOK, answer)
}
