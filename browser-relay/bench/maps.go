package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// lookups is how many places of a bundle are looked up.
const lookups = 20_000

// reading is what a program says about reading a map.
type reading struct {
	ColdMS    float64 `json:"coldMS"`    // from nothing to 30 calls
	ColdCPU   float64 `json:"coldCPU"`   // the same in milliseconds of processor time
	PerSecond float64 `json:"perSecond"` // lookups, after that
	PeakMB    float64 `json:"peakMB"`    // resident, over what the program takes without
}

// benchMaps measures uploads and lookups of large source maps, beside go-sourcemap
// and npm's trace-mapping.
func benchMaps(ctx context.Context, c config) error {
	folder, err := bundles(ctx, c)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.js.map"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("no source maps in %s", folder))
	}
	fmt.Println("| map | upload: time, CPU | relay RSS: at rest, peak, of that the program file | on disk | 30 calls, cold: time, CPU | lookups/s | memory |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	var agreements []string
	for _, f := range sorted(files) {
		text, err := measureMap(ctx, c, f)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		agreements = append(agreements, text)
	}
	fmt.Println("\ncold: from a map that nobody read yet to 30 calls, median of 20 for browser-relay, whose calls come with 11 source lines each.\nmemory: peak of the reading program, over what it takes without the map.")
	fmt.Println(strings.Join(agreements, "\n"))
	return nil
}

// bundles makes the bundles, unless their folder is given.
func bundles(ctx context.Context, c config) (string, error) {
	if c.maps != "" {
		return c.maps, nil
	}
	folder := filepath.Join(os.TempDir(), "monlight-bench-maps")
	if _, err := os.Stat(filepath.Join(folder, "huge.js.map")); err == nil {
		return folder, nil
	}
	for _, line := range []string{"npm ci --ignore-scripts --no-audit --no-fund", "node build.mjs " + folder} {
		cmd := exec.CommandContext(ctx, "sh", "-c", line)
		cmd.Dir = "maps"
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	return folder, nil
}

// sorted puts the smallest file first.
func sorted(files []string) []string {
	size := func(f string) int64 {
		info, err := os.Stat(f)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for i := range files {
		for j := i; j > 0 && size(files[j]) < size(files[j-1]); j-- {
			files[j], files[j-1] = files[j-1], files[j]
		}
	}
	return files
}

// measureMap prints the rows of a map and returns how far the answers agree.
func measureMap(ctx context.Context, c config, file string) (string, error) {
	s, err := startStack(ctx, c)
	if err != nil {
		return "", err
	}
	defer s.stop()
	idle, err := s.relay.rest(ctx)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	begin, used := time.Now(), s.relay.cpu()
	if err := s.upload(ctx, file); err != nil {
		return "", err
	}
	took, peak, pages := time.Since(begin), s.relay.peak(), s.relay.memory("RssFile:")
	used = s.relay.cpu() - used
	if err := s.relay.end(); err != nil {
		return "", err
	}
	database := filepath.Join(s.dir, "browser-relay.db")
	kept, err := os.Stat(database)
	if err != nil {
		return "", err
	}
	positions := filepath.Join(s.dir, "positions")
	if err := writePositions(strings.TrimSuffix(file, ".map"), positions); err != nil {
		return "", err
	}
	answers := map[string][]string{}
	name := fmt.Sprintf("%s, %.1f MB", strings.TrimSuffix(filepath.Base(file), ".js.map"), float64(info.Size())/1e6)
	for _, program := range []string{"browser-relay", "go-sourcemap", "trace-mapping"} {
		out := filepath.Join(s.dir, program)
		command := []string{os.Args[0], "-read", program, file, database, positions, out}
		if program == "trace-mapping" {
			command = []string{"node", filepath.Join("maps", "trace.mjs"), file, positions, out}
		}
		r, err := read(ctx, command)
		if err != nil {
			return "", fmt.Errorf("%s: %w", program, err)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(name, "huge") {
			err := errors.Join(
				c.note("source map of 38 MB: 30 calls of one that nobody read yet", program, r.ColdMS, "ms", true, 0),
				c.note("source map of 38 MB: random lookups", program, r.PerSecond, "/s", false, 0),
				c.note("source map of 38 MB: memory for reading it", program, r.PeakMB, "MB", true, 0),
			)
			if err != nil {
				return "", err
			}
		}
		answers[program] = strings.Split(strings.TrimSpace(string(text)), "\n")
		if program == "browser-relay" {
			fmt.Printf("| **%s**: browser-relay | %.2f s, %.2f s | %.1f, **%.1f**, %.1f MB | %.1f MB | **%.1f ms**, %.1f ms | %.0f | %.1f MB |\n", name, took.Seconds(), used.Seconds(), idle, peak, pages, float64(kept.Size())/1e6, r.ColdMS, r.ColdCPU, r.PerSecond, r.PeakMB)
		} else {
			fmt.Printf("| %s: %s | | | %.1f MB | %.0f ms, %.0f ms | %.0f | %.0f MB |\n", name, program, float64(info.Size())/1e6, r.ColdMS, r.ColdCPU, r.PerSecond, r.PeakMB)
		}
	}
	return agreement(name, answers)
}

// agreement compares what the programs found.
func agreement(name string, answers map[string][]string) (string, error) {
	ours, trace, gosm := answers["browser-relay"], answers["trace-mapping"], answers["go-sourcemap"]
	if len(ours) != lookups || len(trace) != lookups || len(gosm) != lookups {
		return "", fmt.Errorf("%d, %d and %d answers to %d questions", len(ours), len(trace), len(gosm), lookups)
	}
	found, same, extra := 0, 0, 0
	for i := range ours {
		if ours[i] != trace[i] {
			return "", fmt.Errorf("answer %d is %q, trace-mapping says %q", i+1, ours[i], trace[i])
		}
		switch {
		case ours[i] != "none":
			found++
			if gosm[i] == ours[i] {
				same++
			}
		case gosm[i] != "none":
			extra++
		}
	}
	return fmt.Sprintf("%s: all %d lookups agree with trace-mapping; of the %d that have an original %d agree with go-sourcemap, which gives one to %d others.", name, lookups, found, same, extra), nil
}

// read runs a program that reads a map.
func read(ctx context.Context, command []string) (r reading, err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return r, json.Unmarshal(out, &r)
}

func (s *stack) upload(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.relay.url+"/api/source-maps?project=bench&release=1&file_url=/app.js", f)
	if err != nil {
		return err
	}
	r.Header.Set("X-API-Key", adminKey)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusCreated {
		err = fmt.Errorf("upload: %s: %s", res.Status, body)
	}
	return err
}

// writePositions chooses places in a script, each character as likely as any other.
func writePositions(script, path string) error {
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	var starts []int
	for i := range text {
		if i == 0 || text[i-1] == '\n' {
			starts = append(starts, i)
		}
	}
	var b strings.Builder
	for range lookups {
		at := random.IntN(len(text))
		low, high := 0, len(starts)
		for high-low > 1 {
			if mid := (low + high) / 2; starts[mid] <= at {
				low = mid
			} else {
				high = mid
			}
		}
		fmt.Fprintln(&b, low+1, at-starts[low]+1)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
