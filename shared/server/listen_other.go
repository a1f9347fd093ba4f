//go:build !linux

package server

import (
	"syscall"
	"time"
)

func limitUnanswered(syscall.RawConn, time.Duration) error { return nil }
