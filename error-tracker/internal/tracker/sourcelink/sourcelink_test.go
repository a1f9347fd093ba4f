package sourcelink

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	code   = "vscode://file/{path}:{line}:{column}"
	idea   = "idea://open?file={path}&line={line}"
	github = "https://git.example/org/shop/blob/{release}/{path}#L{line}"
)

func TestLinks(t *testing.T) {
	at := Place{Paths: []string{"/srv/shop/app/orders.py", "app/orders.py"}, Line: 214, Release: "1.4.2"}
	shop := []Mapping{{"/srv/shop", "/home/jane/shop"}}
	for what, tt := range map[string]struct {
		rules Rules
		at    Place
		want  string
	}{
		"no template":                   {Rules{}, at, ""},
		"as it is":                      {Rules{Template: code}, at, "vscode://file/srv/shop/app/orders.py:214:1"},
		"behind a question mark":        {Rules{Template: idea}, at, "idea://open?file=%2Fsrv%2Fshop%2Fapp%2Forders.py&line=214"},
		"mapped":                        {Rules{code, shop}, at, "vscode://file/home/jane/shop/app/orders.py:214:1"},
		"mapped to the repository":      {Rules{github, []Mapping{{"/srv/shop/", ""}}}, at, "https://git.example/org/shop/blob/1.4.2/app/orders.py#L214"},
		"mapped by its other path":      {Rules{github, []Mapping{{"app/", "src/app"}}}, at, "https://git.example/org/shop/blob/1.4.2/src/app/orders.py#L214"},
		"mapped by the first that fits": {Rules{github, []Mapping{{"/opt", "a"}, {"/srv", "b"}, {"/srv/shop", "c"}}}, at, "https://git.example/org/shop/blob/1.4.2/b/shop/app/orders.py#L214"},
		"no mapping fits":               {Rules{github, []Mapping{{"/opt", ""}}}, at, ""},
		"a part of a name":              {Rules{code, []Mapping{{"/srv/sho", "/x"}}}, at, ""},
		"everything is below a folder":  {Rules{code, []Mapping{{"", "/home/jane/shop"}}}, Place{Paths: []string{"app/x.py"}, Line: 3, Column: 9}, "vscode://file/home/jane/shop/app/x.py:3:9"},
		"no release":                    {Rules{Template: github}, Place{Paths: []string{"a.py"}, Line: 1}, ""},
		"a release with a slash":        {Rules{Template: github}, Place{Paths: []string{"a.py"}, Release: "feature/x y"}, "https://git.example/org/shop/blob/feature%2Fx%20y/a.py#L1"},
		"Windows":                       {Rules{code, []Mapping{{`C:\srv\shop\`, `D:\shop`}}}, Place{Paths: []string{`C:\srv\shop\App\Order.cs`}, Line: 5}, "vscode://file/D:/shop/App/Order.cs:5:1"},
		"a bundler's path":              {Rules{github, []Mapping{{"webpack:///./", ""}}}, Place{Paths: []string{"https://shop.example/app.js", "webpack:///./src/cart.ts"}, Line: 7, Release: "1"}, "https://git.example/org/shop/blob/1/src/cart.ts#L7"},
		"an address is no path":         {Rules{Template: code}, Place{Paths: []string{"https://shop.example/app.js"}}, ""},
		"but the other one may be one":  {Rules{Template: code}, Place{Paths: []string{"https://shop.example/app.js", "./src/cart.ts"}, Line: 7}, "vscode://file/src/cart.ts:7:1"},
		"no file":                       {Rules{Template: code}, Place{Paths: []string{"<anonymous>", ""}}, ""},
		"blanks and Unicode":            {Rules{Template: code}, Place{Paths: []string{"/a b/ü.py"}}, "vscode://file/a%20b/%C3%BC.py:1:1"},
	} {
		if err := tt.rules.Validate(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := tt.rules.Link(tt.at); got != tt.want {
			t.Errorf("%s: %q, want %q", what, got, tt.want)
		}
	}
}

func TestHostilePaths(t *testing.T) {
	for path, want := range map[string]string{
		"../../../../evil/repo/x":      "",
		"/srv/shop/../../x":            "",
		`a\..\..\x`:                    "",
		"a/..":                         "",
		"..":                           "",
		".":                            "",
		"/":                            "",
		"a\nb":                         "",
		"a\x00b":                       "",
		"a\u0085b":                     "",
		"\xff":                         "",
		strings.Repeat("x", maxPath+1): "",
		"javascript:alert(1)":          "javascript:alert%281%29",
		"//evil.example/x":             "evil.example/x",
		"a?b#c":                        "a%3Fb%23c",
		"%2e%2e/%2e%2e/x":              "%252e%252e/%252e%252e/x",
		`"><script>`:                   "%22%3E%3Cscript%3E",
		"a&line=1&x=":                  "a&line=1&x=",
		"{line}":                       "%7Bline%7D",
		"a;b,c@d:e":                    "a%3Bb%2Cc@d:e",
		"\u202egnp.exe":                "%E2%80%AEgnp.exe",
		"./././x":                      "x",
		"a//b":                         "a/b",
	} {
		if want != "" {
			want = "https://git.example/org/shop/blob/1/" + want + "#L1"
		}
		if got := (Rules{Template: github}).Link(Place{Paths: []string{path}, Release: "1"}); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if got, want := (Rules{Template: idea}).Link(Place{Paths: []string{"a&line=1#x y+z"}, Line: 9}), "idea://open?file=a%26line%3D1%23x%20y%2Bz&line=9"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, release := range []string{"", ".", "..", "a\n", strings.Repeat("x", maxRelease+1)} {
		if got := (Rules{Template: github}).Link(Place{Paths: []string{"x"}, Release: release}); got != "" {
			t.Errorf("release %q: %q", release, got)
		}
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for template, want := range map[string]string{
		"javascript://x/{path}":                       "begins with",
		"JavaScript:alert({path})":                    "begins with",
		"data:text/html,{path}":                       "begins with",
		"data://x/{path}":                             "begins with",
		"vbscript://x/{path}":                         "begins with",
		"file:///{path}":                              "begins with",
		"ftp://host/{path}":                           "begins with",
		"{path}://x/":                                 "begins with",
		"/x/{path}":                                   "begins with",
		"https:///{path}":                             "between ://",
		"https://{release}.example/{path}":            "between ://",
		"https://git.example{path}":                   "between ://",
		"https://user@git.example/{path}":             "between ://",
		"https://git.example/blob/":                   "no {path}",
		"https://git.example/{file}":                  `placeholder "{file"`,
		"https://git.example/{path":                   "placeholder",
		"https://git.example/{path}}":                 "} without",
		"https://git.example/{path} x":                "character",
		"https://git.example/{path}\"onclick":         "character",
		`https:\\git.example/{path}`:                  "character",
		"https://git.example/\n{path}":                "character",
		"https://x/{path}" + strings.Repeat("x", 500): "character",
	} {
		r := Rules{Template: template}
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", template, err, want)
		}
		if link := r.Link(Place{Paths: []string{"x"}, Release: "1"}); link != "" {
			t.Errorf("%q, which is wrong, gives %q", template, link)
		}
	}
	for _, scheme := range schemes {
		if err := (Rules{Template: scheme + "://x/{path}"}).Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, m := range []Mapping{{"a/../b", ""}, {"", `..\x`}, {"a\x00", ""}, {"", strings.Repeat("x", 301)}} {
		if err := (Rules{Mappings: []Mapping{m}}).Validate(); err == nil {
			t.Errorf("%q is accepted", m)
		}
	}
	if err := (Rules{Mappings: make([]Mapping, 21)}).Validate(); err == nil {
		t.Error("21 mappings are accepted")
	}
}

func TestMappingsAsText(t *testing.T) {
	got, err := ParseMappings(" /srv/shop => /home/jane/shop \r\n\n=> /x\nwebpack:///./ =>\n")
	want := []Mapping{{"/srv/shop", "/home/jane/shop"}, {"", "/x"}, {"webpack:///./", ""}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	again, err := ParseMappings(FormatMappings(got))
	if diff := cmp.Diff(want, again); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := ParseMappings("/srv/shop -> /x"); err == nil {
		t.Error("a line without => is accepted")
	}
}

// Rules come from programs, too, and the form shows all of them as text: whoever
// saves it for something else must not change them.
func TestMappingsSurviveTheForm(t *testing.T) {
	for _, m := range []Mapping{
		{"/srv=>x", "/home"}, {"/srv", "/home=>x"}, {"/srv=", ">x"}, {"=", ">"}, {" /srv", "/x"}, {"/srv ", "/x"}, {"/srv", " /x"}, {"/srv", "/x\u00a0"}, {"", ""}, {"/srv/a b", "/x y"},
	} {
		rules := Rules{Template: code, Mappings: []Mapping{m}}
		if rules.Validate() != nil {
			continue // and so is stored nowhere
		}
		got, err := ParseMappings(FormatMappings(rules.Mappings))
		if diff := cmp.Diff(rules.Mappings, got); err != nil || diff != "" {
			t.Errorf("%q is accepted, and not what the form says: %v %s", m, err, diff)
		}
	}
	for _, m := range []Mapping{{"/srv", "/home=>x"}, {"", ""}, {"/srv/a b", "/x y"}} {
		if err := (Rules{Template: code, Mappings: []Mapping{m}}).Validate(); err != nil {
			t.Errorf("%q: %v", m, err)
		}
	}
}

// FuzzLink says that what a frame tells never decides where an address leads.
func FuzzLink(f *testing.F) {
	for _, path := range []string{"/srv/shop/app/orders.py", "../../x", `C:\a\..\b`, "//evil.example/x", "javascript:alert(1)", "a?b#c", "%2e%2e/x", "@evil.example", "x\\@y", "./a//b/."} {
		f.Add(path, "1.4.2", uint8(0))
		f.Add(path, path, uint8(5))
	}
	rules := []Rules{
		{Template: code}, {Template: idea}, {Template: github}, {Template: "https://git.example?file={path}&at={release}#L{line}"},
		{github, []Mapping{{"/srv/shop", "src"}, {"", "all"}}}, {"https://git.example/{release}/{path}", []Mapping{{"", ""}}},
	}
	f.Fuzz(func(t *testing.T, path, release string, which uint8) {
		r := rules[int(which)%len(rules)]
		link := r.Link(Place{Paths: []string{path}, Line: 7, Release: release})
		if link == "" {
			return
		}
		u, err := url.Parse(link)
		if err != nil {
			t.Fatalf("%q: %v", link, err)
		}
		fixed, _, _ := strings.Cut(r.Template, "{")
		if !strings.HasPrefix(link, fixed) || strings.ContainsAny(link, " \"'<>`\\\n\t") {
			t.Errorf("%q does not begin with %q, or has what no address has", link, fixed)
		}
		for _, segment := range strings.Split(u.EscapedPath(), "/") {
			switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
			case ".", "..":
				t.Errorf("%q leads upwards", link)
			}
		}
		want, err := url.Parse(strings.NewReplacer("{path}", "x", "{release}", "y", "{line}", "7", "{column}", "1").Replace(r.Template))
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme != want.Scheme || u.Host != want.Host || len(u.Query()) != len(want.Query()) || u.Fragment != want.Fragment {
			t.Errorf("%q has become another address than %q", link, want)
		}
	})
}
