package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/auth"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
)

// keyJSON is a DSN key in answers.
type keyJSON struct {
	ID        int64    `json:"id"`
	PublicKey string   `json:"public_key"`
	Project   string   `json:"project"`
	Active    bool     `json:"active"`
	CreatedAt string   `json:"created_at"`
	Label     string   `json:"label"`
	Origins   []string `json:"origins"`
	RateLimit int      `json:"rate_limit"` // 0 is the default
	LastSeen  *string  `json:"last_seen"`
	ExpiresAt *string  `json:"expires_at"`
}

func (a *api) keyJSON(r *http.Request, k *relay.Key) keyJSON {
	j := keyJSON{
		ID: k.ID, Project: k.Project, Active: k.Works(a.Now()), CreatedAt: stamp(k.Created), Label: k.Label,
		Origins: append([]string{}, k.Origins...), RateLimit: k.Rate,
	}
	if !auth.ReadOnly(r) { // reports could be sent with it
		j.PublicKey = k.PublicKey
	}
	for _, t := range []struct {
		at time.Time
		to **string
	}{{k.LastSeen, &j.LastSeen}, {k.Expires, &j.ExpiresAt}} {
		if !t.at.IsZero() {
			text := stamp(t.at)
			*t.to = &text
		}
	}
	return j
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// command reads the small JSON body of an administrator; an unknown member, and
// one of another type than wanted, is an error. With optional set there may be
// no body.
func command(r *http.Request, optional bool, member func(p *jsonpull.Parser, name string) error) error {
	body, release, err := server.ReadBody(r)
	defer release()
	if err != nil {
		return err
	}
	if len(body) == 0 && optional {
		return nil
	}
	var wrong error
	err = decodeObject(body, func(p *jsonpull.Parser, name string) {
		if err := member(p, name); err != nil && wrong == nil {
			wrong = err
		}
	})
	if err != nil {
		return err
	}
	return wrong
}

// keyMember reads what people choose for a key.
func keyMember(p *jsonpull.Parser, name string, k *relay.Key) error {
	ok := true
	switch name {
	case "label":
		k.Label, ok = p.String()
	case "rate_limit":
		var text string
		if text, ok = p.Number(); ok {
			n, err := strconv.Atoi(text)
			k.Rate, ok = n, err == nil
		}
		if !ok {
			return errs.New(errs.Invalid, "rate_limit must be a whole number of requests per minute, 0 being the default")
		}
	case "origins":
		if p.Kind() != jsonpull.Array {
			return errs.New(errs.Invalid, "origins must be an array of strings")
		}
		k.Origins = nil
		for range p.Array() {
			s, isText := p.String()
			ok = ok && isText
			if len(k.Origins) <= relay.MaxOrigins {
				k.Origins = append(k.Origins, s)
			}
		}
	default:
		return errs.New(errs.Invalid, "unknown member %.50q", name)
	}
	if !ok {
		return errs.New(errs.Invalid, "%s is of the wrong type", name)
	}
	return nil
}

func (a *api) createKey(w http.ResponseWriter, r *http.Request) error {
	var k relay.Key
	has := false
	err := command(r, false, func(p *jsonpull.Parser, name string) error {
		if name == "project" {
			k.Project, has = p.String()
			return nil
		}
		return keyMember(p, name, &k)
	})
	if err != nil {
		return err
	}
	if !has {
		return errs.New(errs.Invalid, "Missing required field: project")
	}
	if k, err = a.Keys.Create(r.Context(), k); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, a.keyJSON(r, &k))
}

func (a *api) listKeys(w http.ResponseWriter, r *http.Request) error {
	keys := []keyJSON{}
	for _, k := range a.Keys.List() {
		keys = append(keys, a.keyJSON(r, &k))
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"keys": keys})
}

// idOf reads the id in a path.
func idOf(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil || id < 0 {
		return 0, errs.New(errs.Invalid, "Invalid ID")
	}
	return id, nil
}

func (a *api) getKey(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	k, err := a.Keys.Key(id)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, a.keyJSON(r, &k))
}

func (a *api) changeKey(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	var changes relay.Key
	given := map[string]bool{}
	err = command(r, false, func(p *jsonpull.Parser, name string) error {
		given[name] = true
		if name == "active" {
			var ok bool
			if changes.Active, ok = p.Bool(); !ok {
				return errs.New(errs.Invalid, "active must be true or false")
			}
			return nil
		}
		return keyMember(p, name, &changes)
	})
	if err != nil {
		return err
	}
	k, err := a.Keys.Change(r.Context(), id, func(k *relay.Key) {
		if given["label"] {
			k.Label = changes.Label
		}
		if given["rate_limit"] {
			k.Rate = changes.Rate
		}
		if given["origins"] {
			k.Origins = changes.Origins
		}
		if given["active"] {
			k.SetActive(changes.Active)
		}
	})
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, a.keyJSON(r, &k))
}

func (a *api) deactivateKey(w http.ResponseWriter, r *http.Request) error {
	return a.setActive(w, r, false, "deactivated")
}

func (a *api) activateKey(w http.ResponseWriter, r *http.Request) error {
	return a.setActive(w, r, true, "activated")
}

func (a *api) setActive(w http.ResponseWriter, r *http.Request, active bool, status string) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if _, err := a.Keys.SetActive(r.Context(), id, active); err != nil {
		return err
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"status": status, "id": id})
}

func (a *api) rotateKey(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	grace := relay.DefaultGrace
	err = command(r, true, func(p *jsonpull.Parser, name string) error {
		if name != "grace" {
			return errs.New(errs.Invalid, "unknown member %.50q", name)
		}
		text, ok := scalar(p)
		d, err := config.ParseDuration(text)
		if !ok || err != nil {
			return errs.New(errs.Invalid, `grace is %.50q, want a time such as "24h", "7d" or "0s"`, text)
		}
		grace = d
		return nil
	})
	if err != nil {
		return err
	}
	fresh, old, err := a.Keys.Rotate(r.Context(), id, grace)
	if err != nil {
		return err
	}
	return problem.JSON(w, http.StatusCreated, struct {
		keyJSON
		Replaces map[string]any `json:"replaces"`
	}{a.keyJSON(r, &fresh), map[string]any{"id": old.ID, "expires_at": stamp(old.Expires)}})
}
