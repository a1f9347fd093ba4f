package eventjson

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/jsonpull"
)

// looseLayouts are forms of a time in UTC that lack something.
var looseLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700"}

// Time reads an RFC 3339 time, or seconds since 1970 as a number or in a
// string. Anything else is the zero time.
func (d *Decoder) Time() time.Time {
	text, ok := d.P.String()
	if ok {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC()
		}
		for _, layout := range looseLayouts {
			if t, err := time.Parse(layout, text); d.Lenient && err == nil {
				return t.UTC()
			}
		}
	} else {
		text, _ = d.P.Number()
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

// User reads an object, or leniently an id alone. id may be a number; other members are kept as data.
func (d *Decoder) User() event.User {
	var (
		u     event.User
		other bytes.Buffer
		count int
	)
	if d.Lenient {
		if id, ok := d.Scalar(MaxName); ok {
			return event.User{ID: id}
		}
	}
	for name := range d.P.Object() {
		switch name {
		case "id":
			u.ID, _ = d.Scalar(MaxName)
		case "email":
			u.Email = d.Text(MaxName)
		case "username":
			u.Username = d.Text(MaxName)
		case "ip_address":
			u.IP = d.Text(MaxLabel)
		default:
			if value := d.Value(); value != nil && count < MaxUserData {
				WriteMember(&other, Cut(name, MaxLabel), value)
				count++
			}
		}
	}
	u.Data = CloseObject(&other)
	return u
}

// Pairs reads an object of scalars, or an array of arrays of a name and a
// scalar; leniently also of objects with a key and a value, and values of any
// kind but null. Of a name that comes twice both are kept.
func (d *Decoder) Pairs(limit int) []event.Tag {
	var pairs []event.Tag
	add := func(name string) {
		value, ok := d.Scalar(MaxLabel)
		if !ok && d.Lenient && !d.P.Null() {
			value, ok = Cut(string(d.P.Raw()), MaxLabel), true
		}
		if ok && len(pairs) < limit {
			pairs = append(pairs, event.Tag{Name: Cut(name, MaxLabel), Value: value})
		}
	}
	for name := range d.P.Object() {
		add(name)
	}
	for range d.P.Array() {
		name, named := "", false
		for i := range d.P.Array() {
			switch {
			case i == 0:
				name, named = d.Scalar(MaxLabel)
			case i == 1 && named:
				add(name)
			}
		}
		if d.Lenient && d.P.Kind() == jsonpull.Object {
			d.keyAndValue(add)
		}
	}
	return pairs
}

// keyAndValue reads {"key": name, "value": what add reads}, in this order.
func (d *Decoder) keyAndValue(add func(name string)) {
	key := ""
	for name := range d.P.Object() {
		switch {
		case name == "key" || name == "name":
			key, _ = d.Scalar(MaxLabel)
		case name == "value" && key != "":
			add(key)
		}
	}
}

// Contexts reads an object of objects. Leniently a value of another kind becomes
// the object {"value": …}.
func (d *Decoder) Contexts() []event.Context {
	var contexts []event.Context
	for name := range d.P.Object() {
		kind := d.P.Kind()
		if kind != jsonpull.Object && (!d.Lenient || kind == jsonpull.Null) || len(contexts) == MaxContexts {
			continue
		}
		raw := d.P.Raw()
		switch {
		case len(raw) > MaxValue:
			raw = wrap("cut", Quote(Cut(string(raw), MaxValue)))
		case kind != jsonpull.Object:
			raw = wrap("value", raw)
		}
		contexts = append(contexts, event.Context{Name: Cut(name, MaxLabel), Data: raw})
	}
	return contexts
}

// wrap returns an object with one member.
func wrap(name string, value json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	WriteMember(&b, name, value)
	return CloseObject(&b)
}

func (d *Decoder) Breadcrumbs() []event.Breadcrumb {
	crumbs := middleCut[event.Breadcrumb]{max: MaxBreadcrumbs}
	d.List(func() {
		if d.P.Kind() == jsonpull.Object {
			crumbs.add(d.breadcrumb())
		}
	})
	return crumbs.all()
}

func (d *Decoder) breadcrumb() event.Breadcrumb {
	var b event.Breadcrumb
	for name := range d.P.Object() {
		switch name {
		case "timestamp":
			b.At = d.Time()
		case "type":
			b.Type = d.Text(MaxLabel)
		case "category":
			b.Category = d.Text(MaxLabel)
		case "level":
			b.Level = d.Text(MaxLabel)
		case "message":
			if d.Lenient {
				b.Message = d.Free(MaxCrumbText)
			} else {
				b.Message = d.Text(MaxCrumbText)
			}
		case "data":
			b.Data = d.Value()
		}
	}
	return b
}

// Fingerprint reads an array of scalars. An array without any is no
// fingerprint: some SDKs send an empty one for "the usual".
func (d *Decoder) Fingerprint() []string {
	var parts []string
	for range d.P.Array() {
		if part, ok := d.Scalar(MaxName); ok && len(parts) < MaxFingerprint {
			parts = append(parts, part)
		}
	}
	if d.Lenient {
		if part, ok := d.Scalar(MaxName); ok && part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// SDK reads an object with a name and a version, and what belongs to them.
func (d *Decoder) SDK() event.SDK {
	var s event.SDK
	for name := range d.P.Object() {
		switch name {
		case "name":
			s.Name = d.Label()
		case "version":
			s.Version = d.Label()
		case "integrations":
			for range d.P.Array() {
				if i := d.Text(MaxLabel); i != "" && len(s.Integrations) < MaxIntegrations {
					s.Integrations = append(s.Integrations, i)
				}
			}
		case "packages":
			for range d.P.Array() {
				if p := d.sdkPackage(); p.Name != "" && len(s.Packages) < MaxIntegrations {
					s.Packages = append(s.Packages, p)
				}
			}
		}
	}
	return s
}

func (d *Decoder) sdkPackage() event.Tag {
	var p event.Tag
	for name := range d.P.Object() {
		switch name {
		case "name":
			p.Name = d.Text(MaxLabel)
		case "version":
			p.Value = d.Text(MaxLabel)
		}
	}
	return p
}

// WriteMember appends a member to the object in b, opening it first if need be.
func WriteMember(b *bytes.Buffer, name string, value json.RawMessage) {
	if b.Len() == 0 {
		b.WriteByte('{')
	} else {
		b.WriteByte(',')
	}
	b.Write(Quote(name))
	b.WriteByte(':')
	b.Write(value)
}

// CloseObject returns the object in b, or nil if it has no members.
func CloseObject(b *bytes.Buffer) json.RawMessage {
	if b.Len() == 0 {
		return nil
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Quote is s as a JSON string.
func Quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes, and a buffer takes it
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
