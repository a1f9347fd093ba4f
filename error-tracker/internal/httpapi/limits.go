package httpapi

// Limits of one report. What is longer than the first three is refused;
// anything else is cut, so that an event is never lost over one fat member.
// Lengths are bytes of UTF-8. docs/api/error-tracker.md repeats this table.
const (
	MaxBody  = 256 << 10 // a request body, before and after gunzip
	maxDepth = 128       // nested objects and arrays; 400 beyond
	maxIDs   = 1000      // in one bulk or merge request; 400 beyond

	// maxUnpacked is how many bytes of bodies are decoded, or wait for the disk
	// decoded, at one time. A decoded report is some four times as large as its
	// body; the others wait as bodies, whose bytes the server has a bound for.
	maxUnpacked = 2 << 20

	maxExceptions      = 50  // the first 10 and the last 40 of a chain are kept
	maxFrames          = 250 // of one exception: the outermost 50 and the innermost 200
	maxFramesPerReport = 1000
	maxContextLines    = 20 // before and after the line of a frame, each
	maxVars            = 100
	maxBreadcrumbs     = 100 // the newest
	maxTags            = 100 // the first, like the rest
	maxContexts        = 50
	maxModules         = 1000
	maxFingerprint     = 20
	maxUserData        = 50 // members beside id, email, username and ip_address

	maxLabel     = 200     // environment, release, level, names and values of tags and modules, …
	maxName      = 500     // functions, modules, user names, one fingerprint part
	maxPath      = 2 << 10 // file names
	maxURL       = 8 << 10
	maxLine      = 2 << 10  // a line of source
	maxCrumbText = 4 << 10  // a breadcrumb's message
	maxValue     = 16 << 10 // a local variable, a breadcrumb's data, one context
	maxMethod    = 40
)

// Heads of the lists that are cut in the middle.
const (
	headExceptions = 10
	headFrames     = 50
)
