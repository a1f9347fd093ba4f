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
the service runs, checks the copy, and replaces FILE in one step. It needs no
other setting.
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
	if err := sqlitedb.Copy(ctx, database, args[0]); err != nil {
		_, _ = fmt.Fprintf(stderr, "backup: %v\n", err)
		return 1
	}
	_, _ = fmt.Fprintf(stdout, "%s copied to %s and checked\n", database, args[0])
	return 0
}
