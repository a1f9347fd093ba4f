package httpapi

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

// time reads an RFC 3339 time, or seconds since 1970 as a number or in a
// string. Anything else is the zero time.
func (d *reportDecoder) time() time.Time {
	text, ok := d.p.String()
	if ok {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC()
		}
	} else {
		text, _ = d.p.Number()
	}
	return unixSeconds(text)
}

// unixSeconds reads seconds since 1970, with a fraction or without, up to the
// year 9999.
func unixSeconds(text string) time.Time {
	const year10000 = 253402300800
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s > 0 && s < year10000) {
		return time.Time{}
	}
	whole, fraction := math.Modf(s)
	micros := math.Round(fraction * 1e6) // a float64 of today's seconds holds no more
	return time.Unix(int64(whole), int64(micros)*1000).UTC()
}

// user reads an object. id may be a number; other members are kept as data.
func (d *reportDecoder) user() event.User {
	var (
		u     event.User
		other bytes.Buffer
		count int
	)
	for name := range d.p.Object() {
		switch name {
		case "id":
			u.ID, _ = d.scalar(maxName)
		case "email":
			u.Email = d.text(maxName)
		case "username":
			u.Username = d.text(maxName)
		case "ip_address":
			u.IP = d.text(maxLabel)
		default:
			if value := d.value(); value != nil && count < maxUserData {
				writeMember(&other, cut(name, maxLabel), value)
				count++
			}
		}
	}
	u.Data = closeObject(&other)
	return u
}

// pairs reads an object of scalars, or an array of arrays of a name and a
// scalar. Of a name that comes twice both are kept.
func (d *reportDecoder) pairs(limit int) []event.Tag {
	var pairs []event.Tag
	add := func(name string) {
		if value, ok := d.scalar(maxLabel); ok && len(pairs) < limit {
			pairs = append(pairs, event.Tag{Name: cut(name, maxLabel), Value: value})
		}
	}
	for name := range d.p.Object() {
		add(name)
	}
	for range d.p.Array() {
		name, named := "", false
		for i := range d.p.Array() {
			switch {
			case i == 0:
				name, named = d.scalar(maxLabel)
			case i == 1 && named:
				add(name)
			}
		}
	}
	return pairs
}

// contexts reads an object of objects.
func (d *reportDecoder) contexts() []event.Context {
	var contexts []event.Context
	for name := range d.p.Object() {
		if d.p.Kind() != jsonpull.Object || len(contexts) == maxContexts {
			continue
		}
		raw := d.p.Raw()
		if len(raw) > maxValue {
			var cutDown bytes.Buffer
			writeMember(&cutDown, "cut", quote(cut(string(raw), maxValue)))
			raw = closeObject(&cutDown)
		}
		contexts = append(contexts, event.Context{Name: cut(name, maxLabel), Data: raw})
	}
	return contexts
}

func (d *reportDecoder) breadcrumbs() []event.Breadcrumb {
	crumbs := middleCut[event.Breadcrumb]{max: maxBreadcrumbs}
	d.list(func() {
		if d.p.Kind() == jsonpull.Object {
			crumbs.add(d.breadcrumb())
		}
	})
	return crumbs.all()
}

func (d *reportDecoder) breadcrumb() event.Breadcrumb {
	var b event.Breadcrumb
	for name := range d.p.Object() {
		switch name {
		case "timestamp":
			b.At = d.time()
		case "type":
			b.Type = d.text(maxLabel)
		case "category":
			b.Category = d.text(maxLabel)
		case "level":
			b.Level = d.text(maxLabel)
		case "message":
			b.Message = d.text(maxCrumbText)
		case "data":
			b.Data = d.value()
		}
	}
	return b
}

// fingerprint reads an array of scalars. An array without any is no
// fingerprint: some SDKs send an empty one for "the usual".
func (d *reportDecoder) fingerprint() []string {
	var parts []string
	for range d.p.Array() {
		if part, ok := d.scalar(maxName); ok && len(parts) < maxFingerprint {
			parts = append(parts, part)
		}
	}
	return parts
}

func (d *reportDecoder) sdk() event.SDK {
	var s event.SDK
	for name := range d.p.Object() {
		switch name {
		case "name":
			s.Name = d.label()
		case "version":
			s.Version = d.label()
		}
	}
	return s
}

// writeMember appends a member to the object in b, opening it first if need be.
func writeMember(b *bytes.Buffer, name string, value json.RawMessage) {
	if b.Len() == 0 {
		b.WriteByte('{')
	} else {
		b.WriteByte(',')
	}
	b.Write(quote(name))
	b.WriteByte(':')
	b.Write(value)
}

// closeObject returns the object in b, or nil if it has no members.
func closeObject(b *bytes.Buffer) json.RawMessage {
	if b.Len() == 0 {
		return nil
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quote is s as a JSON string.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes, and a buffer takes it
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
