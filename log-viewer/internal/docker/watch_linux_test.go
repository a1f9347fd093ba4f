package docker

import "testing"

// What changes while a container is looked at for the first time is announced to nobody:
// it is looked at once more, not only when Rescan has passed.
func TestContainersThatAreNewAreLookedAtTwice(t *testing.T) {
	w := newWorld(t)
	s := New(Options{Dir: w.dir}, w.store, w.store)
	must(t, s.begin(t.Context()))
	defer s.end()
	defer s.watch.close()
	for n, want := range []bool{true, false, true, false, false} { // the folder itself, and then a container
		if n == 2 {
			w.container(1, "web", nil)
		}
		s.scan(t.Context())
		if s.again != want {
			t.Errorf("scan %d: one more is wanted: %v, want %v", n, s.again, want)
		}
	}
}
