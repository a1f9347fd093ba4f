package artifacts

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/shared/errs"
)

const simpleMap = `{"version":3,"sources":["src/app.ts"],"names":[],"mappings":"AAAA"}`

// memory is a Store whose maps are told by their texts.
type memory struct{ kept []string }

func (m *memory) BeginMap(context.Context) (MapWriter, error) { return &memoryWriter{m}, nil }

type memoryWriter struct{ of *memory }

func (w *memoryWriter) PutBlock(context.Context, sourcemap.Hash, []byte) error { return nil }
func (w *memoryWriter) Discard()                                               {}
func (w *memoryWriter) Commit(_ context.Context, m Map) (int64, error) {
	w.of.kept = append(w.of.kept, fmt.Sprintf("%s %s %s %s", m.Project, m.Release, m.Path, m.DebugID))
	return int64(len(w.of.kept)), nil
}

// archive is a ZIP archive of files, in the order of their names.
func archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	idA = "11111111-1111-4111-8111-111111111111"
	idB = "22222222-2222-4222-8222-222222222222"
)

func TestBundleTellsWhatItsMapsAreOf(t *testing.T) {
	for name, test := range map[string]struct {
		manifest string
		bundle   Bundle
		want     []string
	}{
		"the minified file names its map": {
			`{"files":{"a":{"type":"minified_source","url":"~/js/app.js","headers":{"debug-id":"` + idA + `","Sourcemap":"maps/app.js.map"}},
				"m":{"type":"source_map","url":"~/js/maps/app.js.map"}}}`,
			Bundle{Projects: []string{"shop"}, Release: "1"}, []string{"shop 1 /js/app.js " + idA},
		},
		"a map for two files and two projects": {
			`{"files":{"a":{"type":"minified_source","url":"https://h/a.js","headers":{"sourcemap":"/x.map"}},
				"b":{"type":"minified_source","url":"https://h/b.js","headers":{"sourcemap":"https://h/x.map"}},
				"m":{"type":"source_map","url":"https://h/x.map","headers":{"debug-id":"` + idB + `"}}}}`,
			Bundle{Projects: []string{"p", "q"}, Release: "1"},
			[]string{"p 1 /a.js " + idB, "p 1 /b.js " + idB, "q 1 /a.js " + idB, "q 1 /b.js " + idB},
		},
		"only the map": {
			`{"release":"of the bundle","files":{"m":{"type":"source_map","url":"~/js/app.js.map","headers":{"Debug-Id":"` + strings.ToUpper(idA) + `"}}}}`,
			Bundle{Projects: []string{"shop"}}, []string{"shop of the bundle /js/app.js " + idA},
		},
		"neither release nor debug ID": {
			`{"files":{"m":{"type":"source_map","url":"~/js/app.js.map"}}}`, Bundle{Projects: []string{"shop"}}, nil,
		},
		"members of other types": {
			`{"release":7,"org":{},"files":{"m":{"type":"source_map","url":"/a.js","headers":{"debug-id":[1]}},"n":3,"o":{"type":[],"headers":"x"}}}`,
			Bundle{Projects: []string{"shop"}, Release: "1"}, []string{"shop 1 /a.js "},
		},
		"a map that is not in the archive": {
			`{"files":{"missing":{"type":"source_map","url":"/a.js"}}}`, Bundle{Projects: []string{"shop"}, Release: "1"}, nil,
		},
	} {
		store, arrived := &memory{}, 0
		zipped := archive(t, map[string]string{manifestName: test.manifest, "a": "code", "b": "code", "m": simpleMap})
		test.bundle.MapLimit = 1 << 20
		n, err := NewUploader(store, func(Map) { arrived++ }, nil).AddBundle(t.Context(), bytes.NewReader(zipped), int64(len(zipped)), test.bundle)
		slices.Sort(store.kept)
		if err != nil || n != len(test.want) || arrived != n {
			t.Errorf("%s: %d maps, %d told, %v", name, n, arrived, err)
		}
		if diff := cmp.Diff(test.want, store.kept); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBadBundlesAreRefusedWithWords(t *testing.T) {
	manifest := `{"files":{"m":{"type":"source_map","url":"~/app.js.map"}}}`
	good := archive(t, map[string]string{manifestName: manifest, "m": simpleMap})
	damaged := bytes.Replace(bytes.Clone(good), []byte("PK\x03\x04"), []byte("PK\x03\x05"), 1)
	project := Bundle{Projects: []string{"shop"}, Release: "1", MapLimit: 1000}
	for name, test := range map[string]struct {
		data   []byte
		bundle Bundle
		want   string
	}{
		"no archive":        {[]byte("hello"), project, "not a ZIP archive"},
		"empty":             {nil, project, "not a ZIP archive"},
		"cut":               {good[:len(good)-30], project, "not a ZIP archive"},
		"damaged":           {damaged, project, "m: it cannot be unpacked"},
		"no manifest":       {archive(t, map[string]string{"m": simpleMap}), project, "has no manifest.json"},
		"manifest no JSON":  {archive(t, map[string]string{manifestName: `{"files":`}), project, "manifest.json of the artifact bundle cannot be read"},
		"a bad map":         {archive(t, map[string]string{manifestName: manifest, "m": `{"version":3,"sources":[],"mappings":"!"}`}), project, "m: mappings of generated line 1"},
		"a map too large":   {archive(t, map[string]string{manifestName: manifest, "m": simpleMap + strings.Repeat(" ", 1000)}), project, "m: it has more than 1000 bytes"},
		"no project":        {good, Bundle{Release: "1", MapLimit: 1000}, "Missing required field: projects"},
		"project too long":  {good, Bundle{Projects: []string{strings.Repeat("p", 101)}, Release: "1"}, "has 101 bytes, want 1 to 100"},
		"release too long":  {good, Bundle{Projects: []string{"p"}, Release: strings.Repeat("r", 201)}, "release has 201 bytes, the limit is 200"},
		"directory of lies": {append(bytes.Clone(good[:len(good)-12]), "\xff\xff\xff\x7f\x00\x00\x00\x00\x00\x00\x00\x00"...), project, "more than 1048576 bytes"},
	} {
		store := &memory{}
		n, err := NewUploader(store, nil, nil).AddBundle(t.Context(), bytes.NewReader(test.data), int64(len(test.data)), test.bundle)
		if n != 0 || err == nil || errs.KindOf(err) != errs.Invalid && errs.KindOf(err) != errs.TooLarge || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d, %v, want %q", name, n, err, test.want)
		}
	}
}

// Files that unpack to much more than they say are not unpacked to the end.
func TestBombsAreDefused(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	files := map[string]string{manifestName: `{"files":{"m":{"type":"source_map","url":"~/app.js.map"}}}`}
	for name, text := range files {
		w, _ := z.Create(name)
		_, _ = w.Write([]byte(text))
	}
	w, _ := z.Create("m")
	_, _ = w.Write([]byte(`{"version":3,"x":"`))
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 40 {
		_, _ = w.Write(blank)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := NewUploader(&memory{}, nil, nil).AddBundle(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), Bundle{Projects: []string{"p"}, Release: "1", MapLimit: 2 << 20})
	if errs.KindOf(err) != errs.TooLarge {
		t.Errorf("40 MB in %d bytes: %v", b.Len(), err)
	}
}

func TestUploadsWaitForTheirTurn(t *testing.T) {
	working := 0
	u := NewUploader(&memory{}, nil, func() func() { working++; return func() { working-- } })
	var last *Upload
	for range parallel {
		upload, err := u.Begin(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		last = upload
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Begin(ctx, ""); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("one more: %v", err)
	}
	if working != parallel {
		t.Errorf("%d uploads are said to be worked on, want %d", working, parallel)
	}
	last.Close()
	if working != parallel-1 {
		t.Errorf("%d uploads are said to be worked on after the end of one, want %d", working, parallel-1)
	}
}

// Whatever an archive holds: an error is the sender's fault, and what was stored was
// in the archive and belongs to the project that was named.
func FuzzBundle(f *testing.F) {
	f.Add(archive(f, map[string]string{manifestName: `{"release":"1","files":{"m":{"type":"source_map","url":"~/a.js.map"}}}`, "m": simpleMap}))
	f.Add(archive(f, map[string]string{manifestName: `{"files":{"a":{"type":"minified_source","url":"a.js","headers":{"sourcemap":"../m"}},"../m":{"type":"source_map","url":"../m"}}}`, "../m": simpleMap}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		store := &memory{}
		n, err := NewUploader(store, nil, nil).AddBundle(t.Context(), bytes.NewReader(data), int64(len(data)), Bundle{Projects: []string{"shop"}, MapLimit: 1 << 16})
		if kind := errs.KindOf(err); err != nil && kind != errs.Invalid && kind != errs.TooLarge {
			t.Errorf("error of kind %v: %v", kind, err)
		}
		if n != len(store.kept) {
			t.Errorf("%d maps stored, %d told", len(store.kept), n)
		}
		for _, k := range store.kept {
			if !strings.HasPrefix(k, "shop ") || !bytes.Contains(data, []byte(manifestName)) {
				t.Errorf("stored %q", k)
			}
		}
	})
}

func TestManifestURLs(t *testing.T) {
	for _, test := range [][3]string{
		{"~/js/app.js", "app.js.map", "~/js/app.js.map"},
		{"~/js/app.js", "../app.js.map", "~/app.js.map"},
		{"https://h/js/app.js", "/maps/a.map", "https://h/maps/a.map"},
		{"https://h/js/app.js", "../../../a.map", "https://h/a.map"},
		{"https://h", "a.map", "https://h/a.map"},
		{"app.js", "app.js.map", "app.js.map"},
		{"/js/app.js", "/m.map", "/m.map"},
		{"~/js/app.js", "/m.map", "~/m.map"},
		{"~/js/app.js", "https://cdn/m.map", "https://cdn/m.map"},
	} {
		if got := resolveURL(test[0], test[1]); got != test[2] {
			t.Errorf("resolveURL(%q, %q) = %q, want %q", test[0], test[1], got, test[2])
		}
	}
}
