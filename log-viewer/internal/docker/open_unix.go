//go:build unix

package docker

import (
	"io/fs"
	"syscall"
)

const openFlags = syscall.O_NONBLOCK

func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
