package main

import "github.com/monlight/monlight/shared/server"

// memory is what the garbage collector is told when the environment leaves it
// open: it fits the 64 MiB of the compose file.
var memory = server.Memory{Limit: 40 << 20, GCPercent: 75}
