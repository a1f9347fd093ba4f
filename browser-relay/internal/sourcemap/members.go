package sourcemap

import (
	"github.com/monlight/monlight/browser-relay/internal/jsonstream"
	"github.com/monlight/monlight/shared/errs"
)

// member reads one member of a map.
func (b *builder) member(d *document, key string, top bool) error {
	kind, err := b.json.Peek()
	if err != nil {
		return err
	}
	if kind == jsonstream.Null && key != "version" && key != "mappings" && key != "sources" {
		return b.json.Null()
	}
	switch key {
	case "version":
		return b.version(d, kind)
	case "file", "debugId", "debug_id":
		return b.label(key, kind, top)
	case "sourceRoot":
		if kind == jsonstream.String {
			d.root, _, err = b.json.Text(maxSource)
			return err
		}
	case "sources":
		return b.sources(d, kind)
	case "sourcesContent":
		return b.contents(d)
	case "names":
		if once(&d.names) {
			return b.json.Array(func(int) error { return b.name() })
		}
		return twice(key)
	case "mappings":
		return b.mappings(d, kind)
	case "sections":
		return b.sections(d, top)
	case "ignoreList", "x_google_ignoreList":
		return b.ignoreList(d, kind)
	}
	return b.json.Skip()
}

// once sets a mark and tells whether it was not set.
func once(mark *bool) bool {
	was := *mark
	*mark = true
	return !was
}

func twice(key string) error { return errs.New(errs.Invalid, "source map: %s is there twice", key) }

func (b *builder) version(d *document, kind jsonstream.Kind) error {
	if kind != jsonstream.Number {
		return ErrFormat
	}
	n, err := b.json.Number()
	if err != nil {
		return err
	}
	if n != 3 {
		return errs.New(errs.Invalid, "source map: version is %v, want 3", n)
	}
	d.version = true
	return nil
}

// label reads one of the members that are said of the whole map.
func (b *builder) label(key string, kind jsonstream.Kind, top bool) error {
	if kind != jsonstream.String || !top {
		return b.json.Skip()
	}
	text, _, err := b.json.Text(maxSource)
	if key == "file" {
		b.index.file = text
	} else if id, ok := ParseDebugID(text); ok {
		b.index.debugID = id
	}
	return err
}

func (b *builder) sources(d *document, kind jsonstream.Kind) error {
	if kind != jsonstream.Array {
		return ErrFormat
	}
	if !once(&d.listed) {
		return twice("sources")
	}
	size := 0
	return b.json.Array(func(i int) error {
		if int(d.firstSource)+i == MaxSources {
			return errs.New(errs.Invalid, "sources: more than %d", MaxSources)
		}
		kind, err := b.json.Peek()
		if err != nil {
			return err
		}
		if kind == jsonstream.Null {
			d.paths = append(d.paths, "")
			return b.json.Null()
		}
		path, _, err := b.json.Text(maxSource)
		if size += len(path); size > maxPathBytes {
			return errs.New(errs.Invalid, "sources: their paths have more than %d bytes", maxPathBytes)
		}
		d.paths = append(d.paths, path)
		return err
	})
}

// contents reads the texts of the sources.
func (b *builder) contents(d *document) error {
	if d.contents != nil {
		return twice("sourcesContent")
	}
	d.contents = [][]textBlock{}
	return b.json.Array(func(i int) error {
		if int(d.firstSource)+i == MaxSources {
			return errs.New(errs.Invalid, "sourcesContent: more than %d", MaxSources)
		}
		kind, err := b.json.Peek()
		if err != nil {
			return err
		}
		if kind == jsonstream.Null {
			d.contents = append(d.contents, nil)
			return b.json.Null()
		}
		b.texts.begin()
		if err := b.json.Pieces(func(p []byte) error { return b.texts.write(b.ctx, p) }); err != nil {
			return err
		}
		blocks, err := b.texts.end(b.ctx)
		d.contents = append(d.contents, blocks)
		return err
	})
}

func (b *builder) name() error {
	kind, err := b.json.Peek()
	if err != nil {
		return err
	}
	name := ""
	if kind == jsonstream.String {
		name, _, err = b.json.Text(maxName)
	} else { // some old tools wrote numbers; nobody wants them
		err = b.json.Skip()
	}
	if err != nil {
		return err
	}
	return b.names.add(b.ctx, name)
}

