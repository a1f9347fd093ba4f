package worker

import (
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
)

// AlertStats counts what the alert loop did since the start of the process.
type AlertStats struct {
	Composed  int64     // mails made, one for each recipient
	Digests   int64     // digests made, each of them one or more mails
	Dropped   int64     // alerts about issues that were muted, resolved or gone by then
	Sent      int64     // mails that the server took
	Failed    int64     // attempts that failed
	GivenUp   int64     // mails that will not be tried again
	Pending   int64     // alerts that no mail was made for, after the last pass
	Down      bool      // the last attempt failed for a reason that concerns every mail
	LastSent  time.Time // zero if never
	LastError string    // of the last attempt that failed; "" after a mail was sent
}

type alertCounters struct {
	mu sync.Mutex
	s  AlertStats
}

// Stats returns the counters. It never blocks on the store or the mail server.
func (a *Alerts) Stats() AlertStats {
	a.stats.mu.Lock()
	defer a.stats.mu.Unlock()
	return a.stats.s
}

func (c *alertCounters) composed(r alerting.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Composed += int64(r.Mails)
	c.s.Digests += int64(r.Digests)
	c.s.Dropped += int64(r.Dropped)
	c.s.Pending = int64(r.Waiting)
}

func (c *alertCounters) sent(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Sent++
	c.s.LastSent, c.s.LastError, c.s.Down = at, "", false
}

func (c *alertCounters) failed(reason string, givenUp, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Failed++
	if givenUp {
		c.s.GivenUp++
	}
	c.s.LastError, c.s.Down = reason, down
}

func (c *alertCounters) up() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Down = false
}
