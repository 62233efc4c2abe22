package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/stretchr/testify/require"
)

// document is a page as a browser reads it.
type document struct {
	t    testing.TB
	root *html.Node
}

func parsePage(t testing.TB, page string) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	return document{t, root}
}

// all returns the elements with a name, and with an attribute if one is given as "name" or "name=value".
func (d document) all(name string, attributes ...string) []*html.Node {
	var out []*html.Node
	for n := range d.root.Descendants() {
		if n.Type != html.ElementNode || name != "" && n.Data != name {
			continue
		}
		if !slices.ContainsFunc(attributes, func(want string) bool {
			key, value, exact := strings.Cut(want, "=")
			got, ok := attribute(n, key)
			return !ok || exact && got != value
		}) {
			out = append(out, n)
		}
	}
	return out
}

// one returns the only element of this kind.
func (d document) one(name string, attributes ...string) *html.Node {
	d.t.Helper()
	found := d.all(name, attributes...)
	require.Len(d.t, found, 1, "%s %v", name, attributes)
	return found[0]
}

// byClass returns the elements of a class.
func (d document) byClass(class string) []*html.Node {
	return slices.DeleteFunc(d.all("", "class"), func(n *html.Node) bool {
		classes, _ := attribute(n, "class")
		return !slices.Contains(strings.Fields(classes), class)
	})
}

func attribute(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func valueOf(n *html.Node, key string) string {
	value, _ := attribute(n, key)
	return value
}

// textOf returns the text of an element with single spaces.
func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case slices.Contains([]string{"dt", "dd", "li", "p", "div"}, c.Data):
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func textsOf(nodes []*html.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, textOf(n))
	}
	return out
}

// buttons lists the labels of the buttons of the form.
func (d document) buttons() []string { return textsOf(d.all("button", "form=decide")) }

// submit returns what a browser sends when a button is pressed: the successful controls of its form. The changes are what
// the person typed before; nil takes a control away, as a box that is not ticked.
func (d document) submit(label string, typed url.Values) url.Values {
	d.t.Helper()
	form := d.one("form", "id=decide")
	sent := url.Values{}
	for n := range d.root.Descendants() {
		owner := valueOf(n, "form")
		for p := n.Parent; owner == "" && p != nil; p = p.Parent {
			if p == form {
				owner = "decide"
			}
		}
		name := valueOf(n, "name")
		if n.Type == html.ElementNode && owner == "decide" && name != "" {
			addControl(sent, n, name)
		}
	}
	for name, values := range typed {
		if values == nil {
			sent.Del(name)
			continue
		}
		if _, isControl := sent[name]; !isControl {
			require.NotEmpty(d.t, d.all("", "name="+name), "the page has no input %s", name)
		}
		sent[name] = values
	}
	for _, b := range d.all("button", "form=decide") {
		if textOf(b) == label {
			sent.Set(valueOf(b, "name"), valueOf(b, "value"))
			return sent
		}
	}
	require.Fail(d.t, "no such button", "%s: %q", label, d.buttons())
	return nil
}

func addControl(sent url.Values, n *html.Node, name string) {
	_, checked := attribute(n, "checked")
	switch n.Data {
	case "input":
		if kind := valueOf(n, "type"); kind != "radio" && kind != "checkbox" || checked {
			sent.Add(name, valueOf(n, "value"))
		}
	case "textarea":
		var texts []string
		for c := range n.ChildNodes() {
			texts = append(texts, c.Data)
		}
		sent.Add(name, strings.Join(texts, ""))
	case "select":
		for c := range n.Descendants() {
			if _, selected := attribute(c, "selected"); selected {
				sent.Add(name, valueOf(c, "value"))
			}
		}
	}
}

// accessible checks what every page must have: names for its controls, descriptions that exist, links that lead
// somewhere, one focus, and nothing foreign.
func (d document) accessible(name string) {
	d.t.Helper()
	ids := map[string]bool{}
	for _, n := range d.all("", "id") {
		id := valueOf(n, "id")
		require.False(d.t, ids[id], "%s: the ID %s is there twice", name, id)
		ids[id] = true
	}
	labels := map[string]bool{}
	for _, n := range d.all("label", "for") {
		labels[valueOf(n, "for")] = true
	}
	for _, n := range slices.Concat(d.all("input"), d.all("select"), d.all("textarea")) {
		if valueOf(n, "type") != "hidden" {
			require.True(d.t, labels[valueOf(n, "id")], "%s: %s has no label", name, valueOf(n, "name"))
		}
	}
	for _, n := range d.all("", "aria-describedby") {
		for id := range strings.FieldsSeq(valueOf(n, "aria-describedby")) {
			require.True(d.t, ids[id], "%s: the description %s is missing", name, id)
		}
	}
	for _, n := range d.all("a", "href") {
		if target, local := strings.CutPrefix(valueOf(n, "href"), "#"); local {
			require.True(d.t, ids[target], "%s: the link to %s leads nowhere", name, target)
		}
	}
	require.LessOrEqual(d.t, len(d.all("", "autofocus")), 1, name)
	for _, n := range d.all("fieldset") {
		require.NotNil(d.t, n.FirstChild, name)
	}
	for _, foreign := range []string{"script", "img", "iframe", "object", "link", "video", "audio", "embed"} {
		require.Empty(d.t, d.all(foreign), name)
	}
}
