package details

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
)

// Limits of the details of a workflow without configured details. What is beyond them is in one detail together, as far as
// that is long enough, and otherwise it is named in a note.
const (
	maxFields   = 90     // fields of their own
	maxDepth    = 8      // levels of objects that become fields of their own; deeper objects become a text
	maxFurther  = 12_000 // bytes of the detail with further values
	furtherName = "Further values"
)

// Source is a request with details to read.
type Source struct {
	Body    any
	Secrets *Secrets
	// Own are the places of the body in which fields of the request were found, such as order.id. Approvers see them
	// elsewhere, or they are about the workflow.
	Own     [][]string
	OrderID string
	Token   string // the task token or callback URL
}

// ReadAll returns all values of a body as details, with notes about what is left out.
func ReadAll(s Source) []approval.Field {
	c := newCollector(s)
	c.addMembers(nil, s.body())
	return c.fields()
}

// body returns the body as an object. A text is a message.
func (s Source) body() map[string]any {
	if text, ok := s.Body.(string); ok {
		return map[string]any{"message": text}
	}
	body, _ := s.Body.(map[string]any)
	return body
}

// collector collects the values of a body.
type collector struct {
	Source
	found   []approval.Field
	names   []string // of found, without the objects that they are in
	further strings.Builder
	hidden  leftOut // values that look secret
	tooMuch leftOut
	empty   leftOut
}

func newCollector(s Source) *collector { return &collector{Source: s} }

func (c *collector) addMembers(p path, object map[string]any) {
	for _, name := range sortedKeys(object) {
		c.add(p.extend(name), object[name])
	}
}

// add adds a value, or the values of an object.
func (c *collector) add(p path, v any) {
	name := p[len(p)-1]
	object, isObject := v.(map[string]any)
	text, isScalar := ScalarText(v)
	switch {
	case c.isOwn(p), isScalar && c.isShownElsewhere(name, text):
	case isEmpty(v):
		c.empty.add(p.dotted(), 1)
	case c.Secrets.isSecretName(name, strings.Join(p, "."), v), isScalar && c.hasToken(text):
		c.hidden.add(p.dotted(), countLeaves(v))
	case isObject && len(p) < maxDepth:
		c.addMembers(p, object)
	case len(c.found) >= maxFields:
		c.addFurther(p, v)
	default:
		c.found = append(c.found, c.newField(p, v))
		c.names = append(c.names, cutName(name))
	}
}

// isOwn reports whether a field of the request was found at a path.
func (c *collector) isOwn(p path) bool {
	return slices.ContainsFunc(c.Own, func(own []string) bool { return slices.Equal(own, p) })
}

// orderName matches the names in which a sender repeats the ID of the order. It must not match the name of anything else: an
// order with the ID 50000 can have an orderTotal of 50000.
var orderName = regexp.MustCompile(`(?i)^(?:id|(?:[a-z]{0,20}[_.\- ]?order|request|execution|business)` +
	`[_.\- ]?(?:id|no|nr|num|number|key|name|ref|reference|arn)|order)$`)

// isShownElsewhere reports whether a value repeats the ID of the order, or the token, which nobody sees.
func (c *collector) isShownElsewhere(name, text string) bool {
	return text == c.OrderID && orderName.MatchString(name) || text == c.Token && c.Token != ""
}

func (c *collector) hasToken(text string) bool {
	return c.Token != "" && strings.Contains(text, c.Token)
}

// newField returns the detail of a value.
func (c *collector) newField(p path, v any) approval.Field {
	f := approval.Field{Name: p.dotted(), IsPath: true, Path: p.pointer()}
	w := valueWriter{secrets: c.Secrets, token: c.Token, path: f.Name}
	w.write(&f, v, nil)
	if w.hidden.count > 0 && f.Value == hiddenValue { // the note names it
		f.State = approval.FieldHidden
	}
	c.hidden.merge(w.hidden)
	return f
}

// write sets the value of a field, and the kind that its form suggests.
func (w *valueWriter) write(f *approval.Field, v any, columns []string) {
	f.Value = w.text(v)
	switch v.(type) {
	case string:
		if _, isLink := FindLink(f.Value); isLink {
			f.Kind = approval.KindLink
		}
	case []any:
		if f.Table = w.newTable(v, columns); f.Table != nil {
			f.Kind = approval.KindTable
		}
	}
}

// addFurther adds a value to the detail with further values, on a line of its own.
func (c *collector) addFurther(p path, v any) {
	w := valueWriter{secrets: c.Secrets, token: c.Token, path: p.dotted()}
	line := w.path + ": " + w.inline(v, w.path)
	if c.further.Len()+len(line)+1 > maxFurther || utf8.RuneCountInString(line) > maxFurther {
		c.tooMuch.add(w.path, countLeaves(v))
		return
	}
	c.hidden.merge(w.hidden)
	if c.further.Len() > 0 {
		c.further.WriteByte('\n')
	}
	c.further.WriteString(line)
}

// isEmpty reports whether a value is null, or a text, list or object without content.
func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(x) == ""
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

// fields returns the details. Notes come first where they are about values that an approver might miss.
func (c *collector) fields() []approval.Field {
	var out []approval.Field
	out = c.hidden.appendNote(out, approval.LeftOutSecret)
	out = c.tooMuch.appendNote(out, approval.LeftOutTooMuch)
	c.shortenNames()
	out = append(out, c.found...)
	if c.further.Len() > 0 {
		out = append(out, approval.Field{Name: furtherName, Value: c.further.String()})
	}
	return c.empty.appendNote(out, approval.LeftOutEmpty)
}

// shortenNames gives a value in an object the name of its own, unless another value has the same name. Programs that read
// the details know them by these names; people read the whole path.
func (c *collector) shortenNames() {
	count := map[string]int{}
	for _, name := range c.names {
		count[name]++
	}
	for i, name := range c.names {
		if count[name] == 1 {
			c.found[i].Name = name
		}
	}
}
