//go:build !unix

package docker

import "io/fs"

const openFlags = 0

func inodeOf(fs.FileInfo) uint64 { return 0 }
