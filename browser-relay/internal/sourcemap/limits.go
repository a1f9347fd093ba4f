package sourcemap

// Limits of what Build takes. A map beyond one of them is refused, with the
// limit in the error, but for the texts that are cut.
const (
	// MaxBlock is the most plain bytes of a block, and with maxOverhead of its data.
	MaxBlock = 32 << 10
	// maxOverhead is what compression may add to bytes that do not compress.
	maxOverhead = 1 << 10

	MaxSegments = 10_000_000
	MaxSections = 50_000
	MaxSources  = 100_000
	MaxNames    = 2_000_000
	// MaxLine is the highest line and column, of generated and original files.
	MaxLine = 1<<31 - 1

	// maxName and maxSource are where a name and the path of a source are cut.
	maxName   = 500
	maxSource = 2_000
	// maxPathBytes bounds the paths of all sources together: they stay in memory
	// while the map is in use.
	maxPathBytes = 8 << 20
	// maxTextBlocks bounds the blocks of the texts of all sources: 512 MB.
	maxTextBlocks = 1 << 14

	// MaxIndex bounds an index when it is read back, packed and unpacked.
	MaxIndex = 32 << 20
)

// Limits of what is read for one frame.
const (
	// MaxContext is how many lines on either side Context returns at most.
	MaxContext = 20
	// maxContextLine is where source lines are cut, in bytes.
	maxContextLine = 200
	// maxContextBlocks bounds the blocks that are read on either side of a line.
	maxContextBlocks = 3
)
