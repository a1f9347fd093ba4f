package webui

import "github.com/monlight/monlight/error-tracker/internal/tracker"

// people is how many met an error, for people: "10 000+" when that many are told
// apart and there may be more.
func people(n int64, format func(int64) string) string {
	if n >= tracker.MaxUsers {
		return format(n) + "+"
	}
	return format(n)
}
