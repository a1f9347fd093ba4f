package sqlite

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// A payload is a byte that names its form, and the stored form of an event.
const (
	plainForm = 'p' // as it is
	zstdForm  = 'z' // a zstd frame, which names its dictionary
)

const (
	// maxPayload bounds what a payload may unpack to. Events are at most
	// 1 MiB of JSON when they come in, and JSON is longer than our form.
	maxPayload = 8 << 20
	// zstdWindow is how far back matches reach. It bounds the memory of each
	// encoder, and few events are longer.
	zstdWindow = 64 << 10
)

// payloads packs and unpacks events. It is safe for concurrent use; so many
// callers as there are processors work at a time and the others wait, because
// each needs about a megabyte.
type payloads struct {
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	buffers sync.Pool
}

func newPayloads(dictionaries ...[]byte) (*payloads, error) {
	encOpts := []zstd.EOption{
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(min(runtime.GOMAXPROCS(0), 2)),
		zstd.WithWindowSize(zstdWindow),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(true), // SQLite has no checksums: this one at least finds damage in events
	}
	decOpts := []zstd.DOption{
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxPayload),
	}
	if len(dictionaries) > 0 {
		encOpts = append(encOpts, zstd.WithEncoderDict(dictionaries[0])) // the newest
		decOpts = append(decOpts, zstd.WithDecoderDicts(dictionaries...))
	}
	enc, err := zstd.NewWriter(nil, encOpts...)
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, decOpts...)
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &payloads{enc: enc, dec: dec, buffers: sync.Pool{New: func() any { return new([]byte) }}}, nil
}

// pack returns the payload of e, in memory of its own.
func (p *payloads) pack(e *event.Event) []byte {
	buf := p.buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	plain := encodeEvent((*buf)[:0], e)
	out := make([]byte, 1, 64+len(plain)/3)
	out[0] = zstdForm
	out = p.enc.EncodeAll(plain, out)
	if len(out) > len(plain) {
		out = append(append(out[:0], plainForm), plain...)
	}
	if cap(plain) <= 1<<18 { // one huge event must not stay in memory for ever
		*buf = plain
	} else {
		*buf = nil
	}
	p.buffers.Put(buf)
	return out
}

// unpack reads a payload.
func (p *payloads) unpack(b []byte) (event.Event, error) {
	if len(b) == 0 {
		return event.Event{}, fmt.Errorf("%w: empty payload", errStored)
	}
	switch b[0] {
	case plainForm:
		return decodeEvent(bytes.Clone(b[1:])) // events share the memory of what they are read from
	case zstdForm:
		plain, err := p.dec.DecodeAll(b[1:], nil)
		if err != nil {
			return event.Event{}, fmt.Errorf("%w: %w", errStored, err)
		}
		return decodeEvent(plain)
	}
	return event.Event{}, fmt.Errorf("%w: form %q", errStored, b[0])
}
