package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/sync/errgroup"

	"github.com/monlight/monlight/shared/backup"
)

const maxHeaderBytes = 12 << 10 // net/http adds 4 KB

// times are the limits on time of a running service.
type times struct {
	readHeader, read, write, idle time.Duration // as in http.Server

	unused time.Duration // a stop waits so long for connections that have sent nothing yet
	drain  time.Duration // and so long for running requests
	cancel time.Duration // and so long after cancelling their contexts
	jobs   time.Duration // and so long for background jobs
	stop   time.Duration // all of a stop, with the closers

	minPause, maxPause time.Duration // before a job starts again after a panic
}

var defaultTimes = times{
	readHeader: 5 * time.Second, read: 15 * time.Second, write: 30 * time.Second, idle: 60 * time.Second,
	unused: 250 * time.Millisecond, drain: 5 * time.Second, cancel: time.Second, jobs: 2 * time.Second,
	stop: 9500 * time.Millisecond, minPause: time.Second, maxPause: time.Minute,
}

// Options describe a running service.
type Options struct {
	Edge    *Edge
	Handler http.Handler // everything but /health and /metrics
	Health  HealthFunc   // nil: always healthy

	// MetricsGuard guards /metrics on the service's own address, usually
	// [auth.Guard.API]. When it is nil, or METRICS_ADDR is set, /metrics is not
	// served there.
	MetricsGuard func(http.Handler) http.Handler

	// Jobs run in the background until their context is done, which is after the
	// last request has finished. An error of a job stops the service; a panic is
	// logged and the job is started again after a pause.
	Jobs []func(ctx context.Context) error

	// Backup writes a checked copy of the service's database to a path, usually
	// [sqlitedb.DB.Backup]; it is called on the schedule of Settings.Backup. nil
	// makes no copies.
	Backup func(ctx context.Context, dst string) error

	// Closers run in order after the jobs have ended: close the database here.
	Closers []func(ctx context.Context) error

	Sites []Site // further addresses

	Listener net.Listener        // instead of listening on Settings.Addr
	Ready    func(addr net.Addr) // called once when the service listens

	times *times // nil is defaultTimes; tests shorten them
}

// Site is a further address of a service, with routes of its own. /health is
// served there too, and /metrics if MetricsGuard is set, as in Options.
type Site struct {
	Addr         string
	Handler      http.Handler
	MetricsGuard func(http.Handler) http.Handler
}

// Handler returns what Run serves, for tests with net/http/httptest.
func Handler(o Options) http.Handler {
	health := Health(o.Edge.log, o.Health)
	var metrics http.Handler
	if o.MetricsGuard != nil && o.Edge.settings.MetricsAddr == "" {
		metrics = o.MetricsGuard(Metrics(o.Edge.Registry()))
	}
	routes, _ := o.Handler.(chi.Routes)
	return o.Edge.wrap(routes, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := chi.RouteContext(r.Context())
		switch {
		case r.URL.Path == "/health":
			route.RoutePatterns = append(route.RoutePatterns, r.URL.Path)
			health.ServeHTTP(w, r)
		case r.URL.Path == "/metrics" && metrics != nil:
			route.RoutePatterns = append(route.RoutePatterns, r.URL.Path)
			metrics.ServeHTTP(w, r)
		default:
			route.Routes = routes // what a router sets that finds no route context
			o.Handler.ServeHTTP(w, r)
		}
	}))
}

// Run serves until ctx is done, SIGTERM or SIGINT arrives, or a job fails. Then
// it stops within 10 s: it accepts no more connections, gives running requests
// 5 s and then cancels their contexts, ends the jobs, and calls the closers. It
// returns nil after a stop that was asked for and left nothing behind. A second
// signal ends the process at once.
func Run(ctx context.Context, o Options) error {
	if o.times == nil {
		o.times = &defaultTimes
	}
	log := o.Edge.log
	ctx, restore := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer restore()

	if o.Backup != nil && o.Edge.settings.Backup.Dir != "" {
		schedule := backup.New(o.Edge.service, o.Edge.settings.Backup, o.Backup, time.Now, log)
		o.Edge.Registry().MustRegister(schedule)
		o.Jobs = append(o.Jobs, schedule.Run)
	}
	o.Jobs = append(slices.Clip(o.Jobs), o.Edge.rest)
	fronts, err := o.listen(ctx)
	if err != nil {
		return errors.Join(err, o.closeAll(context.WithoutCancel(ctx)))
	}
	jobsCtx, endJobs := context.WithCancel(context.WithoutCancel(ctx))
	defer endJobs()
	group, failed := errgroup.WithContext(jobsCtx)
	for _, f := range fronts {
		group.Go(f.serve)
	}
	for i, job := range o.Jobs {
		group.Go(func() error { return o.keepRunning(failed, i, job) })
	}
	log.InfoContext(ctx, "listening", "addr", fronts[0].listener.Addr().String())
	if o.Ready != nil {
		o.Ready(fronts[0].listener.Addr())
	}

	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	restore() // from here on a signal has its usual effect
	began := time.Now()
	log.InfoContext(ctx, "stopping")
	if err = o.stop(context.WithoutCancel(ctx), fronts, endJobs, group); err != nil {
		return err
	}
	log.InfoContext(ctx, "stopped", "duration_ms", time.Since(began).Milliseconds())
	return nil
}

