package webui

import (
	"fmt"
	"strings"
	"testing"
)

// text writes a tree in one line.
func text(n *Node) string {
	if n == nil {
		return "nil"
	}
	s := n.Text
	if n.IsBranch() || n.Kind == "object" || n.Kind == "array" {
		var parts []string
		for _, c := range n.Children {
			parts = append(parts, text(c))
		}
		s = "(" + strings.Join(parts, " ") + ")"
	}
	if n.Key != "" {
		s = n.Key + ":" + s
	}
	return s
}

func TestJSONTree(t *testing.T) {
	for in, want := range map[string]string{
		"": "nil", "null": "nil", "{}": "nil", "[]": "nil", `""`: "nil", " [ ] ": "( )",
		`{"b":1,"a":[true,null,{"x":"y"}],"e":{}}`: "(b:1 a:(0:true 1:null 2:(x:y)) e:())",
		`12345678901234567890.10`:                  "12345678901234567890.10",
		`"a\u202eb"`:                               "a[U+202E]b",
		`{"a":`:                                    `{"a":`,
		`plain text`:                               "plain text",
		`{"dup":1,"dup":2}`:                        "(dup:1 dup:2)",
	} {
		if in == " [ ] " {
			want = "()"
		}
		if got := text(JSONTree([]byte(in))); got != want {
			t.Errorf("JSONTree(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestJSONTreeHasLimits(t *testing.T) {
	wide := "[" + strings.Repeat("1,", 1<<16) + "1]"
	n := JSONTree([]byte(wide))
	if last := n.Children[len(n.Children)-1]; len(n.Children) != maxTreeNodes+1 || last.Kind != "cut" {
		t.Errorf("a wide array has %d children, the last of kind %q", len(n.Children), last.Kind)
	}
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	depth := 0
	for n := JSONTree([]byte(deep)); n.IsBranch(); n = n.Children[0] {
		depth++
	}
	if depth != maxTreeDepth {
		t.Errorf("a deep object has the depth %d, want %d", depth, maxTreeDepth)
	}
	if n := JSONTree([]byte(`"` + strings.Repeat("x", 1<<20) + `"`)); len(n.Text) > maxTreeString+100 {
		t.Errorf("a long string has %d bytes", len(n.Text))
	}
}

func TestPairs(t *testing.T) {
	if got := fmt.Sprint(Pairs([]byte(`{"a":"x","b":2,"c":null}`))); got != "[{a x} {b 2} {c null}]" {
		t.Errorf("Pairs = %s", got)
	}
	for _, in := range []string{`{"a":{"b":1}}`, `[1]`, `"x"`, ``, `{"a":"two\nlines"}`, `{`} {
		if got := Pairs([]byte(in)); got != nil {
			t.Errorf("Pairs(%s) = %v, want none", in, got)
		}
	}
}

func FuzzJSONTree(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}]}`, `[[[[`, `{"a"`, `"x"`, `{"a":1}{"b":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		nodes := 0
		var walk func(n *Node, depth int)
		walk = func(n *Node, depth int) {
			nodes++
			if depth > maxTreeDepth+1 || len(n.Text) > 2*maxTreeString*len("[U+E0041]") {
				t.Fatalf("depth %d, text of %d bytes", depth, len(n.Text))
			}
			for _, c := range n.Children {
				walk(c, depth+1)
			}
		}
		if n := JSONTree(raw); n != nil {
			walk(n, 0)
		}
		if nodes > maxTreeNodes+2 {
			t.Fatalf("%d nodes", nodes)
		}
	})
}
