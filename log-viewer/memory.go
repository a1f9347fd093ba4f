package main

import "github.com/monlight/monlight/shared/server"

// memoryOf is for what the environment leaves open: the garbage collector keeps
// a part of MEMORY_LIMIT free for what it does not count: the program itself, which
// is 10 MB, and the caches of SQLite.
func memoryOf(limit int64) server.Memory {
	const others = 16 << 20
	return server.Memory{Limit: max(limit/2, min(limit*3/4, limit-others)), GCPercent: 75}
}
