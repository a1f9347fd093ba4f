package artifacts

import (
	"io"
	"path"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/jsonstream"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/shared/errs"
)

// manifest is what a bundle says about itself.
type manifest struct {
	release string
	files   []bundled
}

// bundled is a file of a bundle.
type bundled struct {
	name      string // in the archive
	kind      string // source_map, minified_source, source, …
	url       string
	debugID   string
	sourceMap string // where the map of a minified source is, relative to url
}

const (
	manifestName = "manifest.json"
	maxText      = 2_000 // of names and URLs, in bytes
	maxBundled   = 20_000
)

// readManifest reads manifest.json. What it does not know is passed over.
func readManifest(r io.Reader) (*manifest, error) {
	j := jsonstream.NewReader(r)
	m := &manifest{}
	err := j.Object(func(name string) (err error) {
		kind, err := j.Peek()
		switch {
		case err != nil:
			return err
		case name == "release" && kind == jsonstream.String:
			m.release, _, err = j.Text(maxText)
			return err
		case name == "files" && kind == jsonstream.Object:
			return j.Object(func(file string) error {
				if len(m.files) == maxBundled {
					return errs.New(errs.Invalid, "manifest.json names more than %d files", maxBundled)
				}
				f := bundled{name: file}
				err := f.read(j)
				m.files = append(m.files, f)
				return err
			})
		}
		return j.Skip()
	})
	if err = unpackError(err); err != nil {
		return nil, errs.Wrap(errs.KindOf(err), err, "manifest.json of the artifact bundle cannot be read")
	}
	return m, nil
}

// read reads what is said about one file.
func (f *bundled) read(j *jsonstream.Reader) error {
	if kind, err := j.Peek(); err != nil || kind != jsonstream.Object {
		if err != nil {
			return err
		}
		return j.Skip()
	}
	return j.Object(func(name string) (err error) {
		kind, err := j.Peek()
		switch {
		case err != nil:
			return err
		case name == "type" && kind == jsonstream.String:
			f.kind, _, err = j.Text(maxText)
			return err
		case name == "url" && kind == jsonstream.String:
			f.url, _, err = j.Text(maxText)
			return err
		case name == "headers" && kind == jsonstream.Object:
			return j.Object(func(header string) error {
				if kind, err := j.Peek(); err != nil || kind != jsonstream.String {
					if err != nil {
						return err
					}
					return j.Skip()
				}
				value, _, err := j.Text(maxText)
				switch strings.ToLower(header) {
				case "debug-id":
					f.debugID, _ = sourcemap.ParseDebugID(value)
				case "sourcemap", "x-sourcemap":
					f.sourceMap = value
				}
				return err
			})
		}
		return j.Skip()
	})
}

// target is what a map in a bundle is the map of.
type target struct{ url, debugID string }

// targets tells for each map, by its name in the archive, what it is the map of:
// the minified sources that name it, else what its own URL says.
func (m *manifest) targets() map[string][]target {
	byURL := map[string][]bundled{}
	for _, f := range m.files {
		if f.kind == "minified_source" && f.sourceMap != "" && !strings.HasPrefix(f.sourceMap, "data:") {
			at := resolveURL(f.url, f.sourceMap)
			byURL[at] = append(byURL[at], f)
		}
	}
	out := map[string][]target{}
	for _, f := range m.files {
		if f.kind != "source_map" {
			continue
		}
		for _, minified := range byURL[f.url] {
			t := target{minified.url, minified.debugID}
			if t.debugID == "" {
				t.debugID = f.debugID
			}
			out[f.name] = append(out[f.name], t)
		}
		if out[f.name] == nil {
			out[f.name] = []target{{f.url, f.debugID}}
		}
	}
	return out
}

// resolveURL is the URL of a map that a file at base names. It stays on the host
// of base, for which "~" may stand.
func resolveURL(base, ref string) string {
	if strings.Contains(ref, "://") || strings.HasPrefix(ref, "~") {
		return ref
	}
	host, dir := "", base
	if i := strings.Index(base, "://"); i > 0 {
		end := strings.IndexByte(base[i+3:], '/')
		if end < 0 {
			return base + path.Join("/", ref)
		}
		host, dir = base[:i+3+end], base[i+3+end:]
	} else if strings.HasPrefix(base, "~/") {
		host, dir = base[:1], base[1:]
	}
	if strings.HasPrefix(ref, "/") {
		return host + path.Clean(ref)
	}
	dir = dir[:strings.LastIndexByte(dir, '/')+1]
	if host != "" {
		return host + path.Join("/", dir, ref)
	}
	return path.Join(dir, ref)
}
