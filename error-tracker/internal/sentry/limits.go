// Package sentry takes in what Sentry's SDKs send: envelopes, single events of
// older SDKs, and browsers' reports about content security policies. It is one
// more way into the same tracker.
package sentry

// Limits of what is taken in, in bytes unless they say otherwise. docs/sdks.md
// repeats them.
const (
	MaxWire     = 8 << 20  // of a request as it arrives
	MaxEnvelope = 20 << 20 // of a request after decompression
	MaxEvent    = 1 << 20  // of one event
	MaxReport   = 64 << 10 // of a report about a policy
	// MaxKept is of all that is kept of a request while it is read: the buffers
	// of items, which double while their length is not known.
	MaxKept = 3 << 20

	maxWhole       = 1 << 20   // of a body that is decompressed as a whole: br and zstd
	maxHeaderLine  = 64 << 10  // of an envelope or an item
	maxItems       = 1000      // in an envelope
	maxEvents      = 10        // in an envelope; SDKs send one
	maxSmallItem   = 100 << 10 // sessions, client reports
	maxAttachments = 512 << 10 // kept of all attachments of an event
	maxFiles       = 10        // attachments named, kept or not
	maxFileName    = 200
	maxDepth       = 128 // nested objects and arrays of an event; what is deeper is left out
	maxMarks       = 200
	maxViolations  = 20  // in one report about policies
	maxSessions    = 100 // in a session item
	maxLosses      = 100 // in a client report
)
