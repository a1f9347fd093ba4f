package status

import (
	"os"
	"strconv"
	"strings"
)

// residentBytes is the memory of this process that is in RAM; 0 is unknown.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm") // total and resident pages, and more
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
