package docker

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// scan looks for containers that came, went or changed.
func (s *Source) scan(ctx context.Context) {
	if err := s.openRoot(); err != nil {
		s.dirFailed(ctx, err)
		return
	}
	ids, err := list(s.root)
	if err != nil {
		s.root.Close()
		s.root = nil
		s.dirFailed(ctx, err)
		return
	}
	if s.dirError != nil {
		s.opts.Log.InfoContext(ctx, "containers can be read again", "dir", s.opts.Dir)
		s.dirError = nil
	}
	s.again = false
	s.seen = s.seen || len(ids) > 0
	s.hear("")
	s.excluded = s.excluded[:0]
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[id] = true
		s.look(ctx, id)
	}
	s.scans++
	for id := range s.unfinished {
		if !there[id] || s.followers[id] != nil {
			delete(s.unfinished, id)
		}
	}
	if len(ids) > 0 || s.seen { // an empty folder may be one that is not mounted
		for id, f := range s.followers {
			f.gone = !there[id]
		}
		for id := range s.saved {
			if !there[id] {
				delete(s.saved, id)
				s.batch.Cursors = append(s.batch.Cursors, logs.Cursor{Key: cursorKey(id)})
			}
		}
	}
}

// look reads the config of a container and follows its log, or no longer.
func (s *Source) look(ctx context.Context, id string) {
	c, seen, err := configOf(s.root, id)
	f := s.followers[id]
	if f == nil && (missing(err) || errors.Is(err, errUnfinished)) && s.young(id) {
		s.again = true // it is being made
		s.watch.add(id)
		return
	}
	if err != nil && !missing(err) && f == nil {
		s.opts.Log.WarnContext(ctx, "config of a container cannot be read, it goes by its id", "container", c.name, "err", err)
	}
	if err != nil && f != nil {
		c = f.container // being written, or gone in a moment
	}
	if ok, reason := s.opts.Selection.wants(c); !ok {
		s.excluded = append(s.excluded, Container{ID: id, Name: c.name, State: Excluded, Reason: reason})
		if f != nil {
			f.flush(s.opts.Now())
			f.moved = true
			s.keep(f)
			s.saved[id] = f.cursor
			f.close()
			delete(s.followers, id)
		}
		return
	}
	if f == nil {
		f = newFollower(c, s.root, &s.dec, &s.buf, &s.count, s.emit)
		// Whatever was made since the first run is read from its beginning.
		f.fromStart = c.created.After(s.birth) || c.created.IsZero() && s.scans > 0
		s.followers[id] = f
		s.opts.Log.InfoContext(ctx, "reading container log", "container", c.name, "id", id[:min(len(id), 12)])
	} else if f.container != c {
		f.container, f.announced = c, false
	}
	if f.alive = seen != nil; f.alive {
		now := s.opts.Now()
		turns := f.life.turns(f.name, *seen, now)
		if f.life == nil && s.scans > 0 { // made since we began to look
			turns = (&history{at: now}).turns(f.name, *seen, now)
		}
		if len(f.turns) == 0 {
			f.turnedAt = now
		}
		f.turns = append(f.turns, turns...)
		f.life = f.life.with(*seen, now)
	}
	f.dirty = true
	s.hear(id)
}

// hear listens for changes in the folder of a container, or that of all with "". What
// changed since it was looked at and before somebody listened is found by one more scan.
func (s *Source) hear(id string) {
	if s.watch.add(id) {
		s.again = true
	}
}

// configWithin is how long after making its folder Docker may take to write a
// container's config.
const configWithin = 10 * time.Second

// young tells whether a container without a config may have been made a moment
// ago.
func (s *Source) young(id string) bool {
	info, err := s.root.Lstat(id)
	if err != nil {
		return false
	}
	now := s.opts.Now()
	if _, ok := s.unfinished[id]; !ok {
		s.unfinished[id] = now
	}
	// Rotations change the folder too, but not when we saw it first.
	return now.Sub(info.ModTime()) < configWithin && now.Sub(s.unfinished[id]) < configWithin
}

func (s *Source) openRoot() error {
	if s.root != nil {
		// Another folder may have been mounted there, or this one taken away.
		open, err1 := s.root.Stat(".")
		now, err2 := os.Stat(s.opts.Dir)
		if err1 == nil && err2 == nil && os.SameFile(open, now) {
			return nil
		}
		s.root.Close()
		s.root = nil
	}
	root, err := os.OpenRoot(s.opts.Dir)
	if err != nil {
		return err
	}
	s.root, s.seen = root, false
	for _, f := range s.followers {
		f.root = root
	}
	return nil
}

// dirFailed notes that the folder cannot be read, and says so once.
func (s *Source) dirFailed(ctx context.Context, err error) {
	if s.dirError == nil || s.dirError.Error() != err.Error() {
		s.opts.Log.WarnContext(ctx, "folder of the containers cannot be read", "dir", s.opts.Dir, "err", err)
	}
	s.dirError = err
	if errors.Is(err, os.ErrNotExist) {
		s.excluded = nil
	}
}
