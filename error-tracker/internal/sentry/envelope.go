package sentry

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// An envelope is a line of JSON, and items: each a line of JSON and a payload.
// The payload of an item that tells its length ends there, that of another at
// the end of its line.

// envelopeHeader is what the first line says. All of it may be missing.
type envelopeHeader struct {
	eventID event.ID
	sentAt  time.Time
	dsn     string
	sdk     event.SDK
}

// itemHeader is what the line of an item says.
type itemHeader struct {
	kind        string
	length      int64 // -1: to the end of the line
	filename    string
	contentType string
	attachment  string // its kind, of attachments
	count       int    // of things in it, as far as it tells: 1 or more
}

// envelopeReader reads an envelope piece by piece: the header, and then item
// after item, each header followed by payload or skip.
type envelopeReader struct {
	r       *bufio.Reader
	item    itemHeader
	left    int64 // of the payload, -1: to the end of the line
	pending bool  // the payload was not read yet
	items   int
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// newEnvelopeReader reads from r; close gives its memory back.
func newEnvelopeReader(r io.Reader) *envelopeReader {
	buffered, _ := readers.Get().(*bufio.Reader)
	buffered.Reset(r)
	return &envelopeReader{r: buffered}
}

func (e *envelopeReader) close() {
	e.r.Reset(nil)
	readers.Put(e.r)
}

// line reads a line without its end; the last one needs none. ok is false at
// the end of the envelope.
func (e *envelopeReader) line() (line string, ok bool, err error) {
	var long []byte
	for {
		part, err := e.r.ReadSlice('\n')
		if len(long)+len(part) > maxHeaderLine {
			return "", false, errs.New(errs.Invalid, "a header of the envelope is longer than %d bytes", maxHeaderLine)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			continue
		case err != nil && err != io.EOF:
			return "", false, err
		}
		if long != nil {
			part = append(long, part...)
		}
		if err == io.EOF && len(part) == 0 {
			return "", false, nil
		}
		return strings.TrimSuffix(string(part), "\n"), true, nil
	}
}

func (e *envelopeReader) header() (h envelopeHeader, err error) {
	line, ok, err := e.line()
	if err != nil {
		return h, err
	}
	if !ok || line == "" {
		return h, errs.New(errs.Invalid, "the envelope has no header")
	}
	err = members(line, "envelope header", func(d *eventjson.Decoder, name string) {
		switch name {
		case "event_id":
			s, _ := d.P.String()
			h.eventID, _ = event.ParseID(s)
		case "sent_at":
			h.sentAt = d.Time()
		case "dsn":
			h.dsn, _ = d.P.String()
		case "sdk":
			h.sdk = d.SDK()
		}
	})
	return h, err
}

// next reads the header of the next item, past what was not read of the one
// before. ok is false at the end.
func (e *envelopeReader) next() (ok bool, err error) {
	if err := e.skip(); err != nil {
		return false, err
	}
	for { // empty lines in between do no harm
		line, ok, err := e.line()
		if !ok || err != nil {
			return false, err
		}
		if line == "" {
			continue
		}
		if e.items++; e.items > maxItems {
			return false, errs.New(errs.Invalid, "the envelope has more than %d items", maxItems)
		}
		if e.item, err = parseItem(line); err != nil {
			return false, err
		}
		e.left, e.pending = e.item.length, true
		return true, nil
	}
}

func parseItem(line string) (itemHeader, error) {
	h := itemHeader{length: -1, count: 1}
	var bad error
	err := members(line, "item header", func(d *eventjson.Decoder, name string) {
		switch name {
		case "type":
			h.kind = d.Text(eventjson.MaxLabel)
		case "length":
			if text, ok := d.P.Number(); ok {
				n, err := strconv.ParseInt(text, 10, 64)
				if err != nil || n < 0 {
					bad = errs.New(errs.Invalid, "length of an item is %.40s, want a whole number of bytes", text)
				}
				h.length = n
			} else if !d.P.Null() {
				bad = errs.New(errs.Invalid, "length of an item is no number")
			}
		case "filename":
			h.filename = d.Text(maxFileName)
		case "content_type":
			h.contentType = d.Text(eventjson.MaxLabel)
		case "attachment_type":
			h.attachment = d.Text(eventjson.MaxLabel)
		case "item_count":
			if text, ok := d.P.Number(); ok {
				if n, err := strconv.Atoi(text); err == nil && n > 1 {
					h.count = min(n, 1_000_000)
				}
			}
		}
	})
	if err == nil {
		err = bad
	}
	return h, err
}

// members reads the members of an object leniently.
func members(text, what string, member func(d *eventjson.Decoder, name string)) error {
	d := &eventjson.Decoder{P: jsonpull.New(text, maxDepth), Lenient: true}
	if d.P.Kind() != jsonpull.Object {
		return errs.New(errs.Invalid, "the %s is no JSON object", what)
	}
	for name := range d.P.Object() {
		member(d, name)
	}
	if err := d.P.End(); err != nil {
		return errs.Wrap(errs.Invalid, err, "the %s is not valid JSON", what)
	}
	return nil
}

// payload reads the payload of the item, of at most limit bytes. hold reserves
// memory before it is taken.
func (e *envelopeReader) payload(limit int64, hold func(bytes int64) error) (string, error) {
	tooLarge := errs.New(errs.TooLarge, "an item of type %.40q is larger than %d bytes", e.item.kind, limit)
	if e.left > limit {
		return "", tooLarge
	}
	var data []byte
	for e.pending {
		part, err := e.piece()
		if err != nil {
			return "", err
		}
		if int64(len(data)+len(part)) > limit {
			return "", tooLarge
		}
		if need := len(data) + len(part); need > cap(data) {
			room := e.left + int64(need) // the rest, if it is known
			if e.left < 0 {
				room = int64(max(need, 2*cap(data)))
			}
			room = min(max(room, int64(need)), limit, int64(2*need+64<<10)) // what was announced may never come
			if err := hold(room - int64(cap(data))); err != nil {
				return "", err
			}
			data = append(make([]byte, 0, room), data...)
		}
		data = append(data, part...)
	}
	// Nobody writes to data any more.
	return unsafe.String(unsafe.SliceData(data), len(data)), nil
}

// piece is the next part of the payload, which is good until the next call.
// After the last one pending is false.
func (e *envelopeReader) piece() ([]byte, error) {
	if e.left < 0 {
		part, err := e.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return part, nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		e.pending = false
		if n := len(part); n > 0 && part[n-1] == '\n' {
			part = part[:n-1]
		}
		return part, nil
	}
	if e.left > 0 {
		part, err := e.r.Peek(int(min(e.left, int64(e.r.Size()))))
		if len(part) == 0 && err == io.EOF {
			return nil, errs.New(errs.Invalid, "the envelope ends %d bytes before the end of an item", e.left)
		}
		if len(part) == 0 || err != nil && err != io.EOF {
			return nil, err
		}
		_, err = e.r.Discard(len(part))
		e.left -= int64(len(part))
		return part, err
	}
	e.pending = false
	end, err := e.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil && end != '\n' {
		err = errs.New(errs.Invalid, "an item of type %.40q is longer than its length", e.item.kind)
	}
	return nil, err
}

// skip reads past what is left of the item's payload.
func (e *envelopeReader) skip() error {
	for e.pending {
		if _, err := e.piece(); err != nil {
			return err
		}
	}
	return nil
}
