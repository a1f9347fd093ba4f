package scrub

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/monlight/monlight/shared/jsonpull"
)

// json scrubs a JSON value in its place. With a reason all of it goes but the
// names in it.
func (r *run) json(raw *json.RawMessage, where place, reason string) {
	if len(*raw) == 0 {
		return
	}
	if r.again {
		if _, same := r.known(string(*raw)); same == "" && bytes.IndexByte(*raw, '\\') < 0 {
			return
		}
		reason = ""
	}
	w := &rewriter{run: r, text: string(*raw), where: where}
	w.value(reason, false)
	if w.out != nil {
		*raw = append(w.out, w.text[w.copied:]...)
	}
}

// rewriter goes through a compact JSON text that is known to be valid.
type rewriter struct {
	*run

	text   string
	pos    int
	out    []byte // nil until something changes
	copied int    // how much of text is in out
	where  place
	path   []step
}

func (w *rewriter) replace(from, to int, with string) {
	w.out = append(append(w.out, w.text[w.copied:from]...), with...)
	w.copied = to
}

// value scrubs the value at pos. inList tells that it is an element of an array.
func (w *rewriter) value(reason string, inList bool) {
	if w.pos >= len(w.text) {
		return
	}
	switch c := w.text[w.pos]; c {
	case '{':
		w.object(reason)
	case '[':
		w.array(reason, inList)
	case '"':
		from := w.pos
		w.string()
		w.scalar(from, unquote(w.text[from:w.pos]), reason, true)
	default:
		from := w.pos
		for w.pos < len(w.text) && strings.IndexByte(",]}", w.text[w.pos]) < 0 {
			w.pos++
		}
		if c == '-' || digit(c) {
			w.scalar(from, w.text[from:w.pos], reason, false)
		}
	}
}

// scalar scrubs the text or number that stands between from and pos.
func (w *rewriter) scalar(from int, value, reason string, isText bool) {
	var clean, why string
	switch {
	case reason != "" && isText && !nothing(strings.Trim(value, "'\"")), reason != "" && !isText && w.numberGoes(reason):
		w.remember(value, reason)
		if isText {
			w.parts(value)
		}
		clean, why = removed(reason), reason
	default:
		clean, why = w.run.text(value, false)
	}
	if why == "" {
		return
	}
	w.replace(from, w.pos, quote(clean))
	w.mark(w.where, w.path, "removed: "+why)
}

// numberGoes tells whether a number may be a secret of that kind, and no count.
func (w *rewriter) numberGoes(reason string) bool {
	return reason != auth && reason != cookie && (len(w.path) == 0 || !strings.EqualFold(w.path[len(w.path)-1].name, "pass"))
}

// parts remembers the secret in a longer value: the credentials behind a scheme,
// the values of cookies.
func (r *run) parts(value string) {
	if scheme, rest, ok := strings.Cut(value, " "); ok && !strings.ContainsAny(scheme, "=;") {
		r.remember(rest, auth)
		if strings.EqualFold(scheme, "basic") {
			if user, pass, ok := strings.Cut(decodeBase64(rest), ":"); ok && user != "" {
				r.remember(pass, auth)
			}
		}
	}
	if strings.Contains(value, "=") {
		for _, c := range strings.FieldsFunc(value, func(c rune) bool { return c == ';' || c == ',' || c == ' ' }) {
			if _, v, ok := strings.Cut(c, "="); ok {
				r.remember(v, cookie)
			}
		}
	}
}

func (w *rewriter) object(reason string) {
	w.pos++
	told := "" // the reason of the name in an object with a name and a value
	for w.pos < len(w.text) && w.text[w.pos] != '}' {
		from := w.pos
		w.string()
		key := unquote(w.text[from:w.pos])
		shown, found := w.run.text(key, false)
		if found != "" {
			w.replace(from, w.pos, quote(shown))
		}
		w.pos++ // the colon
		why := reason
		if why == "" && !w.again {
			why = w.member(key)
			if why == "" && key == "value" {
				why = told
			}
		}
		w.path = append(w.path, step{name: shown})
		begin := w.pos
		w.value(why, false)
		w.path = w.path[:len(w.path)-1]
		if key == "name" || key == "key" || key == "header" {
			if name := w.text[begin:w.pos]; name != "" && name[0] == '"' {
				told = w.reason(unquote(name))
			}
		}
		if w.pos < len(w.text) && w.text[w.pos] == ',' {
			w.pos++
		}
	}
	w.pos++
}

// member is the reason of a member. The ID of a browser's session groups events,
// where our own clients put it.
func (w *rewriter) member(key string) string {
	if key == "session_id" && len(w.path) == 0 && w.where.root == "extra" {
		return ""
	}
	return w.reason(key)
}

// array scrubs elements. In a list of pairs the first of two is a name; in a
// command line the argument behind "--password" is its value.
func (w *rewriter) array(reason string, inList bool) {
	w.pos++
	next := ""
	for i := 0; w.pos < len(w.text) && w.text[w.pos] != ']'; i++ {
		why := reason
		if why == "" {
			why = next
		}
		next = ""
		begin := w.pos
		w.path = append(w.path, step{n: i})
		w.value(why, true)
		w.path = w.path[:len(w.path)-1]
		if reason == "" && !w.again && w.text[begin] == '"' {
			name := unquote(w.text[begin:w.pos])
			if inList && i == 0 || strings.HasPrefix(name, "-") && strings.IndexByte(name, '=') < 0 {
				next = w.reason(name)
			}
		}
		if w.pos < len(w.text) && w.text[w.pos] == ',' {
			w.pos++
		}
	}
	w.pos++
}

// string moves behind the string at pos.
func (w *rewriter) string() {
	for w.pos++; w.pos < len(w.text); w.pos++ {
		switch w.text[w.pos] {
		case '\\':
			w.pos++
		case '"':
			w.pos++
			return
		}
	}
}

// unquote is the text of a JSON string.
func unquote(s string) string {
	if len(s) >= 2 && strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	text, _ := jsonpull.New(s, 1).String()
	return text
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes, and a buffer takes it
	return strings.TrimSuffix(b.String(), "\n")
}

// otherForms are other ways in which a value may stand in a text.
func otherForms(value string) (forms []string) {
	if escaped := url.QueryEscape(value); escaped != value {
		forms = append(forms, escaped, strings.ReplaceAll(escaped, "+", "%20"))
	}
	if plain, err := url.QueryUnescape(value); err == nil && plain != value && len(plain) >= 8 {
		forms = append(forms, plain)
	}
	if quoted := quote(value); len(quoted) != len(value)+2 {
		forms = append(forms, quoted[1:len(quoted)-1])
	}
	return forms
}
