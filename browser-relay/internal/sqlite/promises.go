package sqlite

import (
	"github.com/monlight/monlight/browser-relay/internal/artifacts"
	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
)

// What a Store is.
var (
	_ relay.KeyStore     = (*Store)(nil)
	_ relay.SpoolStore   = (*Store)(nil)
	_ relay.TrafficStore = (*Store)(nil)
	_ relay.RecentStore  = (*Store)(nil)
	_ relay.MapStore     = (*Store)(nil)
	_ artifacts.Store    = (*Store)(nil)
	_ symbolicate.Maps   = (*Store)(nil)
)
