package webui

// Badge is a short mark with a word and an icon, never a colour alone, drawn
// by the template "badge".
type Badge struct {
	Tone  string // "", "red", "amber", "green", "blue" or "violet"
	Icon  string // a symbol of the layout's icon set
	Label string
	Title string // longer explanation; may be empty
}

// NewBadge is Badge{tone, icon, label, title} for templates.
func NewBadge(tone, icon, label, title string) Badge { return Badge{tone, icon, label, title} }
