package sqlitedb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// newReadPool returns a pool of connections that see committed data only,
// cannot write, and end what takes too long. An open read keeps the
// write-ahead log from being emptied, so none may last.
func newReadPool(path string, o Options) *sql.DB {
	pool := sql.OpenDB(&readConnector{dsn: dsn(path, false), limit: o.ReadTimeout, pragmas: o.readerPragmas()})
	pool.SetMaxOpenConns(o.Readers)
	pool.SetMaxIdleConns(o.Readers)
	pool.SetConnMaxIdleTime(idleReaderTime)
	return pool
}

type readConnector struct {
	dsn     string
	limit   time.Duration
	pragmas []string
}

func (r *readConnector) Connect(context.Context) (driver.Conn, error) {
	c, err := openDriverConn(r.dsn)
	if err != nil {
		return nil, err
	}
	if err := applyPragmas(c, r.pragmas); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &readConn{driverConn: c, limit: r.limit}, nil
}

func (r *readConnector) Driver() driver.Driver { return &sqliteDriver }

// readConn gives every query a deadline: the caller's, or limit from the
// beginning of the query or of the transaction it is in.
type readConn struct {
	driverConn
	limit time.Duration
	txEnd time.Time // of the running transaction; zero outside of one
}

func (c *readConn) deadline() time.Time {
	if !c.txEnd.IsZero() {
		return c.txEnd
	}
	return time.Now().Add(c.limit)
}

func (c *readConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	end := c.deadline()
	limited, cancel := context.WithDeadlineCause(ctx, end, errReadTime)
	rows, err := c.driverConn.QueryContext(limited, query, args)
	if err != nil {
		defer cancel()
		return nil, readError(limited, err)
	}
	return &readRows{Rows: rows, end: end, cancel: cancel}, nil
}

// PrepareContext refuses: a prepared statement would get around the limit on
// time, and the pool's queries are not run often enough to gain by it.
func (c *readConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errors.New("sqlitedb: prepared statements are for the writer")
}

func (c *readConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	o.ReadOnly = true // BEGIN, not BEGIN IMMEDIATE
	tx, err := c.driverConn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.txEnd = time.Now().Add(c.limit)
	return &readTx{tx, c}, nil
}

// IsValid tells the pool whether the connection may be used again.
func (c *readConn) IsValid() bool { return c.txEnd.IsZero() && c.driverConn.IsValid() }

type readTx struct {
	driver.Tx
	c *readConn
}

func (t *readTx) Commit() error   { t.c.txEnd = time.Time{}; return t.Tx.Commit() }
func (t *readTx) Rollback() error { t.c.txEnd = time.Time{}; return t.Tx.Rollback() }

type readRows struct {
	driver.Rows
	end    time.Time
	cancel context.CancelFunc
	n      int
}

func (r *readRows) Next(dest []driver.Value) error {
	if r.n++; r.n%32 == 0 && time.Now().After(r.end) {
		return fmt.Errorf("reading rows: %w", errReadTime)
	}
	return r.Rows.Next(dest)
}

func (r *readRows) Close() error {
	r.cancel()
	return r.Rows.Close()
}

// readError says that it was our limit, not the caller's, that ended a query.
func readError(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errReadTime) {
		return fmt.Errorf("%w: %w", errReadTime, err)
	}
	return err
}
