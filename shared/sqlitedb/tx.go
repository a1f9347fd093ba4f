package sqlitedb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Tx is the writer's transaction, lent to a function by Write. It is valid
// until that function returns and must not leave it. Statements are prepared
// once and kept, so their text should be constant.
//
// Parameters may be integers, floats, bools, strings, []byte, nil and
// driver.Valuer; times are passed as integers of a stated unit. Plain "?"
// parameters bind faster than numbered ones.
type Tx struct {
	conn *conn
	rows []*Rows // those not closed yet
	args []driver.NamedValue
	over bool

	onRollback func()
}

// OnRollback sets a function that runs if what this Tx did is taken back, be it
// because the function it was lent to fails, or because the commit does. It runs
// on the writer's goroutine, before any later write begins, and is for programs
// that keep in memory what they wrote. A second call replaces the first.
func (tx *Tx) OnRollback(f func()) { tx.onRollback = f }

var errTxOver = errors.New("sqlitedb: Tx used after the function it was given to returned")

// Exec runs a statement without results.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	s, owned, named, err := tx.prepare(query, args)
	if err != nil {
		return nil, err
	}
	if owned {
		defer s.drop()
	}
	res, err := s.ExecContext(context.Background(), named)
	if err != nil {
		return nil, statementError(query, err)
	}
	return res, nil
}

// Query runs a statement with results. Rows that are not closed are closed
// when the function that was given to Write returns.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) {
	s, owned, named, err := tx.prepare(query, args)
	if err != nil {
		return nil, err
	}
	dr, err := s.QueryContext(context.Background(), named)
	if err != nil {
		if owned {
			s.drop()
		}
		return nil, statementError(query, err)
	}
	s.busy = true
	r := &Rows{tx: tx, stmt: s, owned: owned, rows: dr, query: query, values: make([]driver.Value, len(dr.Columns()))}
	tx.rows = append(tx.rows, r)
	return r, nil
}

// QueryRow runs a statement of which only the first row matters; Scan gives
// sql.ErrNoRows if there is none. Without a Scan, the statement stays open
// until the function that was given to Write returns.
func (tx *Tx) QueryRow(query string, args ...any) Row {
	rows, err := tx.Query(query, args...)
	return Row{rows: rows, err: err}
}

func (tx *Tx) prepare(query string, args []any) (*stmt, bool, []driver.NamedValue, error) {
	if tx.over {
		return nil, false, nil, errTxOver
	}
	tx.args = tx.args[:0]
	for i, a := range args {
		v, err := toValue(a)
		if err != nil {
			return nil, false, nil, fmt.Errorf("parameter %d of %q: %w", i+1, shorten(query), err)
		}
		tx.args = append(tx.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	s, owned, err := tx.conn.prepare(query)
	if err != nil {
		return nil, false, nil, statementError(query, err)
	}
	return s, owned, tx.args, nil
}

// end closes what the function left open.
func (tx *Tx) end() {
	for len(tx.rows) > 0 {
		tx.rows[len(tx.rows)-1].Close()
	}
	clear(tx.args[:cap(tx.args)]) // payloads are not to be kept alive
	tx.over = true
}

// statementError names the statement, for the log; the driver's error stays
// in the chain.
func statementError(query string, err error) error {
	return fmt.Errorf("%s: %w", shorten(query), err)
}

func shorten(query string) string {
	const most = 60
	if len(query) <= most {
		return query
	}
	return query[:most] + "…"
}

func toValue(a any) (driver.Value, error) {
	switch v := a.(type) {
	case nil:
		return nil, nil
	case int64:
		return v, nil
	case string:
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case int:
		return int64(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		// SQLite stores NaN as NULL without a word.
		if math.IsNaN(v) {
			return nil, errors.New("not a number")
		}
		return v, nil
	case time.Time:
		return nil, errors.New("a time.Time: pass an integer of a stated unit")
	}
	v, err := driver.DefaultParameterConverter.ConvertValue(a)
	if err != nil {
		return nil, err
	}
	if _, isTime := v.(time.Time); isTime {
		return nil, errors.New("a time.Time: pass an integer of a stated unit")
	}
	return v, nil
}

// Rows are the results of Tx.Query, used like sql.Rows.
type Rows struct {
	tx     *Tx
	stmt   *stmt
	owned  bool
	rows   driver.Rows
	query  string
	values []driver.Value
	err    error
	closed bool
}

// Next moves to the next row, and closes the rows after the last one.
func (r *Rows) Next() bool {
	if r.closed {
		return false
	}
	err := r.rows.Next(r.values)
	if err == nil {
		return true
	}
	if !errors.Is(err, io.EOF) {
		r.err = statementError(r.query, err)
	}
	r.Close()
	return false
}

// Scan copies the columns of the row into pointers to integers, floats, bools,
// strings, []byte, any, or anything that sql.Scanner can fill. Unlike
// database/sql it converts nothing but integers among themselves and to bool.
func (r *Rows) Scan(dest ...any) error {
	if r.closed {
		return errors.New("sqlitedb: Scan without a row")
	}
	if len(dest) != len(r.values) {
		return fmt.Errorf("%s: %d columns, %d destinations", shorten(r.query), len(r.values), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.values[i]); err != nil {
			return fmt.Errorf("%s: column %d: %w", shorten(r.query), i, err)
		}
	}
	return nil
}

// Err is the error that ended Next, if any.
func (r *Rows) Err() error { return r.err }

// Close ends the query. Closing twice is harmless.
func (r *Rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	_ = r.rows.Close() // repeats the error of the query, which Next kept
	r.stmt.busy = false
	if r.owned {
		r.stmt.drop()
	}
	for i, o := range r.tx.rows {
		if o == r {
			r.tx.rows = append(r.tx.rows[:i], r.tx.rows[i+1:]...)
			break
		}
	}
}

// Row is the first row of a query.
type Row struct {
	rows *Rows
	err  error
}

// Scan is Rows.Scan for the row, or sql.ErrNoRows.
func (r Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return r.rows.Scan(dest...)
}

func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case *any:
		*d = v
		return nil
	case sql.Scanner:
		return d.Scan(v)
	case *string:
		if s, ok := v.(string); ok {
			*d = s
			return nil
		}
	case *[]byte:
		switch b := v.(type) {
		case []byte:
			*d = b // the driver made a copy
			return nil
		case string:
			*d = []byte(b)
			return nil
		case nil:
			*d = nil
			return nil
		}
	case *float64:
		switch f := v.(type) {
		case float64:
			*d = f
			return nil
		case int64:
			*d = float64(f)
			return nil
		}
	default:
		n, ok := v.(int64)
		if !ok {
			break
		}
		switch d := dest.(type) {
		case *int64:
			*d = n
			return nil
		case *int:
			*d = int(n)
			return nil
		case *bool:
			*d = n != 0
			return nil
		case *int32:
			if n == int64(int32(n)) {
				*d = int32(n)
				return nil
			}
			return fmt.Errorf("%d does not fit into 32 bits", n)
		}
	}
	return fmt.Errorf("cannot store a %T into a %T", v, dest)
}
