package tracker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/origin"
)

// Limits of projects and their keys.
const (
	MaxKeysPerProject = 20
	MaxKeyLabel       = 100       // bytes
	MaxKeyRate        = 1_000_000 // events per minute
)

// Project is where events belong. Reports name it, or come with one of its keys.
type Project struct {
	ID        int64
	Name      string
	CreatedAt time.Time
	Issues    int64
	Keys      []ProjectKey // oldest first
}

// ProjectKey is the public key of a DSN. It says which project an event is for;
// it is in programs and pages, and no secret.
type ProjectKey struct {
	ID        int64
	ProjectID int64
	Project   string // its name
	Key       string // 32 lower-case hex digits
	Label     string
	Origins   origin.List // of web pages that may use it; empty is any
	Rate      int         // events per minute; 0 is the service's limit
	Active    bool
	CreatedAt time.Time
	UsedAt    time.Time // when it was last used, to the hour; zero is never
}

// DSN is the address that an SDK is given, for the public address of the
// service: "https://shop.example/errors" and so on.
func (k *ProjectKey) DSN(baseURL string) string {
	scheme, rest, ok := strings.Cut(strings.TrimRight(baseURL, "/"), "://")
	if !ok {
		scheme, rest = "https", baseURL
	}
	return scheme + "://" + k.Key + "@" + rest + "/" + strconv.FormatInt(k.ProjectID, 10)
}

// Validate says what is wrong with what people chose for a key.
func (k *ProjectKey) Validate() error {
	switch {
	case len(k.Label) > MaxKeyLabel:
		return errs.New(errs.Invalid, "label has %d bytes, the limit is %d", len(k.Label), MaxKeyLabel)
	case !printable(k.Label):
		return errs.New(errs.Invalid, "label has control characters or is not valid UTF-8")
	case k.Rate < 0 || k.Rate > MaxKeyRate:
		return errs.New(errs.Invalid, "rate_limit is %d, want 0 to %d events per minute, 0 being the default", k.Rate, MaxKeyRate)
	}
	return k.Origins.Validate()
}

// NewProjectKey returns the text of a new key.
func NewProjectKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

func validName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errs.New(errs.Invalid, "name is empty, want 1 to %d bytes", MaxProject)
	case len(name) > MaxProject:
		return errs.New(errs.Invalid, "name has %d bytes, the limit is %d", len(name), MaxProject)
	case !printable(name):
		return errs.New(errs.Invalid, "name has control characters or is not valid UTF-8")
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// ProjectStore is the part of the store that keeps projects and their keys.
type ProjectStore interface {
	// ProjectList lists all projects by name.
	ProjectList(ctx context.Context) ([]Project, error)
	Project(ctx context.Context, id int64) (Project, error)
	// AddProject adds a project with one key. Conflict when there is one of
	// that name; Invalid when there are as many as there may be.
	AddProject(ctx context.Context, name string, key ProjectKey, at time.Time) (Project, error)
	// AddKey adds a key to k.ProjectID. Conflict when the project has
	// MaxKeysPerProject.
	AddKey(ctx context.Context, k ProjectKey) (ProjectKey, error)
	// SaveKey changes the label, origins, rate and activity of the key with
	// the ID k.ID of the project k.ProjectID.
	SaveKey(ctx context.Context, k ProjectKey) (ProjectKey, error)
	// FindKey returns the key with this text, whether it is active or not.
	// Asking often is cheap.
	FindKey(ctx context.Context, key string) (ProjectKey, error)
	// KeysUsed notes when keys were used last.
	KeysUsed(ctx context.Context, used map[int64]time.Time) error
}

// CreateProject adds a project with one key.
func (s *Service) CreateProject(ctx context.Context, name string) (Project, error) {
	name = strings.TrimSpace(name)
	if err := validName(name); err != nil {
		return Project{}, err
	}
	now := s.now().UTC()
	return s.AddProject(ctx, name, ProjectKey{Key: NewProjectKey(), Label: "Default", Active: true, CreatedAt: now}, now)
}

// CreateKey adds a key to the project k.ProjectID; its text and times are chosen
// here.
func (s *Service) CreateKey(ctx context.Context, k ProjectKey) (ProjectKey, error) {
	if err := k.Validate(); err != nil {
		return ProjectKey{}, err
	}
	k.Key, k.CreatedAt, k.UsedAt = NewProjectKey(), s.now().UTC(), time.Time{}
	return s.AddKey(ctx, k)
}

// ChangeKey lets change edit a key of a project and stores the result.
func (s *Service) ChangeKey(ctx context.Context, project, key int64, change func(*ProjectKey) error) (ProjectKey, error) {
	p, err := s.Project(ctx, project)
	if err != nil {
		return ProjectKey{}, err
	}
	for _, k := range p.Keys {
		if k.ID != key {
			continue
		}
		if err := change(&k); err != nil {
			return ProjectKey{}, err
		}
		if err := k.Validate(); err != nil {
			return ProjectKey{}, err
		}
		return s.SaveKey(ctx, k)
	}
	return ProjectKey{}, errs.New(errs.NotFound, "project %d has no key %d", project, key)
}
