package server

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const backupHelp = `
%[1]s --backup FILE copies the database at DATABASE_PATH to FILE while
the service runs, checks the copy, and replaces FILE in one step. With - for
FILE the checked copy goes to standard output. It needs no other setting.

%[1]s --verify-backup FILE reads a backup as a whole, refuses one that
is damaged, of another service or of a newer version, and counts its rows.

%[1]s --restore FILE puts such a backup in the place of DATABASE_PATH;
the service must not run. With - for FILE it is read from standard input.

%[1]s --schema-version prints the version that it brings a database to.
`

// backup is --backup FILE. It returns the exit code. Mistakes in settings other
// than the database's path do not matter.
func (f Flags) backup(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	if len(args) != 1 || args[0] == "" {
		_, _ = fmt.Fprintf(stderr, "usage: %s --backup FILE\n", f.Service)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	database := f.Database(config.New(f.Service, lookup))
	if _, err := os.Stat(database); err != nil {
		_, _ = fmt.Fprintf(stderr, "backup: %v\n", err)
		return 1
	}
	if args[0] == "-" {
		if err := streamCopy(ctx, database, stdout); err != nil {
			_, _ = fmt.Fprintf(stderr, "backup: %v\n", err)
			return 1
		}
		return 0
	}
	if err := sqlitedb.Copy(ctx, database, args[0]); err != nil {
		_, _ = fmt.Fprintf(stderr, "backup: %v\n", err)
		return 1
	}
	_, _ = fmt.Fprintf(stdout, "%s copied to %s and checked\n", database, args[0])
	return 0
}

// streamCopy writes a checked copy to w. It is made beside the database, which
// in a container is the only place that can be written to.
func streamCopy(ctx context.Context, database string, w io.Writer) error {
	path := database + ".backup"
	defer func() { _ = os.Remove(path) }()
	if err := sqlitedb.Copy(ctx, database, path); err != nil {
		return err
	}
	f, err := os.Open(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// verify is --verify-backup FILE. It returns the exit code.
func (f Flags) verify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 || args[0] == "" {
		_, _ = fmt.Fprintf(stderr, "usage: %s --verify-backup FILE\n", f.Service)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	found, err := sqlitedb.Verify(ctx, args[0], f.Schema)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "verify: %v\n", err)
		return 1
	}
	report(stdout, args[0]+" is whole", found)
	return 0
}

// restore is --restore FILE. It returns the exit code.
func (f Flags) restore(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	if len(args) != 1 || args[0] == "" {
		_, _ = fmt.Fprintf(stderr, "usage: %s --restore FILE\n", f.Service)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	src := os.Stdin
	if args[0] != "-" {
		var err error
		if src, err = os.Open(args[0]); err != nil {
			_, _ = fmt.Fprintf(stderr, "restore: %v\n", err)
			return 1
		}
		defer src.Close()
	}
	database := f.Database(config.New(f.Service, lookup))
	found, err := sqlitedb.Restore(ctx, src, database, f.Schema)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "restore: %v\n", err)
		return 1
	}
	report(stdout, database+" is restored", found)
	return 0
}

// report says in one line what is in a database.
func report(w io.Writer, what string, found sqlitedb.Contents) {
	_, _ = fmt.Fprintf(w, "%s, schema version %d", what, found.Version)
	for _, t := range found.Tables {
		_, _ = fmt.Fprintf(w, ", %s %d", t.Table, t.Rows)
	}
	_, _ = fmt.Fprintln(w)
}
