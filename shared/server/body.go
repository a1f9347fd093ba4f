package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// bodyChunk is the least that is reserved for a body, and the size of the buffers
// that are kept for reuse.
const bodyChunk = 16 << 10

var errTooLarge = errs.New(errs.TooLarge, "Request body exceeds maximum size")

// Body returns a middleware that lets a handler read at most limit bytes of body,
// counted on the wire and again after decompression. More is 413: before reading
// when Content-Length says so, else while reading. Of content encodings it
// understands identity, gzip and those in more; others are 415. The bytes count against the
// budget of the process (MAX_INFLIGHT_BYTES) from when they are read until the
// handler returns; when it is used up the answer is 503 with Retry-After.
//
// The errors of reading are of package errs: handlers return them as they are.
func (e *Edge) Body(limit int64, more ...Encoding) func(http.Handler) http.Handler {
	return e.limited(limit, limit, reading{}, more)
}

// reading is how a handler reads a body.
type reading struct {
	streamed bool  // it keeps little of it: only the decompressor is counted
	patient  bool  // the body may take longer than other requests
	keep     int64 // all that the handler may hold of it
}

func (e *Edge) limited(onWire, limit int64, how reading, more []Encoding) func(http.Handler) http.Handler {
	encodings := append([]Encoding{gzipEncoding}, more...)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			encoding, err := contentEncoding(r, encodings)
			if err == nil && r.ContentLength > onWire {
				err = errTooLarge
			}
			if err != nil {
				if errs.KindOf(err) == errs.Unsupported {
					w.Header().Set("Accept-Encoding", names(encodings))
				}
				problem.Write(w, r, err)
				return
			}
			if r.Body == nil || r.Body == http.NoBody {
				next.ServeHTTP(w, r)
				return
			}
			b := &body{
				ctx: r.Context(), budget: e.budget, limit: limit, encoding: encoding,
				streamed: how.streamed, keep: how.keep,
				wire: wire{ReadCloser: http.MaxBytesReader(w, r.Body, onWire)},
			}
			if how.patient {
				b.wire.ReadCloser = newPatient(w, b.wire.ReadCloser)
			}
			if encoding == nil {
				b.expected = r.ContentLength
			}
			defer b.free()
			r2 := r.WithContext(r.Context())
			r2.Body = b
			if encoding != nil { // what follows sees the decompressed body
				r2.Header = r.Header.Clone()
				r2.Header.Del("Content-Encoding")
				r2.Header.Del("Content-Length")
				r2.ContentLength = -1
			}
			next.ServeHTTP(w, r2)
		})
	}
}

// body is a request body that keeps to its limit and to the budget.
type body struct {
	ctx      context.Context //nolint:containedctx // of the request that owns the body
	budget   *budget
	limit    int64
	expected int64     // bytes announced; 0 or less is unknown
	encoding *Encoding // nil is identity
	streamed bool      // the handler keeps little of it: only what it holds is counted
	keep     int64     // the most that it holds
	wire     wire

	unpack   Decompressor
	read     int64
	reserved int64 // for data
	held     int64 // of what is reserved, by who reads in pieces
	overhead int64 // for the decompressor
	err      error
}

// wire is the body as it comes from the connection. It remembers its error, so
// that a broken connection can be told from broken compression.
type wire struct {
	io.ReadCloser
	err error
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !b.streamed {
		if b.read == b.reserved {
			if b.err = b.grow(); b.err != nil {
				return 0, b.err
			}
		}
		p = p[:min(int64(len(p)), b.reserved-b.read)]
	}
	n, err := b.source(p)
	b.read += int64(n)
	if b.read > b.limit {
		n, err = 0, errTooLarge
	}
	b.err = b.explain(err)
	if errors.Is(b.err, io.EOF) {
		if b.streamed {
			b.settle()
		} else {
			b.shrink()
		}
	}
	return n, b.err
}

// Close ends the use of the body; what was reserved stays so until the handler
// returns, because it may still hold the bytes.
func (b *body) Close() error { return b.wire.Close() }

