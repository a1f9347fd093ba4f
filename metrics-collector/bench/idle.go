package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// idleTime is how long after its start a server is looked at. Nothing asks it
// anything meanwhile.
const idleTime = 70 * time.Second

// benchIdle shows the memory of servers that have nothing to do.
func benchIdle(ctx context.Context, c config) error {
	fmt.Printf("\nIdle: memory %.0f s after a start without data.\n\n| target | RSS, MB | of it not of files, MB | peak RSS, MB |\n|---|---:|---:|---:|\n", idleTime.Seconds())
	for _, name := range []string{"metrics-collector", "victoria-metrics", "prometheus"} {
		if _, err := exec.LookPath(name); c.only != "" && c.only != name || name != "metrics-collector" && err != nil {
			continue
		}
		t, err := start(ctx, c, name)
		if err != nil {
			return err
		}
		time.Sleep(idleTime)
		now, peak := t.memory()
		if err := c.note("memory without work", name, now, "MB", true, 12); err != nil {
			t.stop()
			return err
		}
		fmt.Printf("| %s | %.1f | %.1f | %.1f |\n", name, now, t.status("RssAnon"), peak)
		t.stop()
	}
	return nil
}
