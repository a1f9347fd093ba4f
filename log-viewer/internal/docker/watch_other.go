//go:build !linux

package docker

// watcher hears of nothing here: polling finds what is new.
type watcher struct {
	C chan struct{}
}

func newWatcherIf(bool, string) *watcher         { return &watcher{} }
func (w *watcher) run()                          {}
func (w *watcher) add(string) bool               { return false }
func (w *watcher) watches(string) bool           { return false }
func (w *watcher) take() (map[string]bool, bool) { return nil, false }
func (w *watcher) close()                        {}
