package httpapi

import (
	"sync"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/ratelimit"
)

// Limits are those of the doors for web pages.
type Limits struct {
	Body       int64 // bytes
	PerClient  int   // requests per minute of one key from one client
	PerKey     int   // requests per minute of one key from all clients, for keys without a rate
	ClientKeys int   // clients that are told apart; 0 is 8,192
}

const window = time.Minute

// maxTunnelKeys is how many keys of the tunnel are told apart.
const maxTunnelKeys = 1024

// limiters count the requests of keys.
type limiters struct {
	limits  Limits
	clients *ratelimit.Limiter

	mu   sync.Mutex
	keys map[int64]*keyLimiter

	// Of the tunnel, whose keys are the error tracker's.
	tunnelClients, tunnelKeys *ratelimit.Limiter
}

// keyLimiter counts the requests of one key.
type keyLimiter struct {
	rate int
	*ratelimit.Limiter
}

func newLimiters(l Limits) *limiters {
	perClient := func() *ratelimit.Limiter {
		return ratelimit.New(l.PerClient, window, ratelimit.Options{MaxKeys: l.ClientKeys})
	}
	return &limiters{
		limits: l, clients: perClient(), keys: map[int64]*keyLimiter{},
		tunnelClients: perClient(), tunnelKeys: ratelimit.New(l.PerKey, window, ratelimit.Options{MaxKeys: maxTunnelKeys}),
	}
}

// allow counts a request of a key from a client. The reason is one of
// relay.Reason… when it is one too many.
func (l *limiters) allow(k *relay.Key, client string) (reason string, err error) {
	if ok, wait := l.clients.Allow(k.PublicKey + " " + client); !ok {
		return relay.ReasonClientRate, tooMany(wait)
	}
	if ok, wait := l.of(k).Allow(""); !ok {
		return relay.ReasonKeyRate, tooMany(wait)
	}
	return "", nil
}

func tooMany(wait time.Duration) error {
	return errs.RetryIn(errs.RateLimited, wait, "Rate limit exceeded")
}

func (l *limiters) of(k *relay.Key) *ratelimit.Limiter {
	rate := k.Rate
	if rate == 0 {
		rate = l.limits.PerKey
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kl := l.keys[k.ID]
	if kl == nil || kl.rate != rate {
		kl = &keyLimiter{rate, ratelimit.New(rate, window, ratelimit.Options{MaxKeys: 1})}
		l.keys[k.ID] = kl
	}
	return kl.Limiter
}
