// Package alerting decides which alerts become mails, and writes those mails.
// It neither sends anything nor knows how mails travel.
package alerting

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Defaults and bounds of the policy.
const (
	DefaultWindow         = time.Hour        // see Settings.Window
	DefaultDigestInterval = 10 * time.Minute // see Settings.DigestInterval
	DefaultBudget         = 10               // see Settings.Budget
	MaxRecipients         = 20
	MaxWindow             = 7 * 24 * time.Hour // what was mailed longer ago may be forgotten
)

// Settings says to whom alerts go, what links in them look like, and how many
// mails a burst of errors may cause.
type Settings struct {
	BaseURL    string  // where people reach this service; links in mails begin with it
	From       Address // sender, in the header and on the envelope
	Recipients []Address

	// Window is the shortest time between two mails of one kind about one
	// issue. What happens in between is told in one mail at its end.
	Window time.Duration
	// DigestInterval is the time in which at most Budget mails about single
	// issues are sent. Alerts beyond that wait and go into one digest, of
	// which there is at most one in each interval.
	DigestInterval time.Duration
	Budget         int
}

// Checked returns s with defaults for what was left empty and the base URL without
// slashes at its end, or an error that names what is wrong.
func (s Settings) Checked() (Settings, error) {
	s, err := s.checkedPolicy()
	if err != nil {
		return s, err
	}
	if s.From.Addr == "" {
		return s, fmt.Errorf("alerts have no sender address")
	}
	if len(s.Recipients) == 0 {
		return s, fmt.Errorf("alerts have no recipients")
	}
	if n := len(s.Recipients); n > MaxRecipients {
		return s, fmt.Errorf("alerts have %d recipients, the limit is %d; use a mailing list", n, MaxRecipients)
	}
	return s, nil
}

// checkedPolicy is Checked for what all channels use.
func (s Settings) checkedPolicy() (Settings, error) {
	if s.Window == 0 {
		s.Window = DefaultWindow
	}
	if s.DigestInterval == 0 {
		s.DigestInterval = DefaultDigestInterval
	}
	if s.Budget == 0 {
		s.Budget = DefaultBudget
	}
	if s.Window < 0 || s.Window > MaxWindow {
		return s, fmt.Errorf("alert window is %v, want 0 to %v", s.Window, MaxWindow)
	}
	if s.DigestInterval < 0 || s.DigestInterval > MaxWindow {
		return s, fmt.Errorf("digest interval is %v, want 0 to %v", s.DigestInterval, MaxWindow)
	}
	if s.Budget < 0 {
		return s, fmt.Errorf("alert budget is %d, want a positive number", s.Budget)
	}
	base, err := CheckBaseURL(s.BaseURL)
	if err != nil {
		return s, err
	}
	s.BaseURL = base
	return s, nil
}

// CheckBaseURL returns base without slashes at its end. It refuses what cannot
// be a link: another scheme than http or https, no host, a query, a user.
func CheckBaseURL(base string) (string, error) {
	trimmed := strings.TrimRight(strings.TrimSpace(base), "/")
	u, err := url.Parse(trimmed)
	switch {
	case err != nil:
		return "", fmt.Errorf("base URL %q is not a URL", base)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("base URL %q does not begin with http:// or https://", base)
	case u.Hostname() == "":
		return "", fmt.Errorf("base URL %q has no host", base)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("base URL %q has a user, query or fragment, want scheme, host and path only", base)
	case strings.ContainsAny(trimmed, " \t\r\n<>\"'\\"):
		return "", fmt.Errorf("base URL %q has characters that do not belong in a link", base)
	}
	return trimmed, nil
}
