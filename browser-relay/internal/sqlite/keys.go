package sqlite

import (
	"context"
	"strings"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Keys implements relay.KeyStore.
func (s *Store) Keys(ctx context.Context) ([]relay.Key, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, public_key, project, label, origins, rate, active, expires, created, last_seen
		FROM dsn_key ORDER BY id`)
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	var keys []relay.Key
	err = each(rows, func() error {
		var k relay.Key
		var origins string
		var expires, created, seen int64
		if err := rows.Scan(&k.ID, &k.PublicKey, &k.Project, &k.Label, &origins, &k.Rate, &k.Active, &expires, &created, &seen); err != nil {
			return err
		}
		k.Origins = strings.Fields(origins)
		k.Expires, k.Created, k.LastSeen = fromMillis(expires), fromMillis(created), fromMillis(seen)
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// AddKey implements relay.KeyStore.
func (s *Store) AddKey(ctx context.Context, k relay.Key) (relay.Key, error) {
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error { return addKey(tx, &k) })
	return k, err
}

// ReplaceKey implements relay.KeyStore.
func (s *Store) ReplaceKey(ctx context.Context, old int64, end time.Time, k relay.Key) (relay.Key, error) {
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		if err := addKey(tx, &k); err != nil {
			return err
		}
		return changed(tx, `UPDATE dsn_key SET expires = ? WHERE id = ?`, millis(end), old)
	})
	return k, err
}

func addKey(tx *sqlitedb.Tx, k *relay.Key) error {
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM dsn_key`).Scan(&n); err != nil {
		return err
	}
	if n >= relay.MaxKeys {
		return errs.New(errs.Conflict, "there are %d DSN keys, which is the limit", n)
	}
	res, err := tx.Exec(`INSERT INTO dsn_key (public_key, project, label, origins, rate, active, expires, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		k.PublicKey, k.Project, k.Label, strings.Join(k.Origins, " "), k.Rate, k.Active, millis(k.Expires), millis(k.Created))
	if sqlitedb.IsConstraint(err) {
		return errs.Wrap(errs.Conflict, err, "there is this DSN key already")
	}
	if err != nil {
		return err
	}
	k.ID, err = res.LastInsertId()
	return err
}

// SaveKey implements relay.KeyStore.
func (s *Store) SaveKey(ctx context.Context, k relay.Key) error {
	return s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		return changed(tx, `UPDATE dsn_key SET label = ?, origins = ?, rate = ?, active = ?, expires = ? WHERE id = ?`,
			k.Label, strings.Join(k.Origins, " "), k.Rate, k.Active, millis(k.Expires), k.ID)
	})
}

// changed runs a statement that must change a key.
func changed(tx *sqlitedb.Tx, query string, args ...any) error {
	res, err := tx.Exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.Wrap(errs.NotFound, err, "DSN key not found")
	}
	return nil
}

// SawKeys implements relay.KeyStore.
func (s *Store) SawKeys(ctx context.Context, seen map[int64]time.Time) error {
	return s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		for id, at := range seen {
			if _, err := tx.Exec(`UPDATE dsn_key SET last_seen = ? WHERE id = ? AND last_seen < ?`, millis(at), id, millis(at)); err != nil {
				return err
			}
		}
		return nil
	})
}
