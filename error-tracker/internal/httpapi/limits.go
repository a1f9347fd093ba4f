package httpapi

// Limits of one report. What is longer than the first three is refused;
// anything else is cut, so that an event is never lost over one fat member.
// Lengths are bytes of UTF-8. docs/api/error-tracker.md repeats this table.
const (
	MaxBody  = 256 << 10 // a request body, before and after gunzip
	maxDepth = 128       // nested objects and arrays; 400 beyond
	maxIDs   = 1000      // in one bulk or merge request; 400 beyond

	// What one look at the tags of an error lists: those with the most events.
	maxListedTags      = 200
	maxListedTagValues = 100 // of each

	// maxUnpacked is how many bytes of bodies are decoded, or wait for the disk
	// decoded, at one time. A decoded report is some four times as large as its
	// body; the others wait as bodies, whose bytes the server has a bound for.
	maxUnpacked = 2 << 20
)
