package sentry

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

// images are the types of pictures that pages show.
var images = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// attach reads the attachment that e is at and keeps it if it is a text or an
// image and not too large, else the facts alone.
func attach(e *envelopeReader, kept int, hold func(int64) error) (event.Attachment, error) {
	a := event.Attachment{Name: e.item.filename, ContentType: e.item.contentType, Kind: e.item.attachment}
	if a.Name == "" {
		a.Name = "attachment"
	}
	room := int64(maxAttachments - kept)
	if e.item.length > room {
		a.Size = int(e.item.length)
		return a, e.skip()
	}
	data, err := e.payload(min(room, MaxEnvelope), hold)
	if errs.KindOf(err) == errs.TooLarge {
		a.Size = int(max(e.item.length, room))
		return a, e.skip() // the body's own limit is met again there
	}
	if err != nil {
		return a, err
	}
	a.Size = len(data)
	if known := contentType([]byte(data)); known != "" {
		if !strings.HasPrefix(known, "text/") || !isText(a.ContentType) {
			a.ContentType = known
		}
		a.Data = []byte(data)
	}
	return a, nil
}

// isText tells whether a type that was told is one of text.
func isText(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.HasPrefix(t, "text/") || t == "application/json" || strings.HasSuffix(t, "+json")
}

// contentType is the type of data as it looks, "" if it is none that is kept.
func contentType(data []byte) string {
	t, _, _ := strings.Cut(http.DetectContentType(data), ";")
	for _, i := range images {
		if t == i {
			return t
		}
	}
	if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 {
		return "text/plain"
	}
	return ""
}
