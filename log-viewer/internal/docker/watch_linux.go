package docker

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// watcher hears of changes through inotify. What it does not hear, because the
// system has no more watches or the file system none at all, polling finds.
type watcher struct {
	dir  string
	file *os.File // nil: polling alone
	fd   int
	// C has an element when there is news.
	C chan struct{}

	mu     sync.Mutex
	ids    map[int32]string // by watch; "" is the folder of the containers
	watch  map[string]int32
	dirty  map[string]bool
	listed bool // containers came or went
}

// settle is how long events are collected before they are passed on.
const settle = 20 * time.Millisecond

// newWatcherIf returns a watcher of the folder dir, one that hears nothing when
// on is false.
func newWatcherIf(on bool, dir string) *watcher {
	w := &watcher{dir: dir, C: make(chan struct{}, 1), ids: map[int32]string{}, watch: map[string]int32{}, dirty: map[string]bool{}}
	if !on {
		return w
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	w.fd, w.file = fd, os.NewFile(uintptr(fd), "inotify")
	return w
}

// run reads events until close.
func (w *watcher) run() {
	if w.file == nil {
		return
	}
	var buf [32 << 10]byte
	for {
		n, err := w.file.Read(buf[:])
		if err != nil {
			return
		}
		w.events(buf[:n])
		select {
		case w.C <- struct{}{}:
		default:
		}
		time.Sleep(settle) // the kernel joins what is equal meanwhile
	}
}

func (w *watcher) events(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		name := int(binary.NativeEndian.Uint32(b[12:]))
		b = b[min(len(b), unix.SizeofInotifyEvent+name):]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			w.listed = true
			for id := range w.watch {
				w.dirty[id] = true
			}
			continue
		}
		id, ok := w.ids[wd]
		switch {
		case !ok:
		case mask&unix.IN_IGNORED != 0:
			delete(w.ids, wd)
			delete(w.watch, id)
			w.listed = true
		case id == "":
			w.listed = true
		default:
			w.dirty[id] = true
			if mask&(unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE_SELF) != 0 { // perhaps its config
				w.listed = true
			}
		}
	}
}

// add watches the folder of a container, or that of all with "", and tells whether it
// did not before. What happened there until now was not heard.
func (w *watcher) add(id string) bool {
	if w.file == nil || w.watches(id) {
		return false
	}
	const mask = unix.IN_MODIFY | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE_SELF | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW
	path := w.dir
	flags := uint32(mask)
	if id == "" {
		flags = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_ONLYDIR
	} else {
		path = filepath.Join(w.dir, id)
	}
	w.mu.Lock() // the first event may be read before its watch is known
	defer w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(w.fd, path, flags)
	if err != nil {
		return false
	}
	w.ids[int32(wd)], w.watch[id] = id, int32(wd)
	return true
}

func (w *watcher) watches(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.watch[id]
	return ok
}

// take returns what is new since the last call.
func (w *watcher) take() (dirty map[string]bool, listed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dirty, listed = w.dirty, w.listed
	w.dirty, w.listed = map[string]bool{}, false
	return dirty, listed
}

func (w *watcher) close() {
	if w.file != nil {
		w.file.Close()
	}
}
