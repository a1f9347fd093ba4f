package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	composeService = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*):\n`)
	linkSetting    = regexp.MustCompile(`(?m)^      (ERROR_TRACKER|LOG_VIEWER|METRICS_COLLECTOR|BROWSER_RELAY)(?:_BASE)?_URL: \$\{`)
	peersSetting   = regexp.MustCompile(`(?m)^      PEERS: (\S+)$`)
)

// In a container the addresses for people lead to the container itself. So a
// service that has them has to be told where the others are inside, or its
// status page calls each of them unreachable.
func TestServicesInContainersKnowWhereTheOthersAre(t *testing.T) {
	for _, file := range []string{"docker-compose.yml", "deploy/docker-compose.monitoring.yml"} {
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		links := 0
		for name, settings := range composeServices(string(text)) {
			inside := map[string]bool{}
			if m := peersSetting.FindStringSubmatch(settings); m != nil {
				for peer := range strings.SplitSeq(m[1], ",") {
					inside[peer] = true
				}
			}
			for _, m := range linkSetting.FindAllStringSubmatch(settings, -1) {
				links++
				other := strings.ReplaceAll(strings.ToLower(m[1]), "_", "-")
				address := "http://" + other + ":8000"
				if !inside[other+"="+address] && !strings.Contains(settings, "      "+m[1]+"_URL: "+address+"\n") {
					t.Errorf("%s: %s has a link to %s, and PEERS does not say where it is inside", file, name, other)
				}
			}
		}
		if links != 12 {
			t.Errorf("%s has %d links from one of the four services to another", file, links)
		}
	}
}

// composeServices returns the text of each service of a compose file.
func composeServices(text string) map[string]string {
	services := map[string]string{}
	at := composeService.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		services[text[m[2]:m[3]]] = text[m[1]:end]
	}
	return services
}
