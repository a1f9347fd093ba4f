package sqlitedb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

	"modernc.org/sqlite"
)

// writerPragmas are the settings of the one connection that writes.
//
// auto_vacuum takes effect on an empty file only, and before journal_mode, so
// it comes first. secure_delete=fast overwrites deleted content on pages that
// are written anyway; whole free pages leave the file by Compact.
var writerPragmas = []string{
	"auto_vacuum=INCREMENTAL",
	"journal_mode=WAL",
	"synchronous=FULL",
	"foreign_keys=1",
	"secure_delete=FAST",
	"temp_store=MEMORY",
	"journal_size_limit=4194304",
	"wal_autocheckpoint=0", // see writer.checkpoint
}

// writerPragmas are those of the package, but for what o changes.
func (o Options) writerPragmas() []string {
	all := slices.Clone(writerPragmas)
	if o.PageSize > 0 {
		all = slices.Insert(all, 0, fmt.Sprintf("page_size=%d", o.PageSize)) // as early as auto_vacuum
	}
	all = append(all, fmt.Sprintf("cache_size=-%d", o.WriterCacheKiB))
	if o.Relaxed {
		all = append(all, "synchronous=NORMAL")
	}
	return all
}

var readerPragmas = []string{
	"foreign_keys=1",
	"temp_store=MEMORY",
	"query_only=1",
}

// readerPragmas are those of the package, and the bound of the page cache.
func (o Options) readerPragmas() []string {
	return append(slices.Clone(readerPragmas), fmt.Sprintf("cache_size=-%d", o.ReaderCacheKiB))
}

// dsn is the address of a file for the driver. Everything in a path that means
// something in a URI is escaped.
func dsn(path string, readOnly bool) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	q := "_busy_timeout=5000&_txlock=immediate&_dqs=0&_error_rc=1"
	if readOnly {
		q += "&mode=ro"
	} else {
		q += "&mode=rw" // created by us beforehand, never by accident
	}
	return u.String() + "?" + q
}

// conn is a connection used without database/sql, by one goroutine at a time,
// with its prepared statements.
//
// Going around database/sql saves its locks and conversions on each statement;
// BenchmarkStatement shows how much.
type conn struct {
	c     driverConn
	stmts map[string]*stmt
	clock int64 // counts uses, to find the statement not used for longest
}

// driverConn is what the driver's connections can do.
type driverConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnBeginTx
	driver.SessionResetter
	driver.Validator
	sqlite.DBStatus
}

type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	driverStmt
	used int64
	busy bool // has rows that were not closed yet
}

// drop gives up a statement. The driver repeats the error of its last run when
// it does; that one was returned then.
func (s *stmt) drop() { _ = s.Close() }

// maxStatements bounds the prepared statements of the writer. Programs have
// fewer; it is there for SQL that is put together, like lists of parameters.
const maxStatements = 256

var sqliteDriver sqlite.Driver

func openDriverConn(dsn string) (driverConn, error) {
	c, err := sqliteDriver.Open(dsn)
	if err != nil {
		return nil, err
	}
	dc, ok := c.(driverConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("sqlite driver's connection is a %T, which lacks the context methods", c)
	}
	return dc, nil
}

func openConn(path string, pragmas ...string) (*conn, error) {
	c, err := openDriverConn(dsn(path, false))
	if err != nil {
		return nil, err
	}
	conn := &conn{c: c, stmts: make(map[string]*stmt)}
	if err := applyPragmas(c, pragmas); err != nil {
		_ = c.Close()
		return nil, err
	}
	return conn, nil
}

func applyPragmas(c driverConn, pragmas []string) error {
	for _, p := range pragmas {
		if _, err := c.ExecContext(context.Background(), "PRAGMA "+p, nil); err != nil {
			return fmt.Errorf("PRAGMA %s: %w", p, err)
		}
	}
	return nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.drop()
	}
	clear(c.stmts)
	return c.c.Close()
}

// prepare returns the statement for the text, from the cache unless that one
// is in use. owned statements are to be closed by the caller.
func (c *conn) prepare(query string) (s *stmt, owned bool, err error) {
	c.clock++
	s = c.stmts[query]
	if s != nil && !s.busy {
		s.used = c.clock
		return s, false, nil
	}
	ds, err := c.c.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, false, err
	}
	full, ok := ds.(driverStmt)
	if !ok {
		_ = ds.Close()
		return nil, false, fmt.Errorf("sqlite driver's statement is a %T, which lacks the context methods", ds)
	}
	if s != nil {
		return &stmt{driverStmt: full}, true, nil
	}
	if len(c.stmts) >= maxStatements {
		c.evict()
	}
	s = &stmt{driverStmt: full, used: c.clock}
	c.stmts[query] = s
	return s, false, nil
}

func (c *conn) evict() {
	var oldest string
	var found *stmt
	for q, s := range c.stmts {
		if !s.busy && (found == nil || s.used < found.used) {
			oldest, found = q, s
		}
	}
	if found != nil {
		found.drop()
		delete(c.stmts, oldest)
	}
}

// exec runs one statement without results, outside of Tx: BEGIN, COMMIT and so on.
func (c *conn) exec(query string) error {
	s, owned, err := c.prepare(query)
	if err != nil {
		return err
	}
	if owned {
		defer s.drop()
	}
	_, err = s.ExecContext(context.Background(), nil)
	return err
}

// ints reads the integers of the first row of a PRAGMA or query.
func (c *conn) ints(ctx context.Context, query string, dest ...*int64) error {
	return queryInts(ctx, c.c, query, dest...)
}

func queryInts(ctx context.Context, c driverConn, query string, dest ...*int64) error {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	values := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(values); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: no result", query)
		}
		return err
	}
	if len(values) < len(dest) {
		return fmt.Errorf("%s: %d columns, want %d", query, len(values), len(dest))
	}
	for i, d := range dest {
		n, ok := values[i].(int64)
		if !ok {
			return fmt.Errorf("%s: column %d is a %T, want an integer", query, i, values[i])
		}
		*d = n
	}
	return nil
}

// queryStrings reads the first column of all rows.
func queryStrings(ctx context.Context, c driverConn, query string) ([]string, error) {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	values := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(values)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		s, ok := values[0].(string)
		if !ok {
			return out, fmt.Errorf("%s: a %T, want text", query, values[0])
		}
		out = append(out, s)
	}
}
