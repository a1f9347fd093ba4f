package harness

import (
	"os"
	"syscall"
	"testing"
)

// Disk mounts a file system of the given size, for example "8m", in memory and
// returns its folder. It needs root, see NeedRoot.
func Disk(t testing.TB, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Fatalf("mount a %s disk: %v", size, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
	return folder
}

// Resize makes a file system that Disk mounted larger or smaller.
func Resize(t testing.TB, folder, size string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_REMOUNT, "size="+size+",mode=0700"); err != nil {
		t.Fatalf("resize the disk to %s: %v", size, err)
	}
}

// Fill writes a file until its disk is full.
func Fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 64<<10)
	for {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}
