//go:build !linux

package lineartest

import "time"

func timeOf(f func(string), text string) time.Duration {
	begin := time.Now()
	f(text)
	return max(time.Since(begin), 1)
}
