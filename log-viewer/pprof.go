//go:build pprof

package main

import (
	"log"
	"net/http"
	_ "net/http/pprof" // on the default mux, which nothing else here uses
	"os"
	"time"
)

// A build with -tags pprof serves profiles on PPROF_ADDR, without a key. It is
// for measuring on one's own machine and never part of a release.
func init() {
	addr := os.Getenv("PPROF_ADDR")
	if addr == "" {
		return
	}
	s := &http.Server{Addr: addr, ReadHeaderTimeout: 5 * time.Second}
	go func() { log.Print(s.ListenAndServe()) }()
}
