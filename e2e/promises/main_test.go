package promises

import (
	"fmt"
	"os"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(watchVariable); url != "" {
		watchHealth(url)
		return
	}
	code := m.Run()
	if err := harness.Cleanup(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
