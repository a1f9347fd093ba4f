package main

import "github.com/monlight/monlight/shared/server"

// memory is for what the environment leaves open. With 14 MiB and 50 % a report
// of 50 KB cost four times the processor time, and one of 8 KB a third more, for
// 3 to 5 MB less at the peak.
var memory = server.Memory{Limit: 32 << 20, GCPercent: 100}
