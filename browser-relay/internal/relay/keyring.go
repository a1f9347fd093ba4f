package relay

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

// DefaultGrace is how long a key that was replaced still works, for pages that
// are open or in caches.
const DefaultGrace = 24 * time.Hour

// Keyring is all keys in memory, in step with their store. It is safe for
// concurrent use.
type Keyring struct {
	store  KeyStore
	global Origins // CORS_ORIGINS
	now    func() time.Time

	change sync.Mutex // held while a change is stored, so that changes are made one at a time
	mu     sync.RWMutex
	byText map[string]*Key
	byID   map[int64]*Key
	seen   map[int64]time.Time // not stored yet
}

// InitialKey is a key that the operator has set: see NewKeyring.
type InitialKey struct{ Project, PublicKey string }

// NewKeyring loads the keys. Initial keys that are not there are added; those
// that are there stay as they are, so a key that was switched off stays off.
// global are the origins of keys that have none of their own.
func NewKeyring(ctx context.Context, store KeyStore, initial []InitialKey, global Origins, now func() time.Time, log *slog.Logger) (*Keyring, error) {
	r := &Keyring{store: store, global: global, now: now, byText: map[string]*Key{}, byID: map[int64]*Key{}, seen: map[int64]time.Time{}}
	keys, err := store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		r.put(k)
	}
	for _, i := range initial {
		if r.byText[i.PublicKey] != nil {
			continue
		}
		k, err := store.AddKey(ctx, Key{PublicKey: i.PublicKey, Project: i.Project, Active: true, Created: now()})
		if err != nil {
			return nil, err
		}
		r.put(k)
		log.InfoContext(ctx, "key added from DSN_KEYS", "project", i.Project, "key_id", k.ID)
	}
	return r, nil
}

func (r *Keyring) put(k Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byText[k.PublicKey], r.byID[k.ID] = &k, &k
}

// Find returns the working key of a text.
func (r *Keyring) Find(publicKey string) (Key, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k := r.byText[publicKey]
	if k == nil || !k.Works(r.now()) {
		return Key{}, false
	}
	return *k, true
}

// Allows tells how an origin may use k: by k's own origins, and only without any
// by those of the service. A key without origins of its own takes requests of
// other origins too; they are not readable for their pages.
func (r *Keyring) Allows(k *Key, origin string) (m Match, refuse bool) {
	if len(k.Origins) > 0 {
		m = k.Origins.Match(origin)
		return m, m == NotAllowed
	}
	return r.global.Match(origin), false
}

// AllowsAny tells how an origin is allowed by the service's origins or those of
// any working key: for preflights, which carry no key.
func (r *Keyring) AllowsAny(origin string) Match {
	best := r.global.Match(origin)
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.now()
	for _, k := range r.byID {
		if best == Named {
			break
		}
		if len(k.Origins) > 0 && k.Works(now) {
			if m := k.Origins.Match(origin); m == Named || best == NotAllowed {
				best = m
			}
		}
	}
	return best
}

// Saw notes that a key was used.
func (r *Keyring) Saw(id int64) {
	now := r.now().Truncate(time.Minute)
	r.mu.RLock()
	k := r.byID[id]
	if k != nil && now.Before(k.Created) {
		now = k.Created
	}
	fresh := k != nil && k.LastSeen.Equal(now)
	r.mu.RUnlock()
	if k == nil || fresh {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.byID[id]; k != nil {
		next := *k // readers may hold the old one
		next.LastSeen = now
		r.byID[id], r.byText[k.PublicKey] = &next, &next
		r.seen[id] = now
	}
}

// Flush stores what Saw noted.
func (r *Keyring) Flush(ctx context.Context) error {
	r.mu.Lock()
	seen := r.seen
	r.seen = map[int64]time.Time{}
	r.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	err := r.store.SawKeys(ctx, seen)
	if err != nil {
		r.mu.Lock()
		for id, at := range seen {
			if _, newer := r.seen[id]; !newer {
				r.seen[id] = at
			}
		}
		r.mu.Unlock()
	}
	return err
}

// List returns all keys in the order of their ids.
func (r *Keyring) List() []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]Key, 0, len(r.byID))
	for _, k := range r.byID {
		list = append(list, *k)
	}
	slices.SortFunc(list, func(a, b Key) int { return int(a.ID - b.ID) })
	return list
}

// Key returns the key with an id, working or not. NotFound if there is none.
func (r *Keyring) Key(id int64) (Key, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k := r.byID[id]
	if k == nil {
		return Key{}, errs.New(errs.NotFound, "DSN key not found")
	}
	return *k, nil
}

// Create makes a key of what people chose: project, label, origins and rate.
func (r *Keyring) Create(ctx context.Context, k Key) (Key, error) {
	if err := k.Validate(); err != nil {
		return Key{}, err
	}
	r.change.Lock()
	defer r.change.Unlock()
	k.PublicKey, k.Active, k.Created = NewPublicKey(), true, r.now()
	k, err := r.store.AddKey(ctx, k)
	if err != nil {
		return Key{}, err
	}
	r.put(k)
	return k, nil
}

// Change applies f to the key with an id and stores the result. f must leave
// text, project and times alone.
func (r *Keyring) Change(ctx context.Context, id int64, f func(k *Key)) (Key, error) {
	r.change.Lock()
	defer r.change.Unlock()
	k, err := r.Key(id)
	if err != nil {
		return Key{}, err
	}
	f(&k)
	if err := k.Validate(); err != nil {
		return Key{}, err
	}
	if err := r.store.SaveKey(ctx, k); err != nil {
		return Key{}, err
	}
	r.put(k)
	return k, nil
}

// SetActive switches a key on or off. A key that is switched on no longer expires.
func (r *Keyring) SetActive(ctx context.Context, id int64, active bool) (Key, error) {
	return r.Change(ctx, id, func(k *Key) { k.SetActive(active) })
}

// Rotate makes a new key with the project, label, origins and rate of the one
// with an id, which stops working after grace. Conflict if that does not work
// any more.
func (r *Keyring) Rotate(ctx context.Context, id int64, grace time.Duration) (fresh, old Key, err error) {
	if grace < 0 || grace > MaxGrace {
		return Key{}, Key{}, errs.New(errs.Invalid, "grace is %s, want 0 to %d days", grace, MaxGrace/(24*time.Hour))
	}
	r.change.Lock()
	defer r.change.Unlock()
	old, err = r.Key(id)
	if err != nil {
		return Key{}, Key{}, err
	}
	now := r.now()
	if !old.Works(now) || !old.Expires.IsZero() {
		return Key{}, Key{}, errs.New(errs.Conflict, "DSN key %d is switched off or was rotated already", id)
	}
	fresh = Key{PublicKey: NewPublicKey(), Project: old.Project, Label: old.Label, Origins: old.Origins, Rate: old.Rate, Active: true, Created: now}
	old.Expires = now.Add(grace)
	if fresh, err = r.store.ReplaceKey(ctx, id, old.Expires, fresh); err != nil {
		return Key{}, Key{}, err
	}
	r.put(old)
	r.put(fresh)
	return fresh, old, nil
}
