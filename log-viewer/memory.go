package main

import "github.com/monlight/monlight/shared/server"

// memoryOf is for what the environment leaves open: the garbage collector keeps
// a part of MEMORY_LIMIT free for what it does not count, such as the caches of
// SQLite and the program itself.
func memoryOf(limit int64) server.Memory {
	return server.Memory{Limit: limit * 3 / 4, GCPercent: 75}
}
