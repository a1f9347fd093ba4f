package e2e

import (
	"debug/buildinfo"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// allowedModules are all modules that may be linked into a service, with the
// reason. Each costs size, memory and trust: a new one is a decision.
var allowedModules = map[string]string{
	"github.com/go-chi/chi/v5":            "router",
	"modernc.org/sqlite":                  "SQLite without C",
	"modernc.org/libc":                    "of modernc.org/sqlite",
	"modernc.org/mathutil":                "of modernc.org/sqlite",
	"modernc.org/memory":                  "of modernc.org/sqlite",
	"github.com/dustin/go-humanize":       "of modernc.org/sqlite",
	"github.com/google/uuid":              "of modernc.org/sqlite",
	"github.com/mattn/go-isatty":          "of modernc.org/sqlite",
	"github.com/ncruces/go-strftime":      "of modernc.org/sqlite",
	"github.com/remyoudompheng/bigfft":    "of modernc.org/sqlite",
	"github.com/prometheus/client_golang": "/metrics",
	"github.com/prometheus/client_model":  "of client_golang",
	"github.com/prometheus/common":        "of client_golang",
	"github.com/prometheus/procfs":        "of client_golang",
	"github.com/beorn7/perks":             "of client_golang",
	"github.com/cespare/xxhash/v2":        "of client_golang",
	"github.com/munnerz/goautoneg":        "of client_golang",
	"google.golang.org/protobuf":          "of client_golang",
	"github.com/keighl/postmark":          "mail by Postmark",
	"github.com/andybalholm/brotli":       "br, which the Python SDK of Sentry sends",
	"github.com/klauspost/compress":       "zstd",
	"golang.org/x/sync":                   "errgroup, semaphore",
	"golang.org/x/sys":                    "of modernc.org/sqlite and client_golang",
}

func TestServicesLinkOnlyAllowedModules(t *testing.T) {
	for _, service := range []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"} {
		path, err := harness.Binary(service)
		if err != nil {
			t.Fatal(err)
		}
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "CGO_ENABLED" && s.Value == "0" }) {
			t.Errorf("%s is not built without C", service)
		}
		if len(info.Deps) < 5 {
			t.Fatalf("%s names only %d modules", service, len(info.Deps))
		}
		for _, m := range info.Deps {
			if strings.HasPrefix(m.Path, "github.com/monlight/monlight/") {
				continue
			}
			if allowedModules[m.Path] == "" {
				t.Errorf("%s links %s %s, which is not among the allowed modules", service, m.Path, m.Version)
			}
		}
	}
}
