package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/outbound"
)

const (
	peerTimeout   = 2 * time.Second
	peerFresh     = 10 * time.Second // how old what is shown of a peer may be
	maxPeerAnswer = 16 << 10
)

// services are the names that a peer can have.
var services = []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"}

// Peer is another service of the product.
type Peer struct {
	Name string
	URL  *url.URL // where its /health is asked for
	Link string   // where people reach it, "" when that is not known
}

// PeerState is how a peer did when it was asked last.
type PeerState struct {
	Name      string    `json:"name"`
	Link      string    `json:"link,omitempty"`
	Status    string    `json:"status"` // "ok", "degraded", "unavailable" (it answers, but cannot work) or "unreachable"
	Detail    string    `json:"detail,omitempty"`
	CheckedAt time.Time `json:"checked_at"`
	TookMS    int64     `json:"took_ms"`
}

// LoadPeers reads PEERS: where the other services are reached from here, when
// that is not where people reach them.
func LoadPeers(env *config.Env) map[string]*url.URL {
	return config.Parse(env, "PEERS", "",
		"where the other services are asked for their health, as name=URL separated by commas; unset asks where people reach them", parsePeers)
}

func parsePeers(text string) (map[string]*url.URL, error) {
	peers := map[string]*url.URL{}
	for item := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, address, _ := strings.Cut(item, "=")
		name = strings.TrimSpace(name)
		if !slices.Contains(services, name) {
			return nil, fmt.Errorf("%.40q is no service: want one of %s, as name=URL", name, strings.Join(services, ", "))
		}
		u, err := config.ParseURL(strings.TrimSpace(address))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		peers[name] = u
	}
	return peers, nil
}

// Peers asks the other services for their health: only those that are set, with
// no redirect followed, and each at most once in ten seconds. A nil *Peers has none.
type Peers struct {
	list   []Peer
	client *http.Client
	now    func() time.Time

	calls singleflight.Group
	mu    sync.Mutex
	known []PeerState
	at    time.Time
}

// NewPeers returns the peers of a service. links has where people reach each
// service, "" where it is not installed; the service itself is left out. inside
// is that of [LoadPeers].
func NewPeers(self string, links map[string]string, inside map[string]*url.URL) *Peers {
	p := &Peers{now: time.Now, client: outbound.NewClient(outbound.Options{
		Policy: outbound.Settings, Timeout: peerTimeout, MaxAnswer: maxPeerAnswer,
	})}
	for _, name := range services {
		peer := Peer{Name: name, URL: inside[name], Link: links[name]}
		if peer.URL == nil && peer.Link != "" {
			peer.URL, _ = url.Parse(peer.Link) // it was read as a setting
		}
		if name != self && peer.URL != nil {
			p.list = append(p.list, peer)
		}
	}
	return p
}

// ask returns the state of the peers, which may be some seconds old.
func (p *Peers) ask(ctx context.Context) []PeerState {
	if p == nil || len(p.list) == 0 {
		return []PeerState{}
	}
	p.mu.Lock()
	known, fresh := p.known, p.now().Sub(p.at) < peerFresh
	p.mu.Unlock()
	if known != nil && fresh {
		return known
	}
	// The answer is shared, so it does not depend on one reader staying.
	ctx = context.WithoutCancel(ctx)
	states, _, _ := p.calls.Do("", func() (any, error) {
		states := make([]PeerState, len(p.list))
		var all sync.WaitGroup
		for i, peer := range p.list {
			all.Go(func() { states[i] = p.check(ctx, peer) })
		}
		all.Wait()
		p.mu.Lock()
		p.known, p.at = states, p.now()
		p.mu.Unlock()
		return states, nil
	})
	return states.([]PeerState)
}

// check asks one peer.
func (p *Peers) check(ctx context.Context, peer Peer) PeerState {
	began := p.now()
	s := PeerState{Name: peer.Name, Link: peer.Link, CheckedAt: began.UTC().Truncate(time.Second)}
	s.Status, s.Detail = p.health(ctx, peer.URL)
	s.TookMS = p.now().Sub(began).Milliseconds()
	return s
}

// health returns the status and what the peer says to it, in words.
func (p *Peers) health(ctx context.Context, at *url.URL) (status, detail string) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("health").String(), http.NoBody)
	if err != nil {
		return "unreachable", "its URL is not usable"
	}
	res, err := p.client.Do(req)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "unreachable", fmt.Sprintf("no answer within %s", config.FormatDuration(peerTimeout))
	case errors.Is(err, outbound.ErrRefused):
		return "unreachable", at.Host + " is " + outbound.ErrRefused.Error()
	case err != nil:
		return "unreachable", "no connection to " + at.Host
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	var body struct {
		Status   string `json:"status"`
		Detail   string `json:"detail"`
		DiskLow  bool   `json:"disk_low"`
		Degraded bool   `json:"degraded"`
	}
	err = json.NewDecoder(res.Body).Decode(&body)
	switch {
	case err != nil || body.Status == "":
		return "unreachable", fmt.Sprintf("what answers at %s with status %d is no Monlight service", at.Host, res.StatusCode)
	case res.StatusCode != http.StatusOK || body.Status != "ok":
		return "unavailable", clip(body.Detail)
	case body.DiskLow:
		return "degraded", "its disk is almost full"
	case body.Degraded:
		return "degraded", "a service behind it does not answer"
	}
	return "ok", ""
}

// clip bounds a text of a peer.
func clip(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
