package sqlite_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// schemas are the migrations up to each of them, oldest first: a release may
// have left off at any.
func schemas(t *testing.T) []fstest.MapFS {
	t.Helper()
	entries, err := fs.ReadDir(sqlite.Migrations(), "migrations")
	if err != nil {
		t.Fatal(err)
	}
	all := []fstest.MapFS{}
	for n := range entries {
		schema := fstest.MapFS{}
		for _, e := range entries[:n+1] {
			data, err := fs.ReadFile(sqlite.Migrations(), "migrations/"+e.Name())
			if err != nil {
				t.Fatal(err)
			}
			schema[e.Name()] = &fstest.MapFile{Data: data}
		}
		all = append(all, schema)
	}
	return all
}

var migrated = time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)

func shopEvent(n int, value string) *event.Event {
	e := &event.Event{
		ID: event.ID{1, byte(n)}, Project: "shop", ReceivedAt: migrated.Add(time.Duration(n) * time.Minute), Environment: "prod", Release: "1.0.0",
		Exceptions: []event.Exception{{Type: "ValueError", Value: value}}, User: event.User{ID: fmt.Sprint(n)},
	}
	if n == 0 {
		e.Attachments = []event.Attachment{{Name: "a.txt", ContentType: "text/plain", Size: 2, Data: []byte("hi")}}
	}
	return e
}

// mergedAway is the issue that fillShop merges into another one.
const mergedAway = 3

// fillShop makes two issues, one of them of two groups, resolved and muted.
func fillShop(t *testing.T, s *sqlite.Store) {
	t.Helper()
	ids := []int64{}
	for n, value := range []string{"one", "two words", "one", "three other words", "one"} {
		e := shopEvent(n, value)
		out, err := s.Record(t.Context(), e, grouping.Of(e))
		if err != nil {
			t.Fatal(err)
		}
		if out.Status == tracker.Created {
			ids = append(ids, out.IssueID)
		}
	}
	ctx, at := t.Context(), migrated.Add(time.Hour)
	_, err1 := s.Resolve(ctx, ids[:1], tracker.Fix{}, at)
	_, err2 := s.Mute(ctx, ids[:1], tracker.Mute{Until: at.AddDate(10, 0, 0)}, at)
	if err := errors.Join(err1, err2, s.Merge(ctx, ids[1], ids[2:], at),
		s.CountSessions(ctx, 1, []tracker.Sessions{{Release: "1.0.0", Hour: migrated, Total: 3}}),
		s.CountIngest(ctx, []tracker.IngestCount{{Project: 1, Hour: migrated, Kind: tracker.Accepted, Count: 5}}),
		s.SaveSettings(ctx, 1, &tracker.Settings{Scrub: scrub.Rules{Remove: []string{"customer"}}}),
	); err != nil {
		t.Fatal(err)
	}
}

