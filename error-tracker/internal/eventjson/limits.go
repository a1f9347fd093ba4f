package eventjson

// Limits of the members of a report. What is longer is cut, so that an event is
// never lost over one fat member. Lengths are bytes of UTF-8.
// docs/api/error-tracker.md repeats this table.
const (
	MaxExceptions      = 50  // the first 10 and the last 40 of a chain are kept
	MaxFrames          = 250 // of one exception: the outermost 50 and the innermost 200
	MaxFramesPerReport = 1000
	MaxThreads         = 250
	MaxContextLines    = 20 // before and after the line of a frame, each
	MaxVars            = 100
	MaxBreadcrumbs     = 100 // the newest
	MaxTags            = 100 // the first, like the rest
	MaxContexts        = 50
	MaxModules         = 1000
	MaxFingerprint     = 20
	MaxIntegrations    = 100
	MaxUserData        = 50 // members beside id, email, username and ip_address

	MaxLabel     = 200     // environment, release, level, names and values of tags and modules, …
	MaxName      = 500     // functions, modules, user names, one fingerprint part
	MaxPath      = 2 << 10 // file names
	MaxURL       = 8 << 10
	MaxLine      = 2 << 10  // a line of source
	MaxCrumbText = 4 << 10  // a breadcrumb's message
	MaxValue     = 16 << 10 // a local variable, a breadcrumb's data, one context
	MaxMethod    = 40
)

// Heads of the lists that are cut in the middle.
const (
	headExceptions = 10
	headFrames     = 50
)