// source reads from the connection or from the decompressor over it.
func (b *body) source(p []byte) (int, error) {
	if b.encoding == nil {
		return b.wire.Read(p)
	}
	if b.unpack == nil {
		cost := min(b.encoding.Cost, b.budget.size)
		if err := b.budget.acquire(b.ctx, cost); err != nil {
			return 0, err
		}
		b.overhead = cost
		from := io.Reader(&b.wire)
		if b.encoding.Whole > 0 {
			var err error
			if from, err = b.readWhole(); err != nil {
				return 0, err
			}
		}
		b.unpack, _ = b.encoding.Pool.Get().(Decompressor)
		if err := b.unpack.Reset(from); err != nil {
			return 0, err
		}
	}
	return b.unpack.Read(p)
}

// grow takes more from the budget, in two steps. The first is a chunk, so that
// clients which announce much and send nothing hold next to nothing. The second
// is all that may still come. Growing bit by bit would be cheaper for each, but
// under load everybody would hold a part and wait for the rest of the others.
func (b *body) grow() error {
	target := int64(bodyChunk)
	if b.reserved > 0 {
		target = b.limit + 1 // one more, to meet the end or to be too large
		if b.expected > 0 {
			target = b.expected + 1
		}
	}
	target = min(target, b.budget.size-b.overhead)
	if target <= b.reserved { // a limit above the budget
		return errTooLarge
	}
	if err := b.budget.acquire(b.ctx, target-b.reserved); err != nil {
		return err
	}
	b.reserved = target
	return nil
}

// shrink gives back what did not come. A reader that doubled its buffer holds up
// to twice the body.
func (b *body) shrink() {
	if spare := b.reserved - max(2*b.read, bodyChunk); spare > 0 {
		b.budget.release(spare)
		b.reserved -= spare
	}
}

// free gives everything back.
func (b *body) free() {
	if b.err == nil {
		b.err = errs.New(errs.Internal, "request body was read after its handler returned")
	}
	if b.unpack != nil {
		_ = b.unpack.Reset(http.NoBody) // let go of the request
		b.encoding.Pool.Put(b.unpack)
		b.unpack = nil
	}
	b.budget.release(b.reserved + b.overhead)
	b.reserved, b.overhead = 0, 0
}

// explain turns the errors of reading into ours.
func (b *body) explain(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	cause := err
	if b.wire.err != nil {
		cause = b.wire.err
	}
	if _, ok := errors.AsType[*http.MaxBytesError](cause); ok {
		return errTooLarge
	}
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		return errs.Wrap(errs.Timeout, cause, "Request body took too long to arrive")
	}
	if b.wire.err == nil && b.encoding != nil && (b.encoding.Corrupt(err) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return errs.Wrap(errs.Invalid, err, "Request body is not valid %s", b.encoding.Name())
	}
	return errs.Wrap(errs.Invalid, cause, "Failed to read request body")
}

var chunks = sync.Pool{New: func() any { return new([bodyChunk]byte) }}

// ReadBody reads the whole body of a request behind [Edge.Body]. The data may be
// used until release is called or the handler returns, whichever is first; copy
// what must live longer. release may be called more than once and is never nil.
func ReadBody(r *http.Request) (data []byte, release func(), err error) {
	release = func() {}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, release, nil
	}
	b, ok := r.Body.(*body)
	if !ok || b.streamed {
		return nil, release, errors.New("read body: the route has no body limit, or streams")
	}
	chunk, _ := chunks.Get().(*[bodyChunk]byte)
	release = sync.OnceFunc(func() { chunks.Put(chunk) })
	data = chunk[:0]
	for {
		if len(data) == cap(data) {
			// Take the memory from the budget before taking it for real.
			if b.read == b.reserved {
				if err := b.grow(); err != nil {
					b.err = err
					return nil, release, err
				}
			}
			size := b.reserved
			if b.expected <= 0 {
				size = min(size, 2*int64(len(data)))
			}
			data = append(make([]byte, 0, size), data...)
		}
		n, err := b.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, release, nil
		}
		if err != nil {
			return nil, release, err
		}
	}
}
