package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory reads a field like VmHWM of the process, in MB.
func memory(pid int, field string) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte(field+":")); ok {
			n, _ := strconv.ParseFloat(strings.Fields(string(rest))[0], 64)
			return n / 1024
		}
	}
	return 0
}

// cpuOf is the processor time of another process so far.
func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	u, _ := strconv.ParseInt(f[11], 10, 64)
	s, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(u+s) * 10 * time.Millisecond
}

// diskMB is the size of the files in a folder.
func diskMB(dir string) float64 {
	total := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if fi, err := os.Stat(f); err == nil && fi.Mode().IsRegular() {
			total += fi.Size()
		}
	}
	return float64(total) / 1e6
}

// measure runs f some times and returns the median and 95th percentile of its
// time and its mean CPU time, in milliseconds.
func measure(f func() error, cpu func() time.Duration) (p50, p95, cpuMS float64, err error) {
	if err := f(); err != nil { // first time: pages and caches fill
		return 0, 0, 0, err
	}
	var times []float64
	began, before := time.Now(), cpu()
	for len(times) < 3 || len(times) < 9 && time.Since(began) < 5*time.Second || len(times) < 100 && time.Since(began) < time.Second {
		start := time.Now()
		if err := f(); err != nil {
			return 0, 0, 0, err
		}
		times = append(times, float64(time.Since(start).Microseconds())/1000)
	}
	used := float64((cpu() - before).Microseconds()) / 1000 / float64(len(times))
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*95/100], used, nil
}
