package details

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNesting bounds the styles within each other.
const maxNesting = 4

// escapable are the characters that a backslash makes plain.
const escapable = "\\`*_{}[]()#+-.!|<>~"

// parseSpans returns the spans of a text within a block.
func parseSpans(text string) []Span {
	p := spanParser{}
	p.parse(text, Span{}, 0)
	return p.spans
}

type spanParser struct{ spans []Span }

// add adds text in a style. It joins texts of the same style.
func (p *spanParser) add(text string, style Span) {
	if text == "" {
		return
	}
	if n := len(p.spans); n > 0 && style.Link == nil && p.spans[n-1].hasStyle(style) {
		p.spans[n-1].Text += text
		return
	}
	style.Text = text
	p.spans = append(p.spans, style)
}

func (s Span) hasStyle(other Span) bool {
	return s.Link == nil && s.Strong == other.Strong && s.Emphasis == other.Emphasis && s.Code == other.Code
}

// parse adds the spans of a text to those of the parser.
func (p *spanParser) parse(text string, style Span, depth int) {
	plain := 0
	for i := 0; i < len(text); {
		n := 0
		if depth < maxNesting {
			n = p.parseMark(text, i, plain, style, depth)
		}
		if n == 0 {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		i += n
		plain = i
	}
	p.add(text[plain:], style)
}

// parseMark adds the text before a mark and the marked text, and returns the length of the marked text. It returns 0
// if no mark begins at i.
func (p *spanParser) parseMark(text string, i, plain int, style Span, depth int) int {
	rest := text[i:]
	before := func() { p.add(text[plain:i], style) }
	switch {
	case rest[0] == '\\' && len(rest) > 1 && strings.IndexByte(escapable, rest[1]) >= 0:
		before()
		p.add(rest[1:2], style)
		return 2
	case rest[0] == '`':
		mark := rest[:len(rest)-len(strings.TrimLeft(rest, "`"))]
		inner, ok := between(rest, mark, mark)
		before()
		if !ok { // the marks are plain
			p.add(mark, style)
			return len(mark)
		}
		code := style
		code.Code = true
		p.add(inner, code)
		return len(inner) + 2*len(mark)
	case strings.HasPrefix(rest, "https://") && !continuesWord(text, i):
		address := rest[:addressLength(rest)]
		link, ok := FindLink(address)
		if !ok {
			return 0
		}
		before()
		linked := style
		linked.Link = &link
		p.add(address, linked)
		return len(address)
	case rest[0] == '[' || strings.HasPrefix(rest, "!["):
		return p.parseLink(rest, before, style)
	case rest[0] == '*' || rest[0] == '_':
		return p.parseEmphasis(text, i, before, style, depth)
	}
	return 0
}

// between returns the text between two marks, the first of which begins s.
func between(s, begin, end string) (string, bool) {
	s = s[len(begin):]
	n := strings.Index(s, end)
	if n <= 0 {
		return "", false
	}
	return s[:n], true
}

// parseLink adds a link such as [text](https://host/path). Another address is shown beside its text.
func (p *spanParser) parseLink(rest string, before func(), style Span) int {
	bracket := strings.IndexByte(rest, '[')
	label, ok := between(rest[bracket:], "[", "](")
	if !ok || strings.ContainsAny(label, "[]\n") {
		return 0
	}
	start := bracket + len(label) + 3
	n := strings.IndexAny(rest[start:], ")\n")
	if n <= 0 || rest[start+n] != ')' {
		return 0
	}
	address := rest[start : start+n]
	link, ok := FindLink(address)
	if !ok {
		return 0
	}
	before()
	linked := style
	linked.Link = &link
	p.add(label, linked)
	return start + n + 1
}

// parseEmphasis adds text between one or two asterisks or underscores.
func (p *spanParser) parseEmphasis(text string, i int, before func(), style Span, depth int) int {
	rest := text[i:]
	mark := rest[:1]
	if strings.HasPrefix(rest, mark+mark) {
		mark += mark
	}
	inner, ok := between(rest, mark, mark)
	end := i + len(inner) + 2*len(mark)
	switch {
	case !ok, strings.TrimSpace(inner) != inner, strings.Contains(inner, "\n\n"):
		return 0
	case mark[0] == '_' && (continuesWord(text, i) || end < len(text) && isWordStart(text[end:])):
		return 0 // snake_case is a name
	}
	before()
	marked := style
	if len(mark) == 2 {
		marked.Strong = true
	} else {
		marked.Emphasis = true
	}
	p.parse(inner, marked, depth+1)
	return len(inner) + 2*len(mark)
}

// continuesWord reports whether a letter or digit stands before i.
func continuesWord(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func isWordStart(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// addressLength returns the length of the address at the start of a text, without the marks that end a sentence.
func addressLength(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'<>()[]{}\\^`|*", r) })
	if n < 0 {
		n = len(s)
	}
	return len(strings.TrimRight(s[:n], ".,;:!?_"))
}
