package docker

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// Limits of what is found in the folder of the containers.
const (
	maxContainers = 10_000
	maxConfig     = 4 << 20 // bytes of config.v2.json
	maxID         = 128     // bytes
	maxLabel      = 255     // bytes
	configFile    = "config.v2.json"
)

// container is what its config says about a container.
type container struct {
	id      string
	name    string
	labels  logs.Labels
	logs    string // value of switchLabel
	created time.Time
}

// errUnfinished is the error of a config that is no JSON, or not yet.
var errUnfinished = errors.New(configFile + " is not what Docker writes")

// configOf reads the config of a container, and what it says about the life of
// it, nil when that is not known. A container whose config cannot be read goes by
// the beginning of its id.
func configOf(root *os.Root, id string) (container, *observation, error) {
	c := container{id: id, name: cleanName(id[:min(len(id), 12)])}
	c.labels.Kind = "docker"
	f, err := openRegular(root, id+"/"+configFile)
	if err != nil {
		return c, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return c, nil, err
	}
	if len(data) > maxConfig {
		return c, nil, errors.New(configFile + " is larger than 4 MiB")
	}
	var in struct {
		Name                   string
		Created                time.Time
		State, RestartCount    json.RawMessage
		HasBeenManuallyStopped any
		Config                 struct {
			Image  string
			Labels map[string]string
		}
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return c, nil, errUnfinished
	}
	if name := cleanName(strings.TrimPrefix(in.Name, "/")); name != "" {
		c.name = name
	}
	c.created = in.Created
	c.logs = strings.TrimSpace(in.Config.Labels[switchLabel])
	c.labels.Image = cleanLabel(in.Config.Image)
	c.labels.Service = cleanLabel(in.Config.Labels["com.docker.compose.service"])
	c.labels.Project = cleanLabel(in.Config.Labels["com.docker.compose.project"])
	if o, ok := observe(in.State, in.RestartCount, in.HasBeenManuallyStopped == true); ok {
		return c, &o, nil
	}
	return c, nil, nil
}

func cleanName(s string) string  { return clean(s, logs.MaxSourceName) }
func cleanLabel(s string) string { return clean(s, maxLabel) }

// clean makes a text from outside fit to be shown: valid, without control
// characters, at most limit bytes.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return '_'
		}
		return r
	}, s[:min(len(s), 4*limit)])
	for len(s) > limit {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.TrimSpace(s)
}

// openRegular opens a file below root that is a regular one and no link.
// Opening never waits, as it would for a named pipe. Inside of root os.Root
// follows links, O_NOFOLLOW or not: that what was opened is what was looked at
// is what keeps them out, also those that are put there in between.
func openRegular(root *os.Root, name string) (*os.File, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	f, err := root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil || !os.SameFile(before, after) {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("replaced while it was opened")}
	}
	return f, nil
}

// list returns the folders of the containers, at most maxContainers.
func list(root *os.Root) ([]string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var ids []string
	for len(ids) < maxContainers {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			name := e.Name()
			if e.IsDir() && len(name) <= maxID && name[0] != '.' && utf8.ValidString(name) && len(ids) < maxContainers {
				ids = append(ids, name)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}