// listen opens the service's address and the one of its metrics.
func (o Options) listen(ctx context.Context) ([]*front, error) {
	s := o.Edge.settings
	l := o.Listener
	if l == nil {
		var err error
		if l, err = listen(ctx, s.Addr); err != nil {
			return nil, err
		}
	}
	fronts := []*front{newFront(newLimitListener(l, s.MaxConnections, s.TrustedProxies), Handler(o), o)}
	for _, site := range o.Sites {
		l, err := listen(ctx, site.Addr)
		if err != nil {
			closeListeners(fronts)
			return nil, err
		}
		h := Handler(Options{Edge: o.Edge, Handler: site.Handler, Health: o.Health, MetricsGuard: site.MetricsGuard})
		fronts = append(fronts, newFront(newLimitListener(l, s.MaxConnections, s.TrustedProxies), h, o))
	}
	if s.MetricsAddr == "" {
		return fronts, nil
	}
	l, err := listen(ctx, s.MetricsAddr)
	if err != nil {
		closeListeners(fronts)
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", Metrics(o.Edge.Registry()))
	const maxScrapers = 16
	return append(fronts, newFront(newLimitListener(l, maxScrapers, nil), mux, o)), nil
}

func closeListeners(fronts []*front) {
	for _, f := range fronts {
		_ = f.listener.Close()
	}
}

// stop ends everything in order: requests, jobs, closers.
func (o Options) stop(ctx context.Context, fronts []*front, endJobs func(), group *errgroup.Group) error {
	ctx, cancel := context.WithTimeout(ctx, o.times.stop)
	defer cancel()
	var stopped sync.WaitGroup
	for _, f := range fronts {
		stopped.Go(func() { f.stop(ctx, o.times) })
	}
	stopped.Wait()
	endJobs()
	jobs := within(ctx, o.times.jobs, "background jobs", func(context.Context) error { return group.Wait() })
	return errors.Join(jobs, o.closeAll(ctx))
}

// closeAll calls the closers in order, also after one has failed.
func (o Options) closeAll(ctx context.Context) error {
	var err error
	for _, c := range o.Closers {
		err = errors.Join(err, within(ctx, o.times.stop, "closing", c))
	}
	return err
}

// within runs f and gives up on it after d or when ctx is done.
func within(ctx context.Context, d time.Duration, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s did not end in time", what)
	}
}

// keepRunning runs a job until it returns, and again after a panic.
func (o Options) keepRunning(ctx context.Context, i int, job func(context.Context) error) error {
	pause := o.times.minPause
	for {
		panicked, err := o.runJob(ctx, i, job)
		if !panicked {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, o.times.maxPause)
	}
}

func (o Options) runJob(ctx context.Context, i int, job func(context.Context) error) (panicked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			panicked = true
			o.Edge.log.ErrorContext(ctx, "job panicked", "job", i, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	err = job(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // it was told to end
	}
	return false, err
}

// front is one address that is served.
type front struct {
	listener *limitListener
	server   *http.Server
	stopping chan struct{}
	cancel   context.CancelFunc
}

func newFront(l *limitListener, h http.Handler, o Options) *front {
	stopping := make(chan struct{})
	base, cancel := context.WithCancel(context.WithValue(context.Background(), stoppingKey{}, (<-chan struct{})(stopping)))
	return &front{
		listener: l, stopping: stopping, cancel: cancel,
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: o.times.readHeader,
			ReadTimeout:       o.times.read,
			WriteTimeout:      o.times.write,
			IdleTimeout:       o.times.idle,
			MaxHeaderBytes:    maxHeaderBytes,
			BaseContext:       func(net.Listener) context.Context { return base },
			ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
			ErrorLog:          slog.NewLogLogger(o.Edge.log.Handler(), slog.LevelDebug),
		},
	}
}

func (f *front) serve() error {
	if err := f.server.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stop ends serving: first the streams and unused connections, then what runs.
func (f *front) stop(ctx context.Context, t *times) {
	close(f.stopping)
	unused := time.AfterFunc(t.unused, f.listener.closeUnused)
	defer unused.Stop()
	drain, done := context.WithTimeout(ctx, t.drain)
	defer done()
	if f.server.Shutdown(drain) != nil {
		f.cancel()
		grace, done := context.WithTimeout(ctx, t.cancel)
		defer done()
		_ = f.server.Shutdown(grace)
	}
	f.cancel()
	_ = f.server.Close()
}
