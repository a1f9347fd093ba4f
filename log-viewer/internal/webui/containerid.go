package webui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/monlight/monlight/shared/webui"
)

// hostDigits is how much of its ID Docker gives a container as host name, which is
// all that programs in it know of it.
const hostDigits = 12

// isContainerID tells whether text can be the ID of a container, or the beginning of it.
func isContainerID(text string) bool {
	return len(text) >= hostDigits && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// byID answers a request whose parameter container is an ID with the same address
// and the container's name. One that is not followed any more is left out, which the
// next page says. done is false when no container is named like that.
func (p *Pages) byID(w http.ResponseWriter, r *http.Request) (done bool, err error) {
	v := r.URL.Query()
	var unknown []string
	names := make([]string, 0, len(v["container"]))
	for _, text := range v["container"] {
		name := text
		if isContainerID(text) {
			if name, err = p.nameOf(r, text); err != nil {
				return false, err
			}
		}
		switch {
		case name == "":
			unknown = append(unknown, text[:hostDigits])
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	if slices.Equal(names, v["container"]) {
		return false, nil
	}
	v["container"] = names
	if len(unknown) > 0 {
		p.ui.Flash(w, webui.Flash{Text: "Container " + webui.Line(strings.Join(unknown, ", "), 100) + " is not followed any more, so this is not about it alone.", Error: true})
	}
	to := url.URL{Path: p.ui.Path("/"), RawQuery: v.Encode()}
	http.Redirect(w, r, to.String(), http.StatusFound)
	return true, nil
}

// nameOf is the name of the container with an ID, or with the beginning of one, "" if it is not known.
func (p *Pages) nameOf(r *http.Request, id string) (string, error) {
	if p.opts.Reading != nil {
		for _, c := range p.opts.Reading().Sources {
			if strings.HasPrefix(c.ID, id) {
				return c.Name, nil
			}
		}
	}
	sources, err := p.opts.Logs.Sources(r.Context())
	for i := range sources {
		if sources[i].Name == id { // a name may look like that
			return id, err
		}
	}
	return "", err
}

// hostOf is the host name that Docker gave the container of a name, "" if it is not followed.
func (p *Pages) hostOf(name string) string {
	if p.opts.Reading == nil {
		return ""
	}
	for _, c := range p.opts.Reading().Sources {
		if c.Name == name && isContainerID(c.ID) {
			return c.ID[:hostDigits]
		}
	}
	return ""
}
