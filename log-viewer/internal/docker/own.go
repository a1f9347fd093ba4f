package docker

import (
	"bufio"
	"io"
	"os"
	"regexp"
	"strings"
)

var idInPath = regexp.MustCompile(`/containers/([0-9a-f]{64})/`)

// OwnID returns the id of the container that this program runs in, "" when it
// runs in none. Docker mounts /etc/hostname and its like from the container's folder.
func OwnID() string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	return ownID(f)
}

func ownID(mountinfo io.Reader) string {
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		field := strings.Fields(lines.Text()) // id, parent, device, root, mount point
		if len(field) < 5 {
			continue
		}
		switch field[4] {
		case "/etc/hostname", "/etc/hosts", "/etc/resolv.conf":
			if m := idInPath.FindStringSubmatch(field[3]); m != nil {
				return m[1]
			}
		}
	}
	return ""
}
