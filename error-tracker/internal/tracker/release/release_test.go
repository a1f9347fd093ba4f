package release_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
)

// seen is a release that was first seen on a day.
func seen(name string, day int) release.Release {
	return release.Release{Name: name, Seen: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
}

// Each line is in order, whenever its releases were first seen.
func TestVersionsAreInTheirOwnOrder(t *testing.T) {
	for _, line := range []string{
		"1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0", // semver.org, item 11
		"0.9 0.10 1.0 1.0.1 1.1 10.0",
		"8.0.0 8.0.1 8.1.0 8.10.0 9.0.0",
		"v1.2.3 v1.2.4 V1.3.0",
		"1.2.3 v1.2.4 1.2.5",
		"shop@1.9.0 shop@1.10.0-rc.1 shop@1.10.0",
		"com.example.shop@1.2.3+9 com.example.shop@1.2.3+10 com.example.shop@1.2.4+1",
		"@acme/shop@1.2.3 @acme/shop@1.2.4",
		"1.0.dev3 1.0a1 1.0a2 1.0b1 1.0rc1 1.0rc2 1.0 1.0.1",
		"1.0.0.9 1.0.0.10 1.0.1",
		"2025.12.31 2026.01.15 2026.02.01 2026.10.01",
		"1.99999999999999999999.0 1.100000000000000000000.0",
		"1.0.0-2 1.0.0-10 1.0.0-a",
		"1.0 1.0+7 1.0+08 1.0+0a",
	} {
		names := strings.Fields(line)
		for i := range names {
			for j := range names {
				a, b := seen(names[i], 20-i), seen(names[j], 20-j)
				if got, want := sign(release.Compare(a, b)), cmp.Compare(i, j); got != want {
					t.Errorf("Compare(%q, %q) = %d, want %d", a.Name, b.Name, got, want)
				}
			}
		}
	}
}

func TestOtherNamesAreInTheOrderInWhichTheyCame(t *testing.T) {
	for name, pair := range map[string][2]string{
		"commits":              {"f00ba47", "0123abc"},
		"commits of digits":    {"9999999", "1234567"},
		"build numbers":        {"42", "41"},
		"names":                {"zebra", "aardvark"},
		"a version and a name": {"9.0.0", "nightly"},
		"packages":             {"shop@9.0.0", "worker@1.0.0"},
		"builds of commits":    {"1.2.3+fff", "1.2.3+aaa"},
		"too many numbers":     {"9.1.2.3.4", "1.1.2.3.4"},
		"an empty pre-release": {"2.0.0-", "1.0.0-"},
		"after a release":      {"2.0.post1", "1.0.post1"},
		"no number":            {"2..0", "1..0"},
		"nothing but a v":      {"v", "V"},
	} {
		older, newer := seen(pair[0], 1), seen(pair[1], 2)
		if release.Compare(older, newer) >= 0 || release.Compare(newer, older) <= 0 {
			t.Errorf("%s: %q, seen before %q, is not the older one", name, older.Name, newer.Name)
		}
	}
}

func TestSpellingsOfAVersionAreTheSameRelease(t *testing.T) {
	for _, pair := range [][2]string{
		{"1.2.3", "1.2.3"}, {"1.2.3", "v1.2.3"}, {"1.2", "1.2.0"}, {"1.02", "1.2"}, {"1.0rc1", "1.0-rc.1"}, {"nightly", "nightly"}, {" 1.2 ", "1.2"},
	} {
		if c := release.Compare(seen(pair[0], 1), seen(pair[1], 2)); c != 0 {
			t.Errorf("Compare(%q, %q) = %d, want 0", pair[0], pair[1], c)
		}
	}
}

func TestSort(t *testing.T) {
	tests := map[string]struct {
		all  []release.Release
		want string
	}{
		"none":           {nil, ""},
		"versions":       {[]release.Release{seen("1.10.0", 1), seen("1.9.0", 2), seen("1.9.1", 3)}, "1.9.0 1.9.1 1.10.0"},
		"commits":        {[]release.Release{seen("bbb", 2), seen("aaa", 3), seen("ccc", 1)}, "ccc bbb aaa"},
		"a late fix":     {[]release.Release{seen("2.0.0", 1), seen("nightly", 2), seen("1.9.9", 3)}, "1.9.9 2.0.0 nightly"},
		"names between":  {[]release.Release{seen("1.0.0", 1), seen("nightly", 2), seen("2.0.0", 3)}, "1.0.0 nightly 2.0.0"},
		"packages":       {[]release.Release{seen("b@2.0", 2), seen("a@1.0", 3), seen("b@1.0", 1)}, "b@1.0 b@2.0 a@1.0"},
		"rebuilt":        {[]release.Release{seen("1.0+bbb", 1), seen("1.0+aaa", 2)}, "1.0+bbb 1.0+aaa"},
		"same in nature": {[]release.Release{seen("v1.0", 2), seen("1.0.0", 1)}, "1.0.0 v1.0"},
	}
	for name, tt := range tests {
		for range 20 {
			rand.Shuffle(len(tt.all), func(i, j int) { tt.all[i], tt.all[j] = tt.all[j], tt.all[i] })
			release.Sort(tt.all)
			var names []string
			for _, r := range tt.all {
				names = append(names, r.Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Fatalf("%s: %s, want %s", name, got, tt.want)
			}
		}
		newest, ok := release.Newest(tt.all)
		if want := tt.want[strings.LastIndexByte(tt.want, ' ')+1:]; newest.Name != want || ok != (want != "") {
			t.Errorf("%s: the newest is %q, %v, want %q", name, newest.Name, ok, want)
		}
	}
}

// FuzzCompare: swapping the two swaps the answer, a release is like itself, and
// versions of one package never go round in a circle.
func FuzzCompare(f *testing.F) {
	f.Add("1.2.3", "1.2.3-rc.1", "shop@1.2+7")
	f.Add("1.0rc1", "1.0.dev", "v1.0-")
	f.Add("1.2.3+1", "1.2.3+a", "1.2.3+2")
	f.Fuzz(func(t *testing.T, x, y, z string) {
		a, b, c := seen(x, 1), seen(y, 2), seen(z, 3)
		if release.Compare(a, a) != 0 {
			t.Errorf("%q is not itself", x)
		}
		if sign(release.Compare(a, b)) != -sign(release.Compare(b, a)) {
			t.Errorf("Compare(%q, %q) = %d, the other way round %d", x, y, release.Compare(a, b), release.Compare(b, a))
		}
		all := []release.Release{a, b, c}
		release.Sort(all)
		again := []release.Release{c, a, b}
		release.Sort(again)
		if !slices.Equal(all, again) && x != y && y != z && x != z {
			t.Errorf("%q and %q are two orders", all, again)
		}
	})
}

func sign(n int) int { return cmp.Compare(n, 0) }
