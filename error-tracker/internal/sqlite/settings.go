package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
	"github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// storedSettings are tracker.Settings as they are stored. Members may be added;
// none changes its name or meaning.
type storedSettings struct {
	Scrub       storedScrub   `json:"scrub"`
	Filters     storedFilters `json:"filters"`
	Rules       string        `json:"rules,omitempty"`
	AutoResolve int           `json:"auto_resolve,omitempty"` // days
	Editor      *storedEditor `json:"editor,omitempty"`
	Alerts      *storedAlerts `json:"alerts,omitempty"` // nil: as they come
}

type storedEditor struct {
	Template string          `json:"template"`
	Mappings []storedMapping `json:"mappings,omitempty"`
}

type storedMapping struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// storedAlerts are tracker.AlertRules. The key of the webhook has to be here as it
// is, since what is signed with it is signed anew each time.
type storedAlerts struct {
	NotCreated   bool   `json:"not_created,omitempty"`
	NotRegressed bool   `json:"not_regressed,omitempty"`
	Events       int    `json:"frequency_events,omitempty"`
	Minutes      int    `json:"frequency_minutes,omitempty"`
	NotByMail    bool   `json:"not_by_mail,omitempty"`
	NotByWebhook bool   `json:"not_by_webhook,omitempty"`
	WebhookURL   string `json:"webhook_url,omitempty"`
	WebhookKey   string `json:"webhook_key,omitempty"`
}

func newStoredAlerts(r *tracker.AlertRules) *storedAlerts {
	a := storedAlerts{r.NotCreated, r.NotRegressed, r.Frequency.Events, r.Frequency.Minutes, r.NotByMail, r.NotByWebhook, string(r.Webhook.URL), string(r.Webhook.Key)}
	if a == (storedAlerts{}) {
		return nil
	}
	return &a
}

func (a *storedAlerts) rules() tracker.AlertRules {
	if a == nil {
		return tracker.AlertRules{}
	}
	return tracker.AlertRules{
		NotCreated: a.NotCreated, NotRegressed: a.NotRegressed, Frequency: tracker.Frequency{Events: a.Events, Minutes: a.Minutes}, NotByMail: a.NotByMail, NotByWebhook: a.NotByWebhook,
		Webhook: tracker.Webhook{URL: tracker.Secret(a.WebhookURL), Key: tracker.Secret(a.WebhookKey)},
	}
}

type storedFilters struct {
	Localhost  bool     `json:"localhost,omitempty"`
	Extensions bool     `json:"extensions,omitempty"`
	Crawlers   bool     `json:"crawlers,omitempty"`
	Messages   []string `json:"messages,omitempty"`
}

type storedScrub struct {
	Off    bool     `json:"off,omitempty"`
	Remove []string `json:"remove,omitempty"`
	Keep   []string `json:"keep,omitempty"`
	DropIP bool     `json:"drop_ip,omitempty"`
}

func encodeSettings(s *tracker.Settings) (string, error) {
	stored := storedSettings{Scrub: storedScrub(s.Scrub), Filters: storedFilters(s.Filters), Rules: s.Rules, AutoResolve: s.AutoResolve, Alerts: newStoredAlerts(&s.Alerts)}
	if e := &s.Editor; e.Template != "" || len(e.Mappings) > 0 {
		stored.Editor = &storedEditor{Template: e.Template}
		for _, m := range e.Mappings {
			stored.Editor.Mappings = append(stored.Editor.Mappings, storedMapping(m))
		}
	}
	b, err := json.Marshal(stored)
	return string(b), err
}

func decodeSettings(text string) (*tracker.Settings, error) {
	var s storedSettings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	settings := &tracker.Settings{Scrub: scrub.Rules(s.Scrub), Filters: inbound.Rules(s.Filters), Rules: s.Rules, AutoResolve: s.AutoResolve, Alerts: s.Alerts.rules()}
	if s.Editor != nil {
		settings.Editor.Template = s.Editor.Template
		for _, m := range s.Editor.Mappings {
			settings.Editor.Mappings = append(settings.Editor.Mappings, sourcelink.Mapping(m))
		}
	}
	return settings, nil
}

// maxCachedSettings bounds the settings at hand, by the name of their project.
const maxCachedSettings = 2048

// settingsCache holds settings that were asked for. Every change empties it.
type settingsCache struct {
	mu      sync.RWMutex
	byName  map[string]*tracker.Settings
	version int
}

// Settings implements tracker.SettingsStore.
func (s *Store) Settings(ctx context.Context, project string) (*tracker.Settings, error) {
	c := &s.settings
	project = stored(project, tracker.MaxProject)
	c.mu.RLock()
	found, version := c.byName[project], c.version
	c.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	var text string
	var id, revision int64
	err := s.db.Read().QueryRowContext(ctx, "SELECT s.settings, s.version, p.id FROM project_settings s JOIN projects p ON p.id = s.project_id WHERE p.name = ?", project).Scan(&text, &revision, &id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		found = new(tracker.Settings)
	case err != nil:
		return nil, readError("read settings", err)
	default:
		if found, err = decodeSettings(text); err != nil {
			return nil, err
		}
		found.ProjectID, found.Version = id, revision
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version == version {
		if c.byName == nil {
			c.byName = make(map[string]*tracker.Settings)
		}
		remember(c.byName, maxCachedSettings, strings.Clone(project), found)
	}
	return found, nil
}

// AutoResolving implements tracker.SettingsStore.
func (s *Store) AutoResolving(ctx context.Context) (map[int64]int, error) {
	type row struct {
		project int64
		days    int
	}
	rows, err := s.db.Read().QueryContext(ctx, "SELECT project_id, settings ->> '$.auto_resolve' FROM project_settings WHERE settings ->> '$.auto_resolve' > 0")
	all, err := scanAll(rows, err, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.project, &r.days)
	})
	if err != nil {
		return nil, readError("list settings", err)
	}
	days := make(map[int64]int, len(all))
	for _, r := range all {
		days[r.project] = r.days
	}
	return days, nil
}

// SaveSettings implements tracker.SettingsStore.
func (s *Store) SaveSettings(ctx context.Context, project int64, settings *tracker.Settings) error {
	text, err := encodeSettings(settings)
	if err != nil {
		return err
	}
	err = s.db.Maintain(ctx, func(tx *sqlitedb.Tx) error {
		if err := saveSettings(tx, project, settings.Version, text); err != nil {
			return err
		}
		// Somebody cares for the project: it stays without issues, too.
		_, err = tx.Exec("UPDATE projects SET managed = 1 WHERE id = ?", project)
		return err
	})
	s.settings.mu.Lock()
	clear(s.settings.byName)
	s.settings.version++
	s.settings.mu.Unlock()
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// saveSettings is for settings that were made from those of that version, 0 being
// what a project starts with.
func saveSettings(tx *sqlitedb.Tx, project, version int64, text string) error {
	var now int64
	err := tx.QueryRow("SELECT coalesce(s.version, 0) FROM projects p LEFT JOIN project_settings s ON s.project_id = p.id WHERE p.id = ?", project).Scan(&now)
	if errors.Is(err, sql.ErrNoRows) {
		return projectNotFound(project)
	}
	if err != nil {
		return err
	}
	if now != version {
		return errs.New(errs.Conflict, "somebody else changed the settings: they have version %d, and this change was made from version %d", now, version)
	}
	_, err = tx.Exec(`INSERT INTO project_settings (project_id, settings, version) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET settings = excluded.settings, version = excluded.version`, project, text, version+1)
	return err
}
