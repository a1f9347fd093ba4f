package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/logging"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// Program is a service as seen from main.
type Program[S any] struct {
	Service string              // name of the binary, such as "error-tracker"
	Version string              // set by the build
	About   string              // one sentence for --help
	Load    func(*config.Env) S // reads the settings; mistakes stay in the Env

	// Database is the path of the service's database in its settings, for
	// --backup; nil leaves that flag out.
	Database func(S) string
	// Schema has the Migrations and ApplicationID of the database, for
	// --verify-backup and --restore.
	Schema sqlitedb.Options

	// Run serves until it is told to stop; see the function Run.
	Run func(ctx context.Context, s S, log *slog.Logger) error
}

// Main does what the arguments (without the program's name) say and returns the
// exit code. Mistakes in the settings are written to stderr, one line each,
// before anything else happens. LOG_LEVEL is read here.
func (p Program[S]) Main(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	var settings S
	var level slog.Level
	load := func(env *config.Env) {
		settings = p.Load(env)
		level = logging.Level(env)
	}
	f := Flags{Service: p.Service, Version: p.Version, About: p.About, Load: load}
	if p.Database != nil {
		f.Schema = p.Schema
		f.Database = func(env *config.Env) string { return p.Database(p.Load(env)) }
	}
	if code, done := f.Handle(ctx, args, lookup, stdout, stderr); done {
		return code
	}
	env := config.New(p.Service, lookup)
	load(env)
	if err := env.Err(); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	log := logging.New(stdout, p.Service, level)
	if err := p.Run(ctx, settings, log); err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", p.Service, err)
		return 1
	}
	return 0
}

// Flags are the arguments that every service understands.
type Flags struct {
	Service, Version, About string
	Load                    func(*config.Env) // reads every setting once

	// Database reads the path of the database; nil leaves out --backup,
	// --verify-backup and --restore.
	Database func(*config.Env) string
	Schema   sqlitedb.Options // see Program.Schema
}

// Handle looks at the first argument only. done is true when it was one of
// --healthcheck, --version, --help, --check-config, --schema-version, --backup,
// --verify-backup and --restore, and code is then the exit code. Other arguments are ignored.
func (f Flags) Handle(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) (code int, done bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch args[0] {
	case "--healthcheck":
		addr, _ := lookup("ADDR")
		return Healthcheck(ctx, addr), true
	case "--version":
		_, _ = fmt.Fprintf(stdout, "%s %s\n", f.Service, f.Version)
		return 0, true
	case "--help", "-h":
		f.help(stdout)
		return 0, true
	case "--check-config":
		env := config.New(f.Service, lookup)
		f.Load(env)
		if err := env.Err(); err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			return 1, true
		}
		_, _ = fmt.Fprintln(stdout, "configuration is valid")
		return 0, true
	case "--schema-version":
		newest, err := sqlitedb.Newest(f.Schema.Migrations)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			return 1, true
		}
		_, _ = fmt.Fprintln(stdout, newest)
		return 0, true
	case "--backup":
		if f.Database != nil {
			return f.backup(ctx, args[1:], lookup, stdout, stderr), true
		}
	case "--verify-backup":
		if f.Database != nil {
			return f.verify(ctx, args[1:], stdout, stderr), true
		}
	case "--restore":
		if f.Database != nil {
			return f.restore(ctx, args[1:], lookup, stdout, stderr), true
		}
	}
	return 0, false
}

func (f Flags) help(w io.Writer) {
	env := config.New(f.Service, func(string) (string, bool) { return "", false })
	f.Load(env)
	backup := ""
	if f.Database != nil {
		backup = " | --backup FILE | --verify-backup FILE | --restore FILE"
	}
	_, _ = fmt.Fprintf(w, `%s %s: %s

Usage: %s [--healthcheck | --check-config%s | --version | --help]

Without an argument the service runs. Its settings are environment variables:

`, f.Service, f.Version, f.About, f.Service, backup)
	env.WriteHelp(w)
	if f.Database != nil {
		_, _ = fmt.Fprintf(w, backupHelp, f.Service)
	}
}
