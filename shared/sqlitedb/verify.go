package sqlitedb

import (
	"context"
	"io/fs"

	"github.com/monlight/monlight/shared/errs"
)

// Contents is what is in a database file.
type Contents struct {
	Version int // number of its newest migration
	Tables  []TableRows
}

// TableRows is a table and how many rows it has.
type TableRows struct {
	Table string
	Rows  int64
}

// Verify reads the whole of a database file that nobody writes to, such as a
// backup: its header, its structure, whose it is, that it is not newer than the
// migrations, and every row. o needs Migrations and ApplicationID only. The
// error is a *DamageError, a *NewerError or says what else is wrong. The file
// is not changed.
func Verify(ctx context.Context, path string, o Options) (Contents, error) {
	o = o.withDefaults()
	migrations, err := loadMigrations(o.Migrations)
	if err != nil {
		return Contents{}, err
	}
	fresh, err := inspect(ctx, path, o, len(migrations))
	if err != nil {
		return Contents{}, err
	}
	if fresh {
		return Contents{}, errs.Wrap(errs.NotFound, fs.ErrNotExist, "no database at %s", path)
	}
	if err := checkFile(ctx, path); err != nil {
		return Contents{}, err
	}
	return count(ctx, path)
}

// count counts the rows of all tables but those that SQLite keeps for itself.
func count(ctx context.Context, path string) (Contents, error) {
	c, err := openDriverConn(dsn(path, true))
	if err != nil {
		return Contents{}, refuse(path, err)
	}
	defer func() { _ = c.Close() }()
	var version int64
	if err := queryInts(ctx, c, "PRAGMA user_version", &version); err != nil {
		return Contents{}, refuse(path, err)
	}
	tables, err := queryStrings(ctx, c, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
		AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name`)
	if err != nil {
		return Contents{}, refuse(path, err)
	}
	found := Contents{Version: int(version)}
	for _, t := range tables {
		var n int64
		if err := queryInts(ctx, c, "SELECT count(*) FROM "+quoteName(t), &n); err != nil {
			return Contents{}, refuse(path, err)
		}
		found.Tables = append(found.Tables, TableRows{t, n})
	}
	return found, nil
}

// quoteName makes a name of the schema safe in a statement.
func quoteName(name string) string {
	quoted := []byte{'"'}
	for i := range len(name) {
		if name[i] == '"' {
			quoted = append(quoted, '"')
		}
		quoted = append(quoted, name[i])
	}
	return string(append(quoted, '"'))
}
