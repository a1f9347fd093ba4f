package sourcemap

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/monlight/monlight/browser-relay/internal/jsonstream"
	"github.com/monlight/monlight/shared/errs"
)

// ErrFormat is the error of a JSON text that is no source map at all: it has not
// the members of one.
var ErrFormat = errs.New(errs.Invalid, "Invalid source map format")

// xssiPrefix begins a line that keeps a map from being included as a script.
const xssiPrefix = ")]}'"

// Build reads a source map of version 3, plain or with sections, from r and puts
// its blocks into sink as it goes. It needs about 3 MB, and for each source and
// block some 100 bytes. Errors are of kind Invalid when the map is at fault;
// those of r and sink are returned as they are.
func Build(ctx context.Context, r io.Reader, sink BlockSink) (*Result, error) {
	j := jsonstream.NewReader(r)
	res, err := BuildFrom(ctx, j, sink)
	if err != nil {
		return nil, err
	}
	return res, j.End()
}

// BuildFrom is Build of the next value of a JSON text.
func BuildFrom(ctx context.Context, j *jsonstream.Reader, sink BlockSink) (*Result, error) {
	c, err := theCodec()
	if err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, json: j, sink: sink, codec: c, seen: map[Hash]bool{}}
	b.segments.put, b.texts.put, b.names.put = b.put, b.put, b.put
	start := j.Offset()
	if start == 0 {
		j.SkipBOM()
		if err := j.SkipLinePrefixed(xssiPrefix); err != nil {
			return nil, err
		}
	}
	if kind, err := j.Peek(); err != nil {
		return nil, err
	} else if kind != jsonstream.Object {
		return nil, ErrFormat
	}
	if err := b.document(true); err != nil {
		return nil, err
	}
	if err := b.names.flush(ctx); err != nil {
		return nil, err
	}
	b.index.segments, b.index.nameBlocks, b.index.names = b.segments.blocks, b.names.blocks, b.names.total
	res := &Result{
		Blocks: b.blocks, DebugID: b.index.debugID, File: b.index.file, Bytes: j.Offset() - start,
		Segments: b.segments.total, Sources: len(b.index.sources), Names: int(b.names.total),
	}
	for _, s := range b.index.sources {
		if len(s.blocks) > 0 {
			res.WithContent++
		}
	}
	res.Index, err = b.index.marshal()
	if err == nil && len(res.Index) > MaxIndex {
		err = errs.New(errs.Invalid, "source map: its index has %d bytes, the limit is %d", len(res.Index), MaxIndex)
	}
	return res, err
}

// builder is the state of a Build.
type builder struct {
	ctx   context.Context //nolint:containedctx // of the one call that owns the builder
	json  *jsonstream.Reader
	sink  BlockSink
	codec *codec

	index     index
	pathBytes int
	segments  segmentWriter
	texts     textWriter
	names     nameWriter

	seen   map[Hash]bool
	blocks []Hash
	packed []byte
}

// put gives a block to the sink, once.
func (b *builder) put(ctx context.Context, plain []byte) (Hash, error) {
	name := Hash(sha256.Sum256(plain))
	if b.seen[name] {
		return name, nil
	}
	b.packed = b.codec.enc.EncodeAll(plain, b.packed[:0])
	if err := b.sink.PutBlock(ctx, name, b.packed); err != nil {
		return name, err
	}
	b.seen[name] = true
	b.blocks = append(b.blocks, name)
	return name, nil
}

// document is a map, or the map of a section: the members of one object.
type document struct {
	version, mappings, names, sections, listed bool // were there

	root         string
	paths        []string
	contents     [][]textBlock
	ignored      []int
	firstSource  int32 // the number of its first source in the index
	firstName    int32
	maxSource    int32 // highest numbers in the mappings, -1 for none
	maxName      int32
	firstSegment int32 // its first block of segments
}

// document reads an object that is a map. Members may come in any order, so
// what needs several of them is checked at the end.
func (b *builder) document(top bool) error {
	d := &document{
		firstSource: int32(len(b.index.sources)), firstName: b.names.total,
		maxSource: -1, maxName: -1, firstSegment: int32(len(b.segments.blocks)),
	}
	err := b.json.Object(func(key string) error { return b.member(d, key, top) })
	if err != nil {
		return err
	}
	if top && !d.version || !d.sections && (!d.listed || !d.mappings) {
		return ErrFormat
	}
	if d.sections && d.mappings {
		return errs.New(errs.Invalid, "source map: it has both mappings and sections")
	}
	return b.finish(d, top)
}

// finish checks what the members say about each other and adds the sources.
func (b *builder) finish(d *document, top bool) error {
	if int(d.maxSource) >= len(d.paths) {
		return errs.New(errs.Invalid, "mappings: source %d is used, but there are %d sources", d.maxSource, len(d.paths))
	}
	if names := b.names.total - d.firstName; d.maxName >= names {
		return errs.New(errs.Invalid, "mappings: name %d is used, but there are %d names", d.maxName, names)
	}
	for i, path := range d.paths {
		s := source{path: join(d.root, path)}
		if b.pathBytes += len(s.path); b.pathBytes > maxPathBytes {
			return errs.New(errs.Invalid, "sources: their paths have more than %d bytes", maxPathBytes)
		}
		if i < len(d.contents) {
			s.blocks = d.contents[i]
		}
		b.index.sources = append(b.index.sources, s)
	}
	for _, i := range d.ignored {
		if i < len(d.paths) {
			b.index.sources[int(d.firstSource)+i].ignored = true
		}
	}
	if d.sections {
		return nil
	}
	if err := b.segments.section(b.ctx); err != nil {
		return err
	}
	if top {
		b.index.sections = []section{{blocks: int32(len(b.segments.blocks))}}
	}
	return nil
}

// join puts the root of a map before the path of a source that is relative.
func join(root, path string) string {
	if root == "" || path == "" || path[0] == '/' || hasScheme(path) {
		return path
	}
	if root[len(root)-1] != '/' {
		root += "/"
	}
	if len(root)+len(path) > maxSource {
		return path
	}
	return root + path
}

// hasScheme tells whether a path is a URL.
func hasScheme(path string) bool {
	for i, c := range []byte(path) {
		switch {
		case c == ':':
			return i > 1 // one letter is a drive
		case (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.'):
			return false
		}
	}
	return false
}