// copyOld copies what from has into db, as far as the schema of db has a place for it.
func copyOld(t *testing.T, from, db *sqlitedb.DB) {
	t.Helper()
	names := func(db *sqlitedb.DB, query string, args ...any) (all []string) {
		t.Helper()
		rows, err := db.Read().QueryContext(t.Context(), query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			all = append(all, name)
		}
		return all
	}
	tables := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	still := names(from, tables)
	for _, table := range names(db, tables) {
		if !slices.Contains(still, table) {
			continue
		}
		columns := names(db, "SELECT name FROM pragma_table_info(?)", table)
		rows, err := from.Read().QueryContext(t.Context(), "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
				_, err := tx.Exec("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")+")", values...)
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatabasesOfEarlierReleasesAreTakenOver(t *testing.T) {
	open := func(db *sqlitedb.DB) *sqlite.Store {
		t.Helper()
		s, err := sqlite.NewStore(db, sqlite.Options{Now: func() time.Time { return migrated.Add(2 * time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	source := dbtest.Open(t, sqlite.Migrations())
	full := open(source)
	fillShop(t, full)
	want, err := full.Issues(t.Context(), tracker.IssueQuery{State: tracker.AnyState})
	if err != nil || len(want.Issues) != 2 || !want.Issues[0].Resolved || !want.Issues[0].Muted {
		t.Fatalf("issues %+v, %v, want two, the first one resolved and muted", want, err)
	}
	for n, schema := range schemas(t) {
		t.Run(fmt.Sprintf("%04d", n+1), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "errors.db")
			old, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: schema})
			if err != nil {
				t.Fatal(err)
			}
			copyOld(t, source, old)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			s := open(dbtest.OpenWith(t, path, sqlitedb.Options{Migrations: sqlite.Migrations()}))
			got, err := s.Issues(t.Context(), tracker.IssueQuery{State: tracker.AnyState})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("issues (-want +got):\n%s", d)
			}
			// By what was done it is known where a merged issue went.
			if into, err := s.MergedInto(t.Context(), mergedAway); n+1 >= 6 && (err != nil || into != want.Issues[1].ID) {
				t.Errorf("issue %d went into %d, %v, want %d", mergedAway, into, err, want.Issues[1].ID)
			}
			checkShop(t, s, got.Issues)
		})
	}
}

// What somebody wrote into the activity by hand does not keep the service from starting.
func TestOddActivityDoesNotStopTheStart(t *testing.T) {
	const merged = 13 // the schema that learns from the activity what was merged
	source := dbtest.Open(t, sqlite.Migrations())
	full, err := sqlite.NewStore(source, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fillShop(t, full)
	if _, err := full.Delete(t.Context(), []int64{1}); err != nil { // "true" is no 1
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "errors.db")
	old, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: schemas(t)[merged-2]})
	if err != nil {
		t.Fatal(err)
	}
	copyOld(t, source, old)
	odd := []string{
		`{"other":"x"}`, `{"other":"77"}`, `{"other":1.5}`, `{"other":77.0}`, `{"other":true}`, `{"other":null}`, `{"other":[77]}`, `{"other":{"other":77}}`,
		`{"other":-77}`, `{"other":0}`, `{"other":99999999999999999999}`, `{}`, `[77]`, `77`, ``, `{`, `{"other":`, `{"other":2}`, `{"other":78}`,
	}
	err = old.Write(t.Context(), func(tx *sqlitedb.Tx) error {
		for _, facts := range odd {
			if _, err := tx.Exec("INSERT INTO activity (issue_id, hash_id, at, kind, author, text, facts) VALUES (2, 0, 0, 'merged', '', '', ?)", facts); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	db := dbtest.OpenWith(t, path, sqlitedb.Options{Migrations: sqlite.Migrations()})
	var got string
	if err := db.Read().QueryRowContext(t.Context(), "SELECT group_concat(id, ' ' ORDER BY id) FROM merged").Scan(&got); err != nil || got != fmt.Sprint(mergedAway, 78) {
		t.Errorf("merged are %q, %v, want those with the number of an issue that is gone", got, err)
	}
}

// checkShop uses what fillShop made.
func checkShop(t *testing.T, s *sqlite.Store, issues []tracker.Issue) {
	t.Helper()
	ctx := t.Context()
	projects, err := s.ProjectList(ctx)
	if err != nil || len(projects) != 1 || len(projects[0].Keys) != 1 || len(projects[0].Keys[0].Key) != 32 || !projects[0].Keys[0].Active {
		t.Errorf("projects %+v, %v, want one with a key", projects, err)
	}
	resolved, merged := issues[0].ID, issues[1].ID
	found, err := s.Issues(ctx, tracker.IssueQuery{State: tracker.AnyState, Environment: "prod", Filter: search.Query{Terms: []search.Term{{Kind: search.Tag, Name: "release", Value: search.Pattern{Text: "1.0.0"}}}}})
	if err != nil || len(found.Issues) != 2 {
		t.Fatalf("issues of a release in an environment: %+v, %v, want both", found, err)
	}
	for i := range issues {
		got, want := found.Issues[i], issues[i]
		if got.ID != want.ID || got.Count != want.Count || !got.LastSeen.Equal(want.LastSeen) || got.CountIs != tracker.Exact || got.Users > want.Users || got.Users < want.Users && got.UsersIs != tracker.AtLeast {
			t.Errorf("issue %d in its environment: %+v, want %+v", want.ID, got, want)
		}
	}
	events, err := s.Occurrences(ctx, resolved, 0, 10)
	if err != nil || len(events) != 3 || events[0].Event.Exceptions[0].Value != "one" || events[0].Event.User.ID != "4" {
		t.Errorf("events %+v, %v, want three", events, err)
	}
	groups, err := s.Groups(ctx, merged)
	if err != nil || len(groups) != 2 {
		t.Fatalf("groups %+v, %v, want two", groups, err)
	}
	again := shopEvent(4, "one")
	if out, err := s.Record(ctx, again, grouping.Of(again)); err != nil || out.Status != tracker.Duplicate {
		t.Errorf("an event once more: %+v, %v", out, err)
	}
	next := shopEvent(9, "one")
	if out, err := s.Record(ctx, next, grouping.Of(next)); err != nil || out.Status != tracker.Reopened || out.Count != 4 {
		t.Errorf("one more event: %+v, %v, want it to reopen the issue", out, err)
	}
	split, err := s.Unmerge(ctx, merged, groups[1].Hash, migrated.Add(2*time.Hour))
	if err != nil || split.Count != 1 {
		t.Errorf("unmerged %+v, %v, want one event", split, err)
	}
	if _, err := s.AddComment(ctx, resolved, "Ann", "hello", migrated); err != nil {
		t.Error(err)
	}
	done, err := s.Activities(ctx, resolved, 0, 10)
	if err != nil || !slices.ContainsFunc(done, func(a tracker.Activity) bool { return a.Kind == tracker.ActComment }) {
		t.Errorf("activities %+v, %v, want a comment", done, err)
	}
	if ids, err := s.Delete(ctx, []int64{merged, resolved, split.ID}); err != nil || len(ids) != 3 {
		t.Errorf("deleted %v, %v", ids, err)
	}
}