func (b *builder) mappings(d *document, kind jsonstream.Kind) error {
	if kind != jsonstream.String {
		return ErrFormat
	}
	if !once(&d.mappings) {
		return twice("mappings")
	}
	v := &vlqReader{emit: func(s segment) error {
		if s.source >= 0 {
			if s.source >= MaxSources-d.firstSource {
				return errs.New(errs.Invalid, "mappings: source %d, the limit is %d", s.source, MaxSources)
			}
			d.maxSource = max(d.maxSource, s.source)
			s.source += d.firstSource
		}
		if s.name >= 0 {
			if s.name >= MaxNames-d.firstName {
				return errs.New(errs.Invalid, "mappings: name %d, the limit is %d", s.name, MaxNames)
			}
			d.maxName = max(d.maxName, s.name)
			s.name += d.firstName
		}
		return b.segments.add(b.ctx, s)
	}}
	if err := b.json.Pieces(v.Write); err != nil {
		return err
	}
	return v.Close()
}

// sections reads the parts of an index map.
func (b *builder) sections(d *document, top bool) error {
	if !top {
		return errs.New(errs.Invalid, "sections: the map of a section has sections")
	}
	if !once(&d.sections) {
		return twice("sections")
	}
	return b.json.Array(func(i int) error {
		if i == MaxSections {
			return errs.New(errs.Invalid, "sections: more than %d", MaxSections)
		}
		s := section{line: -1, first: int32(len(b.segments.blocks))}
		mapped := false
		err := b.json.Object(func(key string) error {
			switch key {
			case "offset":
				return b.offset(&s)
			case "map":
				if !once(&mapped) {
					return twice("sections: map")
				}
				if kind, err := b.json.Peek(); err != nil {
					return err
				} else if kind != jsonstream.Object {
					return errs.New(errs.Invalid, "sections: the map of section %d is %s, want an object", i, kind)
				}
				return b.document(false)
			}
			return b.json.Skip()
		})
		switch {
		case err != nil:
			return err
		case s.line < 0 || !mapped:
			return errs.New(errs.Invalid, "sections: section %d has no offset or no map", i)
		}
		if n := len(b.index.sections); n > 0 {
			if last := b.index.sections[n-1]; s.line < last.line || s.line == last.line && s.column < last.column {
				return errs.New(errs.Invalid, "sections: section %d begins before the one before it", i)
			}
		}
		s.blocks = int32(len(b.segments.blocks)) - s.first
		b.index.sections = append(b.index.sections, s)
		return nil
	})
}

func (b *builder) offset(s *section) error {
	s.line, s.column = 0, 0
	return b.json.Object(func(key string) error {
		if key != "line" && key != "column" {
			return b.json.Skip()
		}
		n, err := b.json.Number()
		if err != nil {
			return err
		}
		if n < 0 || n > MaxLine || n != float64(int32(n)) {
			return errs.New(errs.Invalid, "sections: offset %s is %v, want a whole number from 0 to %d", key, n, MaxLine)
		}
		if key == "line" {
			s.line = int32(n)
		} else {
			s.column = int32(n)
		}
		return nil
	})
}

func (b *builder) ignoreList(d *document, kind jsonstream.Kind) error {
	if kind != jsonstream.Array {
		return b.json.Skip()
	}
	d.ignored = nil
	return b.json.Array(func(i int) error {
		n, err := b.json.Number()
		if err != nil {
			return err
		}
		if i < MaxSources && n >= 0 && n < MaxSources {
			d.ignored = append(d.ignored, int(n))
		}
		return nil
	})
}

// ParseDebugID reads a UUID with or without hyphens and returns it lower-case
// with them.
func ParseDebugID(s string) (string, bool) {
	out := make([]byte, 0, 36)
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-':
			continue
		case c >= 'A' && c <= 'F':
			c += 'a' - 'A'
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return "", false
		}
		if n := len(out); n == 8 || n == 13 || n == 18 || n == 23 {
			out = append(out, '-')
		}
		if len(out) == 36 {
			return "", false
		}
		out = append(out, c)
	}
	return string(out), len(out) == 36
}
