package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const batchPoints = 1000

func benchIngest(ctx context.Context, c config) error {
	fmt.Printf("\nIngest: %d points in batches of %d, %d connections. \"known\": every series was sent before; \"cold\": none was.\n\n", c.points, batchPoints, c.clients)
	fmt.Println("| target | series | state | points/s | server CPU ns/point | RSS after, MB | peak RSS, MB | disk, MB |")
	fmt.Println("|---|---:|---|---:|---:|---:|---:|---:|")
	for _, series := range c.series {
		for _, name := range []string{"metrics-collector", "victoria-metrics", "prometheus"} {
			if c.only != "" && c.only != name {
				continue
			}
			if _, err := exec.LookPath(name); name != "metrics-collector" && err != nil {
				continue
			}
			if err := ingestOne(ctx, c, name, series); err != nil {
				return err
			}
		}
	}
	return nil
}

func ingestOne(ctx context.Context, c config, name string, series int) error {
	t, err := start(ctx, c, name)
	if err != nil {
		return err
	}
	defer t.stop()
	if err := measure(t, c, series, c.points, "cold"); err != nil {
		return err
	}
	// The known series are spread over all batches, as services send them.
	if err := measure(t, c, series, c.points, "known"); err != nil {
		return err
	}
	if name == "metrics-collector" && !c.quick {
		return flushFigures(t)
	}
	return nil
}

// measure sends points of the series, in turns, from all clients. Every client
// has series of its own, as some targets refuse points that are out of order.
func measure(t *target, c config, series, points int, state string) error {
	points = max(points, series)
	// Bodies are made ahead, so that making them is not measured.
	bodies := makeBodies(t, c, series, points)
	var failed atomic.Value
	var done sync.WaitGroup
	cpu, begin := t.cpu(), time.Now()
	for client := range c.clients {
		done.Go(func() {
			for _, b := range bodies[client] {
				if err := t.send(b); err != nil {
					failed.CompareAndSwap(nil, err)
					return
				}
			}
		})
	}
	done.Wait()
	took := time.Since(begin)
	if err, ok := failed.Load().(error); ok {
		return err
	}
	sent := 0
	for _, list := range bodies {
		sent += len(list) * batchPoints
	}
	used := t.cpu() - cpu
	now, peak := t.memory()
	fmt.Printf("| %s | %d | %s | %.2f M | %.0f | %.0f | %.0f | %.1f |\n", t.name, series, state,
		float64(sent)/took.Seconds()/1e6, float64(used.Nanoseconds())/float64(sent), now, peak, t.disk())
	if sent == 0 {
		return errors.New("nothing was sent")
	}
	if state != "known" {
		return nil
	}
	aim := 0.0
	if series == 10_000 {
		aim = 1_000_000
	}
	of := fmt.Sprintf(" of %d series that are known", series)
	return errors.Join(
		c.note("points"+of, t.name, float64(sent)/took.Seconds(), "/s", false, aim),
		c.note("processor time for a point"+of, t.name, float64(used.Nanoseconds())/float64(sent), "ns", true, 0),
		c.note("peak memory under points"+of, t.name, peak, "MB", true, 0),
	)
}

func makeBodies(t *target, c config, series, points int) [][][]byte {
	bodies := make([][][]byte, c.clients)
	now := time.Now().UnixMilli()
	var done sync.WaitGroup
	for client := range c.clients {
		done.Go(func() {
			r := rand.New(rand.NewPCG(uint64(client), uint64(now)))
			next, own := client, points/c.clients/batchPoints
			if own == 0 {
				own = 1
			}
			batch := make([]point, batchPoints)
			for n := range own {
				for i := range batch {
					batch[i] = point{next, now + int64(n), valueOf(r, next)}
					if next += c.clients; next >= series {
						next = client
					}
				}
				bodies[client] = append(bodies[client], t.encode(nil, batch))
			}
		})
	}
	done.Wait()
	return bodies
}

// flushFigures waits for the flush of what was sent and shows what it cost.
func flushFigures(t *target) error {
	before, begin := t.cpu(), time.Now()
	for time.Since(begin) < 130*time.Second {
		time.Sleep(2 * time.Second)
		b, _, err := t.get("/metrics")
		if err != nil {
			return err
		}
		f := figures(b)
		if f["metrics_collector_unflushed_cells"] == 0 && f["metrics_collector_flushes_total"] > 0 {
			time.Sleep(62 * time.Second) // the upkeep of that minute
			now, peak := t.memory()
			fmt.Printf("\nAfter the flush and one round of upkeep: last flush %.1f ms, longest commit of a flush %.1f ms, CPU of both %.0f ms, RSS %.0f MB (peak %.0f), disk %.1f MB\n\n",
				f["metrics_collector_last_flush_seconds"]*1e3, f["metrics_collector_longest_flush_commit_seconds"]*1e3,
				float64((t.cpu() - before).Milliseconds()), now, peak, t.disk())
			return nil
		}
	}
	return errors.New("nothing was flushed in two minutes")
}

// figures reads the values without labels of a /metrics page.
func figures(page []byte) map[string]float64 {
	f := make(map[string]float64)
	for line := range strings.Lines(string(page)) {
		var name string
		var v float64
		if n, _ := fmt.Sscan(line, &name, &v); n == 2 {
			f[name] = v
		}
	}
	return f
}
