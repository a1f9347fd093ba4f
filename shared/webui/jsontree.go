package webui

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Limits of what is shown of a JSON value.
const (
	maxTreeNodes  = 2000
	maxTreeDepth  = 24
	maxTreeString = 4096
)

// Node is a JSON value as a tree for the template "json".
type Node struct {
	Key      string // the member's name or the element's number; "" at the top
	Kind     string // "object", "array", "string", "number", "bool", "null" or "cut"
	Text     string // of a scalar, or what is to be said about a cut
	Children []*Node
}

// IsBranch tells whether n can be opened.
func (n *Node) IsBranch() bool { return len(n.Children) > 0 }

// Size says how many children there are: "3 fields", "1 item".
func (n *Node) Size() string {
	if n.Kind == "array" {
		return Plural(int64(len(n.Children)), "item", "items")
	}
	return Plural(int64(len(n.Children)), "field", "fields")
}

var errTreeFull = errors.New("too many values")

// JSONTree reads a JSON value, keeping the order of its members. What is beyond
// the limits is left out, and said so. It returns nil for nothing, for null and
// for an empty object or array; text that is not JSON becomes a string.
func JSONTree(raw []byte) *Node {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) || bytes.Equal(raw, []byte("{}")) ||
		bytes.Equal(raw, []byte("[]")) || bytes.Equal(raw, []byte(`""`)) {
		return nil
	}
	p := treeParser{dec: json.NewDecoder(bytes.NewReader(raw))}
	p.dec.UseNumber()
	root := &Node{}
	switch err := p.value(root, 0); {
	case errors.Is(err, errTreeFull):
	case err != nil:
		return &Node{Kind: "string", Text: Clip(string(raw), maxTreeString)}
	}
	return root
}

type treeParser struct {
	dec   *json.Decoder
	nodes int
}

func (p *treeParser) value(n *Node, depth int) error {
	tok, err := p.dec.Token()
	if err != nil {
		return err
	}
	switch t := tok.(type) {
	case json.Delim:
		n.Kind = "object"
		if t == '[' {
			n.Kind = "array"
		}
		return p.children(n, depth+1)
	case string:
		n.Kind, n.Text = "string", Clip(t, maxTreeString)
	case json.Number:
		n.Kind, n.Text = "number", Cut(t.String(), 80)
	case bool:
		n.Kind, n.Text = "bool", "false"
		if t {
			n.Text = "true"
		}
	default:
		n.Kind, n.Text = "null", "null"
	}
	return nil
}

func (p *treeParser) children(n *Node, depth int) error {
	for i := 0; p.dec.More(); i++ {
		if p.nodes++; p.nodes > maxTreeNodes {
			n.Children = append(n.Children, &Node{Kind: "cut", Text: "more than " + Number(maxTreeNodes) + " values: the rest is not shown"})
			return errTreeFull
		}
		child := &Node{}
		if n.Kind == "object" {
			tok, err := p.dec.Token()
			if err != nil {
				return err
			}
			key, _ := tok.(string)
			child.Key = Line(key, 200)
		} else {
			child.Key = Number(int64(i))
		}
		n.Children = append(n.Children, child)
		if depth >= maxTreeDepth {
			var rest json.RawMessage
			if err := p.dec.Decode(&rest); err != nil {
				return err
			}
			child.Kind, child.Text = "string", Clip(string(rest), maxTreeString)
			continue
		}
		if err := p.value(child, depth); err != nil {
			return err
		}
	}
	_, err := p.dec.Token() // the closing delimiter
	return err
}

// Pairs returns the members of a JSON object whose values are one line each, or
// nil when it is no object or holds anything that needs a tree.
func Pairs(raw []byte) []Field {
	n := JSONTree(raw)
	if n == nil || n.Kind != "object" {
		return nil
	}
	out := make([]Field, 0, len(n.Children))
	for _, c := range n.Children {
		if c.IsBranch() || c.Kind == "cut" || c.Kind == "object" || c.Kind == "array" || strings.Contains(c.Text, "\n") {
			return nil
		}
		out = append(out, Field{c.Key, c.Text})
	}
	return out
}
