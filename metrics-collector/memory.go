package main

import "github.com/monlight/monlight/shared/server"

// memory is for what the environment leaves open. It leaves room for what is not
// flushed, and grows with the series: a limit that is below what is in use anyway
// would have the collector work all the time.
var memory = server.Memory{Limit: 44 << 20, GCPercent: 200}

// bytesPerSeries is half as much again as a series and its open minute take. With
// 690 the peak is a tenth lower, with 560 the collector takes twice the time.
const bytesPerSeries = 800
