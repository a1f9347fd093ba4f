// Package status tells how a service does: GET /api/status, in one shape for all
// of them, and the same for the page of people.
package status

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/problem"
	"github.com/monlight/monlight/shared/server"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Options describe the service.
type Options struct {
	Service, Version string
	DB               *sqlitedb.DB
	Edge             *server.Edge
	LimitBytes       int64                              // what the service lets its data take; 0 is no limit
	Ingest           func() Ingest                      // what came in since the start
	Warnings         func(ctx context.Context) []string // what is wrong beside what is seen here; may be nil
	Peers            *Peers                             // may be nil
	Log              *slog.Logger                       // its mistakes are shown
	Now              func() time.Time                   // nil is time.Now
	Started          time.Time                          // zero is when New was called
	memory           func() (rss int64)                 // tests set it
	stats            func(*sqlitedb.DB) sqlitedb.Stats  // tests set it
}

// Ingest is what came in since the start, and what became of it. Its unit is that
// of the service: reports, entries, points, items.
type Ingest struct {
	Unit     string           `json:"unit"`
	Accepted int64            `json:"accepted"` // answered with 2xx: on disk
	Rejected int64            `json:"rejected"` // wrong, answered with 4xx
	Limited  int64            `json:"limited"`  // beyond a limit on number or rate
	Dropped  int64            `json:"dropped"`  // lost, or refused because the service could not keep it
	Details  map[string]int64 `json:"details"`  // the service's own names; may be empty
}

// Report is the body of GET /api/status.
type Report struct {
	Service       string      `json:"service"`
	Version       string      `json:"version"`
	Status        string      `json:"status"` // "ok", or "degraded" when there are warnings
	Started       time.Time   `json:"started"`
	UptimeSeconds int64       `json:"uptime_seconds"`
	SchemaVersion int         `json:"schema_version"`
	Memory        Memory      `json:"memory"`
	Storage       Storage     `json:"storage"`
	Requests      Requests    `json:"requests"`
	Ingest        Ingest      `json:"ingest"`
	Warnings      []string    `json:"warnings"`
	Mistakes      []Mistake   `json:"mistakes"`
	Peers         []PeerState `json:"peers"`
}

// Memory is what the process uses.
type Memory struct {
	RSSBytes *int64 `json:"rss_bytes"` // resident set; null where the system does not tell
}

// Storage is the database and its disk.
type Storage struct {
	DatabaseBytes  int64  `json:"database_bytes"`
	WALBytes       int64  `json:"wal_bytes"`
	DiskFreeBytes  *int64 `json:"disk_free_bytes"`  // null where the system does not tell
	DiskFloorBytes int64  `json:"disk_floor_bytes"` // free space under which writes are refused
	LimitBytes     *int64 `json:"limit_bytes"`      // what the data may take; null is no limit
}

// Requests are answers since the start.
type Requests struct {
	Answered    int64 `json:"answered"`
	Limited     int64 `json:"limited"`     // 429
	Unavailable int64 `json:"unavailable"` // 503
	Failed      int64 `json:"failed"`      // other 5xx
}

// Mistake is a warning or an error of the service's log, with its repetitions.
type Mistake struct {
	Level     string    `json:"level"` // "warn" or "error"
	Message   string    `json:"message"`
	Count     int64     `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	RequestID string    `json:"request_id,omitempty"`
	Facts     []Fact    `json:"facts"`
}

// Fact is a detail of the last of a mistake's repetitions.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Status reads how the service does. It is safe for concurrent use.
type Status struct{ opts Options }

// New returns the Status of a service.
func New(o Options) *Status {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Started.IsZero() {
		o.Started = o.Now()
	}
	if o.memory == nil {
		o.memory = residentBytes
	}
	if o.stats == nil {
		o.stats = (*sqlitedb.DB).Stats
	}
	return &Status{o}
}

// Read returns how the service does now. The peers are asked anew when what is
// known of them is older than ten seconds.
func (s *Status) Read(ctx context.Context) Report {
	o, now := s.opts, s.opts.Now()
	db, answers := o.stats(o.DB), o.Edge.Answers()
	r := Report{
		Service: o.Service, Version: o.Version, Status: "ok",
		Started: o.Started.UTC().Truncate(time.Second), UptimeSeconds: int64(now.Sub(o.Started) / time.Second), SchemaVersion: o.DB.Version(),
		Storage: Storage{
			DatabaseBytes: db.DatabaseBytes, WALBytes: db.WALBytes, DiskFreeBytes: known(db.DiskFree, db.DiskFree >= 0),
			DiskFloorBytes: db.MinFree, LimitBytes: known(o.LimitBytes, o.LimitBytes > 0),
		},
		Requests: Requests{answers.All, answers.Limited, answers.Unavailable, answers.Failed},
		Ingest:   o.Ingest(),
		Warnings: warnings(db),
		Mistakes: mistakes(o.Log),
		Peers:    o.Peers.ask(ctx),
	}
	rss := o.memory()
	r.Memory.RSSBytes = known(rss, rss > 0)
	if r.Ingest.Details == nil {
		r.Ingest.Details = map[string]int64{}
	}
	if o.Warnings != nil {
		r.Warnings = append(r.Warnings, o.Warnings(ctx)...)
	}
	if len(r.Warnings) > 0 {
		r.Status = "degraded"
	}
	return r
}

// Handler answers GET /api/status.
func (s *Status) Handler() http.HandlerFunc {
	return problem.Handler(s.opts.Log, func(w http.ResponseWriter, r *http.Request) error {
		return problem.JSON(w, http.StatusOK, s.Read(r.Context()))
	})
}

func known(n int64, ok bool) *int64 {
	if !ok {
		return nil
	}
	return &n
}

func mistakes(log *slog.Logger) []Mistake {
	out := []Mistake{}
	for _, m := range logging.Mistakes(log) {
		level := "warn"
		if m.Level >= slog.LevelError {
			level = "error"
		}
		facts := []Fact{}
		for _, f := range m.Facts {
			facts = append(facts, Fact(f))
		}
		out = append(out, Mistake{
			Level: level, Message: m.Message, Count: m.Count, First: m.First.UTC(), Last: m.Last.UTC(), RequestID: m.RequestID, Facts: facts,
		})
	}
	return out
}
