package sdk

import (
	"testing"
	"testing/fstest"
)

func TestTheNewestReleaseIsOffered(t *testing.T) {
	s, err := load(fstest.MapFS{
		"monlight-0.9.0.min.js":  {Data: []byte("a")},
		"monlight-0.10.0.min.js": {Data: []byte("b")},
		"monlight-0.2.11.min.js": {Data: []byte("c")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Script{Path: "/sdk/monlight-0.10.0.min.js", Integrity: "sha384-mKkGGCzc+x6060cRdgD2iVji3dFAJItHmE9L3mWHuJyCFcPaiVozbpStGso5AVxA"}
	if got := s.Newest(); got != want {
		t.Errorf("newest is %+v, want %+v", got, want)
	}
}

func TestWrongFilesAreRefused(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"none":        {},
		"no version":  {"monlight-next.min.js": {}},
		"two numbers": {"monlight-1.2.min.js": {}},
		"not numbers": {"monlight-1.2.x.min.js": {}},
	} {
		if _, err := load(files); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
