//go:build soak

package e2e

import (
	"os"
	"strconv"
	"testing"
	"time"
)

func TestSoakKills(t *testing.T) {
	rounds := 1000
	if text := os.Getenv("SOAK_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("SOAK_ROUNDS = %q, want a number of rounds", text)
		}
		rounds = n
	}
	killRounds(t, rounds)
}

// Each service in turn is away for a minute while pages go on sending.
func TestSoakRelayOutages(t *testing.T) {
	relayKillRounds(t, 3, time.Minute, time.Minute+time.Second)
}

// A million lines of a container while the log viewer is killed 100 times.
func TestSoakEveryLineOfAContainerIsStoredOnce(t *testing.T) {
	logTruth(t, 1_000_000, 100)
}
