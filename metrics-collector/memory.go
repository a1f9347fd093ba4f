package main

import "github.com/monlight/monlight/shared/server"

// memory is for what the environment leaves open. It leaves room for what is not
// flushed, and grows with the series: a limit that is below what is in use anyway
// would have the collector work all the time.
var memory = server.Memory{Limit: 44 << 20, GCPercent: 200}

const bytesPerSeries = 1200
