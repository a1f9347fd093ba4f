package webui

import (
	"fmt"
	"regexp"
)

// icons are the paths of the icons, on a ground of 16 by 16. They stand where a
// page shows them, so that it carries no others.
var icons = [...]struct{ name, path string }{
	{"alert", "M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.8v.2"},
	{"back", "M6 3 2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H7"},
	{"bolt", "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z"},
	{"check", "M3 8.5 6.5 12 13 4.5"},
	{"clock", "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 4.5V8l2.5 1.5"},
	{"copy", "M6 5.5h7.5v8H6zM10 5.5v-3H2.5v8H6"},
	{"first", "M12 3 7 8l5 5M4 3v10"},
	{"globe", "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM2 8h12M8 2c2.4 2.6 2.4 9.4 0 12M8 2c-2.4 2.6-2.4 9.4 0 12"},
	{"last", "M4 3l5 5-5 5M12 3v10"},
	{"left", "M10 3 5 8l5 5"},
	{"link", "M6.5 9.5 9.5 6.5M7 4.5 8.5 3A3 3 0 0 1 13 7.5L11.5 9M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7"},
	{"mail", "M2 3.5h12v9H2zM2.5 4 8 9l5.5-5"},
	{"merge", "M3 2.5v3c0 2 2 2.5 5 2.5M3 13.5v-3C3 8.5 5 8 8 8h5.5M11 5.5 13.5 8 11 10.5"},
	{"mute", "M4 11h8c-1-1-1.2-2-1.2-4A2.8 2.8 0 0 0 8 4a2.8 2.8 0 0 0-2.8 3c0 2-.2 3-1.2 4zM7 13h2M2.5 2.5l11 11"},
	{"new", "M8 2v12M2 8h12M4 4l8 8M12 4l-8 8"},
	{"out", "M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3"},
	{"refresh", "M13 8a5 5 0 1 1-1.5-3.5L13.5 6M13.5 2.5V6H10"},
	{"right", "M6 3l5 5-5 5"},
	{"theme", "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 2v12M8 5h4.5M8 8h6M8 11h4.5"},
	{"trash", "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9M6.7 7v4M9.3 7v4"},
	{"user", "M10.5 5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM3 14c0-3 2-4.5 5-4.5s5 1.5 5 4.5"},
	{"x", "M4 4l8 8M12 4l-8 8"},
}

// iconNamed finds the icons that a template names itself.
var iconNamed = regexp.MustCompile(`{{template "icon" "(\w+)"}}`)

// iconPath is the path of an icon; a name that does not exist is a mistake in a
// template and gives an error there.
func iconPath(name string) (string, error) {
	for _, i := range icons {
		if i.name == name {
			return i.path, nil
		}
	}
	return "", fmt.Errorf("no icon %q", name)
}
