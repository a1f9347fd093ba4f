//go:build unix

package docker

import (
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// TestOnlyRegularFilesAreOpened asks for everything else that a name can stand
// for, inside of the folder, where os.Root follows links.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("file"), []byte("secret"), 0o600))
	must(t, os.Symlink("file", at("link")))
	must(t, os.Symlink("link", at("link-to-link")))
	must(t, os.Symlink("nothing", at("dangling")))
	must(t, os.Mkdir(at("folder"), 0o700))
	must(t, os.Symlink("folder", at("link-to-folder")))
	makeFIFO(t, at("fifo"))
	must(t, os.Symlink("fifo", at("link-to-fifo")))
	names := []string{"link", "link-to-link", "dangling", "folder", "link-to-folder", "fifo", "link-to-fifo"}
	const zero = 1<<8 | 5 // what /dev/zero is
	if err := syscall.Mknod(at("device"), syscall.S_IFCHR|0o600, zero); err == nil {
		names = append(names, "device")
	} else if os.Getuid() == 0 {
		t.Errorf("no device was made: %v", err)
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	for _, name := range names {
		done := make(chan error, 1)
		go func() {
			f, err := openRegular(root, name)
			if err == nil {
				f.Close()
			}
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s was opened", name)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: opening it waits", name)
		}
	}
	f, err := openRegular(root, "file")
	must(t, err)
	f.Close()
}

// TestAFileThatIsSwappedForALink puts a link to another file in place of one
// again and again, while it is opened: between the look at it and the opening.
func TestAFileThatIsSwappedForALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("other"), []byte("other"), 0o600))
	must(t, os.WriteFile(at("own"), []byte("own"), 0o600))
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	stop, swapped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(swapped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Symlink("other", at("link"))
			_ = os.Rename(at("link"), at("log"))
			_ = os.Link(at("own"), at("file"))
			_ = os.Rename(at("file"), at("log"))
		}
	}()
	opened, refused := 0, 0
	for end := time.Now().Add(20 * time.Second); (opened < 2000 || refused < 2000) && time.Now().Before(end); {
		f, err := openRegular(root, "log")
		if err != nil {
			refused++
			continue
		}
		opened++
		var b [8]byte
		n, _ := f.Read(b[:])
		f.Close()
		if got := string(b[:n]); got != "own" {
			t.Errorf("opened %q, want own or a refusal", got)
			break
		}
	}
	close(stop)
	<-swapped
	if opened == 0 || refused == 0 {
		t.Errorf("opened %d times and refused %d times, want both", opened, refused)
	}
}

// TestLinksToOtherContainersAreNotRead has containers whose files are links to
// those of another one: its lines would be there twice, under another name.
func TestLinksToOtherContainersAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shop := w.container(1, "shop", nil)
	shop.write("stdout", "from the shop")

	log := w.container(2, "log-is-a-link", nil)
	must(t, os.Remove(log.path()))
	must(t, os.Symlink("../"+shop.id+"/"+logName(shop.id), log.path()))

	config := w.container(3, "config-is-a-link", nil)
	must(t, os.Remove(filepath.Join(w.dir, config.id, configFile)))
	must(t, os.Symlink("../"+shop.id+"/"+configFile, filepath.Join(w.dir, config.id, configFile)))
	config.write("stdout", "goes by its id")

	older := w.container(4, "older-is-a-link", nil) // beside a compressed one that is not
	must(t, os.Symlink("../"+shop.id+"/"+logName(shop.id), older.path()+".1"))
	gz, err := os.Create(older.path() + ".1.gz")
	must(t, err)
	z := gzip.NewWriter(gz)
	_, err = z.Write(older.record("stdout", "compressed\n"))
	must(t, errors.Join(err, z.Close(), gz.Close()))
	older.write("stdout", "newer than the compressed")

	const folder = "folder-that-is-a-link"
	must(t, os.Symlink(shop.id, filepath.Join(w.dir, folder)))
	must(t, os.WriteFile(filepath.Join(w.dir, shop.id, logName(folder)), shop.record("stdout", "through a folder\n"), 0o600))

	turned := w.container(5, "turned", nil)
	turned.write("stdout", "before it turned")

	_, stop := w.start(Options{TailBytes: 1 << 20})
	has := func(message string) func() bool {
		return func() bool { return strings.Contains(strings.Join(w.messages(), "\n"), message) }
	}
	for _, m := range []string{"from the shop", "goes by its id", "newer than the compressed", "before it turned"} {
		w.eventually(m, has(m))
	}
	// A log that is being read becomes a link, and a file again.
	must(t, os.Rename(turned.path(), turned.path()+".1"))
	must(t, os.Symlink("../"+shop.id+"/"+logName(shop.id), turned.path()))
	shop.write("stdout", "while it was turned")
	w.eventually("the next line", has("while it was turned"))
	stop()
	s, stopAgain := w.start(Options{TailBytes: 1 << 20}) // again, from the cursors
	defer stopAgain()
	turned.file.Close()
	must(t, os.Remove(turned.path()))
	turned.open()
	turned.write("stdout", "turned back")
	shop.write("stdout", "the last line")
	w.eventually("the last lines", func() bool { return has("turned back")() && has("the last line")() })

	entries, _, err := w.store.Since(t.Context(), 0, logs.Filter{}, 1000)
	must(t, err)
	want := map[string]string{
		"from the shop": "shop", "while it was turned": "shop", "the last line": "shop", "goes by its id": config.id[:12],
		"newer than the compressed": "older-is-a-link", "before it turned": "turned", "turned back": "turned",
	}
	for _, e := range entries {
		if from, ok := want[e.Message]; !ok || from != e.Source {
			t.Errorf("%q of %s, want it once, of %q", e.Message, e.Source, from)
		}
		delete(want, e.Message)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	for _, c := range s.Status().Containers {
		if c.ID == folder {
			t.Errorf("a link to a folder is a container: %+v", c)
		}
	}
	// The older file that is one is in the list in place of the link of its age.
	root, err := os.OpenRoot(w.dir)
	must(t, err)
	defer root.Close()
	all, err := rotations(root, older.id)
	if err != nil || len(all) != 2 || !strings.HasSuffix(all[0].name, ".1.gz") {
		t.Errorf("files of a log: %+v, %v, want the compressed one and the one that is written", all, err)
	}
}

// TestAHardLinkIsAFile: nothing tells it from a log of its own, and copies of a
// folder made of hard links are no attack. Each name is read once.
func TestAHardLinkIsAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shop := w.container(1, "shop", nil)
	twin := w.container(2, "twin", nil)
	must(t, os.Remove(twin.path()))
	must(t, os.Link(shop.path(), twin.path()))
	shop.write("stdout", "a line")
	for range 2 {
		_, stop := w.start(Options{TailBytes: 1 << 20})
		w.eventually("both", func() bool { return len(w.messages()) >= 2 })
		stop()
	}
	entries, _, err := w.store.Since(t.Context(), 0, logs.Filter{}, 10)
	must(t, err)
	if len(entries) != 2 || entries[0].Source == entries[1].Source || entries[0].Message != "a line" || entries[1].Message != "a line" {
		t.Errorf("entries %+v, want the line once by each name", entries)
	}
}
