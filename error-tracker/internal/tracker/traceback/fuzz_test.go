package traceback

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback/tracebacktest"
)

// seeds adds the texts in testdata that begin with one of the names.
func seeds(f *testing.F, names ...string) {
	f.Helper()
	for _, name := range names {
		files, err := filepath.Glob("testdata/" + name + "*.txt")
		if err != nil || len(files) == 0 {
			f.Fatalf("no texts %s", name)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
}

// fuzz reads any text by one parser, whatever it looks like, and as a whole.
// What comes out is within the limits, and the same each time.
func fuzz(f *testing.F, parse func(*parser)) {
	f.Fuzz(func(t *testing.T, text string) {
		p := &parser{lines: split(text)}
		parse(p)
		chain := p.chain()
		platform := ""
		if len(chain) > 0 {
			platform = "x"
		}
		checkLimits(t, Result{Platform: platform, Exceptions: chain})

		whole := Parse(text)
		checkLimits(t, whole)
		if diff := cmp.Diff(whole, Parse(text)); diff != "" {
			t.Errorf("Parse is not stable:\n%s", diff)
		}
		if c := Chain(text, "Shop.Failure", "m"); len(c.Exceptions) == 0 || c.Exceptions[len(c.Exceptions)-1].Type != "Shop.Failure" || c.Exceptions[len(c.Exceptions)-1].Value != "m" {
			t.Errorf("Chain lost what was reported: %+v", c)
		}
	})
}

func FuzzPython(f *testing.F) { seeds(f, "python", "trap"); fuzz(f, parsePython) }
func FuzzV8(f *testing.F)     { seeds(f, "node", "chrome", "hermes", "trap"); fuzz(f, parseV8) }
func FuzzGecko(f *testing.F)  { seeds(f, "firefox", "safari", "trap"); fuzz(f, parseGecko) }
func FuzzGo(f *testing.F)     { seeds(f, "go_"); fuzz(f, parseGo) }
func FuzzJava(f *testing.F)   { seeds(f, "java"); fuzz(f, parseJava) }
func FuzzRuby(f *testing.F)   { seeds(f, "ruby"); fuzz(f, parseRuby) }
func FuzzPHP(f *testing.F)    { seeds(f, "php"); fuzz(f, parsePHP) }
func FuzzDotnet(f *testing.F) { seeds(f, "dotnet"); fuzz(f, parseDotnet) }

// generator makes chains as programs have them.
type generator struct{ *rand.Rand }

func (g generator) pick(options ...string) string { return options[g.IntN(len(options))] }

func (g generator) word() string {
	return g.pick("load", "open", "cart", "Shop", "x", "retry", "größe", "a1", "_private", "do2things", "Order")
}

func (g generator) value() string {
	words := make([]string, 1+g.IntN(6))
	for i := range words {
		words[i] = g.pick(g.word(), "42", "failed:", "at 10:30:22", "(see", "a@b.example.com:25", "'quoted'", "https://shop.example.com:8080/x", "[1]", "in", "/srv/app:3", "#0", "{}", "File", "100%")
	}
	return strings.Join(words, " ")
}

// lines is a value of one or more lines.
func (g generator) lines() string {
	v := g.value()
	for g.IntN(4) == 0 {
		v += "\n" + g.value()
	}
	return v
}

func (g generator) chain(frame func() event.Frame, exception func() event.Exception) []event.Exception {
	chain := make([]event.Exception, 1+g.IntN(4))
	for i := range chain {
		chain[i] = exception()
		for range 1 + g.IntN(6) {
			chain[i].Frames = append(chain[i].Frames, frame())
		}
	}
	return chain
}

// platforms tells how the chains of a platform look, as far as its texts have
// room for: what a text cannot say is left out.
var platforms = map[string]struct {
	render    func([]event.Exception) string
	exception func(g generator) event.Exception
	frame     func(g generator) event.Frame
}{
	"python": {
		tracebacktest.Python,
		func(g generator) event.Exception {
			return event.Exception{Type: g.pick("ValueError", "KeyError", "Größe"), Module: g.pick("", "shop.errors", "f.<locals>"), Value: g.lines()}
		},
		func(g generator) event.Frame {
			path := g.pick("/srv/shop/", "", "C:\\shop\\", "<frozen ") + g.word() + ".py"
			return event.Frame{Function: g.pick(g.word(), "<lambda>", "<module>"), Filename: path, AbsPath: path, Line: 1 + g.IntN(9999), ContextLine: g.pick("", "raise X(1)", "return f(x)  # ^ ~")}
		},
	},
	"javascript": {
		tracebacktest.V8,
		func(g generator) event.Exception {
			return event.Exception{Type: g.pick("TypeError", "Error", "ShopError"), Value: g.lines()}
		},
		func(g generator) event.Frame {
			path := g.pick("https://shop.example.com/", "webpack:///./src/", "https://cdn.example.com/@scope/x@1.2/") + g.word() + ".js"
			return event.Frame{Function: g.pick("", g.word(), "Cart.load", "new Cart", "HTMLButtonElement.<anonymous>"), Filename: path, AbsPath: path, Line: 1 + g.IntN(9999), Column: 1 + g.IntN(999)}
		},
	},
	"java": {
		tracebacktest.Java,
		func(g generator) event.Exception {
			return event.Exception{Type: g.pick("IOException", "Cart$Failure"), Module: g.pick("java.io", "com.acme.shop"), Value: g.lines()}
		},
		func(g generator) event.Frame {
			f := event.Frame{Function: g.pick("load", "<init>", "lambda$load$0"), Module: g.pick("com.acme.Cart", "java.lang.Thread", "com.acme.Cart$$Lambda$14/0x000012")}
			if file := g.pick("", "Cart.java", "Cart.kt"); file != "" {
				f.Filename, f.AbsPath, f.Line = file, file, g.IntN(999)
			}
			return f
		},
	},
	"go": {
		func(chain []event.Exception) string { return tracebacktest.Go(chain) },
		func(g generator) event.Exception { return event.Exception{Type: "panic", Value: "failed " + g.lines()} },
		func(g generator) event.Frame {
			path := g.pick("/srv/shop/", "C:/shop/") + g.word() + ".go"
			return event.Frame{Function: g.pick("main", "(*Store).Load", "Map[...]", "run.func1"), Module: g.pick("main", "example.com/shop", "gopkg.in/yaml.v3"), Filename: path, AbsPath: path, Line: 1 + g.IntN(999)}
		},
	},
	"ruby": {
		tracebacktest.Ruby,
		func(g generator) event.Exception {
			return event.Exception{Type: g.pick("KeyError", "Shop::Failure"), Value: g.value()}
		},
		func(g generator) event.Frame {
			path := g.pick("/srv/shop/", "app/") + g.word() + ".rb"
			return event.Frame{Function: g.pick("load", "Cart#load", "block (2 levels) in load", "<main>"), Filename: path, AbsPath: path, Line: 1 + g.IntN(999)}
		},
	},
	"csharp": {
		tracebacktest.Dotnet,
		func(g generator) event.Exception {
			return event.Exception{Type: g.pick("System.IO.IOException", "Acme.Shop.Failure"), Value: g.lines()}
		},
		func(g generator) event.Frame {
			f := event.Frame{Function: g.pick("Load", ".ctor", "<Load>b__0", "<Load>d__5.MoveNext"), Module: "Acme.Cart"}
			if path := g.pick("", "/src/Cart.cs", `C:\src\Cart.cs`); path != "" {
				f.Filename, f.AbsPath, f.Line = path, path, 1+g.IntN(999)
			}
			return f
		},
	},
}

// FuzzRoundTrip prints chains and reads them again: nothing is lost.
func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		for platform, p := range platforms {
			g := generator{rand.New(rand.NewPCG(seed, 1))}
			want := g.chain(func() event.Frame { return p.frame(g) }, func() event.Exception { return p.exception(g) })
			if platform == "go" {
				want = want[:1] // one panic
			}
			text := p.render(want)
			got := Parse(text)
			for i := range got.Exceptions {
				got.Exceptions[i].Mechanism = event.Mechanism{}
				for j := range got.Exceptions[i].Frames {
					got.Exceptions[i].Frames[j].RawFunction = ""
				}
			}
			if platform == "javascript" {
				for i := range want { // a text without columns is as good as none
					want[i].Module = ""
				}
			}
			if diff := cmp.Diff(want, got.Exceptions); diff != "" || strings.TrimPrefix(got.Platform, "node") == "" {
				t.Errorf("%s, seed %d, platform %q (-want +got):\n%s\n%s", platform, seed, got.Platform, diff, fmt.Sprint(text))
			}
		}
	})
}
