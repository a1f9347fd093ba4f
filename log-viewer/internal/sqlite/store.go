// Package sqlite keeps log entries in a SQLite file: new ones in batches as
// they came, older ones in blocks (package block) that are found by what they
// contain. docs/logs.md describes the design.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema, one file for each version.
func Migrations() fs.FS { return migrations }

// ApplicationID marks our files.
const ApplicationID = 0x4d4c4c56 // "MLLV"

// pageSize is the size of a page of the database, in bytes.
const pageSize = 8192

// DatabaseOptions are those that the database of a Store has to be opened with.
func DatabaseOptions(log *slog.Logger) sqlitedb.Options {
	return sqlitedb.Options{
		Migrations: Migrations(), ApplicationID: ApplicationID, Log: log,
		PageSize: pageSize, WriterCacheKiB: 1024, ReaderCacheKiB: 512, ReadTimeout: 60 * time.Second,
	}
}

// Options says how a Store works. Its zero value keeps everything.
type Options struct {
	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now

	// MemoryLimit is what the process may take, in bytes; blocks, caches and
	// queues are smaller with less. 0 is no limit.
	MemoryLimit int64

	MaxAge     time.Duration // entries that are older, or arrived longer ago, are removed; 0 keeps them
	MaxBytes   int64         // of the database without its write-ahead log; the oldest entries are removed beyond; 0 is no bound
	MaxEntries int64         // likewise; 0 is no bound

	// RetainEvery is how often that is looked after; 0 is a minute. More entries
	// than are kept, by one in 20, are removed at once.
	RetainEvery time.Duration

	// SealAfter is how old entries get before they go into a block even if it
	// is not full; 0 is an hour.
	SealAfter time.Duration
	// BlockRows and BlockBytes are the size of a full block in entries and in
	// bytes of text; 0 leaves it to MemoryLimit.
	BlockRows, BlockBytes int
}

// Store implements logs.Store. It is safe for concurrent use. Goroutines of
// its own seal blocks and remove old ones until Close.
type Store struct {
	db       *sqlitedb.DB
	opts     Options
	sizes    sizes
	log      *slog.Logger
	now      func() time.Time
	dec      *block.Decoder
	cache    *cache
	heavy    chan struct{} // held by a query that looks through many blocks
	sealMu   sync.Mutex    // held while blocks are made
	learnMu  sync.Mutex    // held while sources are added
	retainMu sync.Mutex    // held while blocks are removed
	roomTime time.Duration // see the constant
	// Blocks that were packed anew and whose lines are still there: those that
	// Retain found, and those since then. Guarded by retainMu.
	replaced, fresh []replacedBlock

	stop   chan struct{}
	wake   chan struct{} // for the goroutine that seals
	over   chan struct{} // for the one that removes: there are too many entries
	done   sync.WaitGroup
	closed atomic.Bool

	pendMu  sync.Mutex
	pending []*pending // on their way to disk, in the order of their IDs
	nextID  int64

	mu      sync.RWMutex
	blocks  []*sealed                // by FirstID; never changed in place
	chunks  []*chunk                 // by First; only the last one grows
	hot     int64                    // bytes of chunks
	likely  struct{ rows, text int } // what the last full chunk had, and the next one makes room for
	room    chan struct{}
	spare   int64 // entries that may arrive before there are too many
	margin  int64 // by how many there may be more than are kept
	lastID  int64
	sources sources
	rates   map[uint32]*rate

	damagedBlocks atomic.Int64
	lostBatches   atomic.Int64
}

// sizes follow from the memory that there is.
type sizes struct {
	rows, text  int   // of a block
	hot         int64 // bytes of entries that wait to be sealed
	cache       int   // bytes of open blocks that are kept
	page        int   // bytes of messages in one answer
	frugal      bool
	workers     int
	pagesToFree int64 // bytes of free pages that are kept for new blocks
}

func (o Options) sizes() sizes {
	s := sizes{rows: 8000, text: 4 << 20, hot: 12 << 20, cache: 8 << 20, page: 32 << 20, workers: 2, pagesToFree: 64 << 20}
	if o.MemoryLimit > 0 && o.MemoryLimit < 96<<20 {
		s.rows, s.text, s.hot, s.cache, s.page, s.frugal, s.workers = 4000, 1<<20, 3<<20, 2<<20, 6<<20, true, 1
	}
	if o.BlockRows > 0 {
		s.rows = o.BlockRows
	}
	if o.BlockBytes > 0 {
		s.text = o.BlockBytes
	}
	return s
}

// chunk is entries that are not in a block yet; it becomes one.
type chunk struct {
	block.Rows
	closed bool
	born   time.Time
}

// sealed is what is known of a block.
type sealed struct {
	block.Summary
	id       int64
	bytes    int64 // of its data
	sealedMS int64 // Unix milliseconds
	where    place // of its ids
	ids      *block.IDList
	overflow bool // words are among the ids
	levels   [block.NFlags]uint16
	damaged  atomic.Bool
}

// Open reads what is known of all blocks, and the entries that are in none yet.
// The caller closes the store, and then the database.
func Open(ctx context.Context, db *sqlitedb.DB, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SealAfter <= 0 {
		o.SealAfter = time.Hour
	}
	if o.RetainEvery <= 0 {
		o.RetainEvery = time.Minute
	}
	dec, err := block.NewDecoder()
	if err != nil {
		return nil, err
	}
	s := &Store{
		db: db, opts: o, sizes: o.sizes(), log: o.Log, now: o.Now, dec: dec,
		heavy: make(chan struct{}, 1), stop: make(chan struct{}), wake: make(chan struct{}, 1), over: make(chan struct{}, 1), room: make(chan struct{}),
		rates: make(map[uint32]*rate), roomTime: roomTime,
	}
	s.cache = newCache(s.sizes.cache)
	if err := s.load(ctx); err != nil {
		dec.Close()
		return nil, sqlitedb.Classify(err)
	}
	s.spareFor(s.mostEntries())
	s.done.Go(s.sealing)
	s.done.Go(s.retaining)
	return s, nil
}

// Close ends the work in the background. What is not in a block yet stays as
// it is and is sealed after the next start.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return errors.New("the store was closed before")
	}
	close(s.stop)
	s.done.Wait()
	s.dec.Close()
	return nil
}

// DamagedBlocks is the number of blocks and batches that could not be read
// since the start; their entries are missing in answers.
func (s *Store) DamagedBlocks() int64 { return s.damagedBlocks.Load() + s.lostBatches.Load() }

// view is the state of the store at one moment: it does not change.
type view struct {
	blocks []*sealed
	chunks []block.Rows
	lastID int64
}

func (s *Store) view() view {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := view{blocks: s.blocks, lastID: s.lastID, chunks: make([]block.Rows, 0, len(s.chunks))}
	for _, c := range s.chunks {
		if c.Len() > 0 {
			v.chunks = append(v.chunks, c.Rows)
		}
	}
	return v
}

func flagsOf(e logs.Entry) uint8 { return block.Flags(uint8(e.Level), uint8(e.Stream)) }

// entry makes an entry without its message.
func (s *Store) entry(id, at int64, source uint32, flags uint8, names *sourceNames) logs.Entry {
	return logs.Entry{ID: id, Time: at, Source: names.of(source), Stream: logs.Stream(flags >> 3), Level: logs.Level(flags & 7)}
}
