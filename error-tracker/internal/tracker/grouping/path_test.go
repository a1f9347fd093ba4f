package grouping

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

func TestCleanSegments(t *testing.T) {
	tests := map[string]string{
		"/srv/releases/20261120101500/app/models/user.rb":                   "srv/app/models/user.rb",
		"https://x/ca549d9/static/js/client.ca549d9.js":                     "static/js/client.js",
		"http://localhost:8000/version1606832327/app.js":                    "app.js",
		"webpack:///./src/cart.ts?a1b2":                                     "src/cart.ts",
		"webpack-internal:///(app-client)/./src/cart.tsx":                   "src/cart.tsx",
		"app:///main.jsbundle":                                              "main.jsbundle",
		"file:///home/bob/test.html":                                        "home/bob/test.html",
		`C:\inetpub\shop\Cart.cs`:                                           "inetpub/shop/Cart.cs",
		"node:internal/modules/cjs/loader":                                  "internal/modules/cjs/loader",
		"https://shop.example.com/app.js?v=12#x":                            "app.js",
		"/usr/local/bundle/gems/rails-7.0.4/lib/rails.rb":                   "usr/local/bundle/gems/rails/lib/rails.rb",
		"/go/pkg/mod/github.com/acme/conc@v0.3.0/wait.go":                   "go/pkg/mod/github.com/acme/conc/wait.go",
		"/nix/store/0c6ykaphdv1kvdq1nc4lhzsqfcn1b9ia-shop/app.py":           "nix/store/shop/app.py",
		"/opt/shop-1.4.2/lib/cart.py":                                       "opt/shop/lib/cart.py",
		"/srv/release-42/app/cart.py":                                       "srv/release/app/cart.py",
		"/srv/2026-11-20_10-15/app/cart.py":                                 "srv/app/cart.py",
		"/srv/20261120T101500Z/app/cart.py":                                 "srv/app/cart.py",
		"/srv/deploy-ca549d9/app/cart.py":                                   "srv/deploy/app/cart.py",
		"/srv/v1.2.3-14-gabc1234/app/cart.py":                               "srv/app/cart.py",
		"/srv/web2/my-app/x86_64/cart.py":                                   "srv/web2/my-app/x86/cart.py",
		"/srv/v81/cart.py":                                                  "srv/cart.py",
		"/srv/storage/framework/views/0751007cd28df267e8e051b51f918c60.php": "srv/storage/framework/views/<hash>.php",
		"data:application/javascript;base64,AAAA":                           "data",
		"<string>": "<string>",
		"":         "",

		"index-B3x9_aZ1.js":              "index.js",
		"_app-bcc58b953f6d784f.js":       "_app.js",
		"chunk-YIFPV4U7.js":              "chunk.js",
		"D4kTz9Qw.js":                    "<hash>.js",
		"main.9f1c2b3a.chunk.js":         "main.js",
		"2.a1b2c3d4.chunk.js":            "<hash>.js",
		"4bd1b696-182b6b13bdad92e3.js":   "<hash>.js",
		"vendors~main.0a1b2c3d.js":       "vendors~main.js",
		"app.min.js":                     "app.js",
		"jquery-3.7.1.min.js":            "jquery.js",
		"jquery-3.7.1.slim.min.js":       "jquery.slim.js",
		"runtime.f3a9d81bc0e2.bundle.js": "runtime.js",
		"my-component.js":                "my-component.js",
		"shop-CheckoutForm.js":           "shop-CheckoutForm.js",
		"main-es2015.js":                 "main-es2015.js",
		"polyfills-legacy.js":            "polyfills-legacy.js",
		"checkout-payments.js":           "checkout-payments.js",
		"invoice2.ts":                    "invoice2.ts",
		"Settings.tsx":                   "Settings.tsx",
		"min.js":                         "min.js",
		"[id].js":                        "[id].js",
	}
	for in, want := range tests {
		dirs, file := cleanSegments(in)
		if got := strings.Join(append(dirs, file), "/"); got != want {
			t.Errorf("cleanSegments(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPlaceKeepsTheEndOfAPath(t *testing.T) {
	tests := map[string]struct {
		platform string
		frame    event.Frame
		want     string
	}{
		"module":           {"python", event.Frame{Module: "shop.cart", Filename: "shop/cart.py"}, "shop.cart"},
		"main module":      {"python", event.Frame{Module: "__main__", Filename: "shop/cart.py"}, "shop/cart.py"},
		"relative path":    {"python", event.Frame{Filename: "a/b/shop/cart.py"}, "b/shop/cart.py"},
		"absolute path":    {"ruby", event.Frame{AbsPath: "/srv/releases/20261120101500/app/models/user.rb"}, "models/user.rb"},
		"file of a page":   {"javascript", event.Frame{Filename: "file:///home/bob/test.html"}, "test.html"},
		"page":             {"javascript", event.Frame{Filename: "https://shop.example.com/a/b/c/app-B3x9_aZ1.js"}, "b/c/app.js"},
		"script's module":  {"node", event.Frame{Module: "index", Filename: "/srv/shop/cart/index.js"}, "cart/index.js"},
		"spring proxy":     {"java", event.Frame{Module: "com.acme.Cart$$EnhancerBySpringCGLIB$$c0ffee12"}, "com.acme.Cart"},
		"inner class":      {"java", event.Frame{Module: "com.acme.Cart$12"}, "com.acme.Cart$"},
		"async method":     {"csharp", event.Frame{Module: "Acme.Cart+<Load>d__5"}, "Acme.Cart"},
		"closure's class":  {"csharp", event.Frame{Module: "Acme.Cart.<>c__DisplayClass3_0"}, "Acme.Cart"},
		"native binary":    {"native", event.Frame{Package: `C:\Program Files\Shop\shop.dll`}, "shop.dll"},
		"nothing is known": {"python", event.Frame{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := place(&tt.frame, tt.platform); got != tt.want {
				t.Errorf("place(%+v, %q) = %q, want %q", tt.frame, tt.platform, got, tt.want)
			}
		})
	}
}

// TestBundleHashesAreRecognised measures the rule on random names, as bundlers
// make them, and bounds how many it misses.
func TestBundleHashesAreRecognised(t *testing.T) {
	const (
		n       = 20000
		hex     = "0123456789abcdef"
		capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
		base64  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	)
	tests := map[string]struct {
		alphabet string
		length   int
		pattern  string
		most     float64 // share that may be missed, in percent
	}{
		"webpack 8":  {hex, 8, "main.%s.js", 3},
		"webpack 20": {hex, 20, "main.%s.chunk.js", 0.1},
		"next":       {hex, 16, "main-%s.js", 0.1},
		"esbuild":    {capital, 8, "main-%s.js", 0},
		"vite":       {base64, 8, "main-%s.js", 5},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			missed := 0
			for range n {
				hash := make([]byte, tt.length)
				for i := range hash {
					hash[i] = tt.alphabet[random.IntN(len(tt.alphabet))]
				}
				if file := fmt.Sprintf(tt.pattern, hash); cleanScript(file) != "main.js" {
					missed++
				}
			}
			share := 100 * float64(missed) / n
			t.Logf("%.2f %% missed", share)
			if share > tt.most {
				t.Errorf("%.2f %% of %d random names keep their hash, want at most %v %%", share, n, tt.most)
			}
		})
	}
}
