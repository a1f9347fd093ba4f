//go:build soak

package promises

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// D6: what is built twice, in two folders, is the same.
func TestBuildsAreReproducible(t *testing.T) {
	top := filepath.Join("..", "..")
	copied := filepath.Join(t.TempDir(), "elsewhere")
	for _, dir := range []string{"shared", "scripts", "metrics-collector"} {
		if err := os.CopyFS(filepath.Join(copied, dir), os.DirFS(filepath.Join(top, dir))); err != nil {
			t.Fatal(err)
		}
	}
	one, two := built(t, top), built(t, copied)
	if !bytes.Equal(one, two) {
		t.Error("two builds of metrics-collector in two folders differ")
	}
	harness.Note(t, "D6", "metrics-collector", "two builds in two folders are the same %d bytes", len(one))
}

func built(t *testing.T, folder string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "scripts", "compile.sh"), "metrics-collector", out)
	cmd.Env = append(os.Environ(), "GOWORK=off") // the copy has none
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
