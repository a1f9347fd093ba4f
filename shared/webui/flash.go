package webui

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// Flash is a message about what the reader just did, shown once on the next page.
type Flash struct {
	Text  string
	Error bool
	Undo  *Undo // a button that takes it back; may be nil
}

// Undo is a form of one button.
type Undo struct {
	Label  string
	Action string // path, with base path
	Fields []Field
}

// Field is a hidden input of a form.
type Field struct{ Name, Value string }

const (
	flashLife  = time.Minute
	maxFlashes = 256
)

// flashes keeps messages between a POST and the page after it. The browser
// carries a random name only, so nobody can put words into our mouth. They
// are forgotten on restart, which is no loss.
type flashes struct {
	now  func() time.Time
	mu   sync.Mutex
	byID map[string]flashEntry
}

type flashEntry struct {
	flash Flash
	until time.Time
}

// Flash shows f on the next page that this browser loads.
func (u *UI) Flash(w http.ResponseWriter, f Flash) {
	id := rand.Text()
	u.flashes.put(id, f)
	http.SetCookie(w, &http.Cookie{
		Name: u.flashCookie(), Value: id, Path: u.Path("/"), MaxAge: int(flashLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// HasFlash tells whether the next page of this browser has something to show already.
func (u *UI) HasFlash(r *http.Request) bool {
	c, err := r.Cookie(u.flashCookie())
	if err != nil {
		return false
	}
	u.flashes.mu.Lock()
	defer u.flashes.mu.Unlock()
	e, ok := u.flashes.byID[c.Value]
	return ok && !u.flashes.now().After(e.until)
}

func (f *flashes) put(id string, flash Flash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.byID == nil {
		f.byID = map[string]flashEntry{}
	}
	for k, e := range f.byID {
		// Over the limit any may go: it is a courtesy, not a record.
		if now.After(e.until) || len(f.byID) >= maxFlashes {
			delete(f.byID, k)
		}
	}
	f.byID[id] = flashEntry{flash, now.Add(flashLife)}
}

func (f *flashes) take(w http.ResponseWriter, r *http.Request, cookie, path string) *Flash {
	c, err := r.Cookie(cookie)
	if err != nil {
		return nil
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: path, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.byID[c.Value]
	delete(f.byID, c.Value)
	if !ok || f.now().After(e.until) {
		return nil
	}
	return &e.flash
}
