//go:build linux || darwin

package sqlitedb

import "syscall"

// diskSpace is the size of the disk under dir and what is left of it for this
// process, in bytes.
func diskSpace(dir string) (total, free int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Blocks) * int64(s.Bsize), int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // the types differ between systems
}
