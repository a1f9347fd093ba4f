package harness

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// MemoryUse is the resident memory of a process, in bytes.
type MemoryUse struct {
	Resident  int64 // now
	Peak      int64 // the most so far
	Anonymous int64 // of what is resident now: its own, that is heap and stacks
	File      int64 // of what is resident now: pages of files, mostly of its binary
}

// MemoryOf reads /proc/PID/status.
func MemoryOf(pid int) (MemoryUse, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return MemoryUse{}, err
	}
	var m MemoryUse
	fields := map[string]*int64{"VmRSS": &m.Resident, "VmHWM": &m.Peak, "RssAnon": &m.Anonymous, "RssFile": &m.File}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		into, wanted := fields[name]
		if !wanted {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return MemoryUse{}, fmt.Errorf("%s of process %d: %w", name, pid, err)
		}
		*into = kb << 10
	}
	return m, nil
}

// ResetPeak has the kernel count Peak of a process anew.
func ResetPeak(pid int) error {
	const peak = "5"
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte(peak), 0)
}
