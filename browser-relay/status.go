package main

import (
	"context"
	"fmt"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/status"
	"github.com/monlight/monlight/shared/webui"
)

// ingested is what came in, in events and points of pages.
func ingested(traffic *relay.Traffic, spool *relay.Spool) func() status.Ingest {
	return func() status.Ingest {
		in := status.Ingest{Unit: "events and points", Details: map[string]int64{"waiting": spool.Stats().Entries}}
		for key, n := range traffic.Totals() {
			what, reason := key[0], key[1]
			switch what {
			case relay.CountErrors, relay.CountMetrics:
				in.Accepted += n
			case relay.CountRejected:
				in.Rejected += n
			case relay.CountLost:
				in.Dropped += n
			case relay.CountRefused:
				countRefused(&in, reason, n)
			}
			name := what
			if reason != "" && what != relay.CountPage {
				name += "_" + reason
			}
			in.Details[name] += n
		}
		return in
	}
}

// countRefused adds n refused requests. Each counts as one: how much was in it is
// not known.
func countRefused(in *status.Ingest, reason string, n int64) {
	switch reason {
	case relay.ReasonBot, relay.ReasonOptedOut: // nobody wanted them: answered with 202
	case relay.ReasonClientRate, relay.ReasonKeyRate:
		in.Limited += n
	case relay.ReasonSpoolFull, relay.ReasonUnavailable, relay.ReasonUpstream: // answered with 5xx
		in.Dropped += n
	default:
		in.Rejected += n
	}
}

// spoolNearlyFull is the part of the spool from which on it is a warning.
const spoolNearlyFull = 0.8

// deliveryWarnings are what is wrong with the services behind.
func deliveryWarnings(spool *relay.Spool, courier *relay.Courier) func(context.Context) []string {
	return func(context.Context) []string {
		var out []string
		for _, t := range relay.Targets() {
			if s := courier.State(t); s.Failures > 0 {
				out = append(out, fmt.Sprintf("The %s does not take what pages sent since %s: %s", t, webui.UTC(s.Since), webui.Line(s.Detail, 200)))
			}
		}
		if st := spool.Stats(); st.MaxBytes > 0 && float64(st.Bytes) > spoolNearlyFull*float64(st.MaxBytes) {
			out = append(out, fmt.Sprintf("%s of at most %s wait for the services behind (SPOOL_MAX_BYTES).", webui.Bytes(st.Bytes), webui.Bytes(st.MaxBytes)))
		}
		return out
	}
}
