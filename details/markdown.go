package details

import (
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/untrusted"
)

// Block is a part of a text in Markdown: a small subset that has no HTML, no pictures, and links with their host beside
// them. Every letter and digit of the source is in the blocks.
type Block struct {
	Kind  BlockKind
	Spans []Span // of a paragraph, heading or quote
	Items []Item // of a list
	Text  string // of code
}

// BlockKind is the kind of a block.
type BlockKind string

// The kinds of blocks.
const (
	Paragraph BlockKind = "paragraph"
	Heading   BlockKind = "heading"
	Quote     BlockKind = "quote"
	List      BlockKind = "list"
	Code      BlockKind = "code"
	Rule      BlockKind = "rule"
)

// Item is an item of a list.
type Item struct {
	Mark  string // "•", or a number as the source has it: "3."
	Level int    // 0 to 3
	Spans []Span
}

// Span is a text in one style. A text with a link is followed by the link's host.
type Span struct {
	Text     string
	Strong   bool
	Emphasis bool
	Code     bool
	Link     *Link
}

// maxBlocks bounds the blocks of a text. The rest is one paragraph of plain text.
const maxBlocks = 500

var (
	headingLine = regexp.MustCompile(`^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$`)
	ruleLine    = regexp.MustCompile(`^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$`)
	quoteLine   = regexp.MustCompile(`^ {0,3}>[ \t]?(.*)$`)
	itemLine    = regexp.MustCompile(`^([ \t]*)(?:[-*+]|([0-9]{1,9}[.)]))[ \t]+(.*)$`)
	fenceLine   = regexp.MustCompile("^ {0,3}(```+|~~~+)(.*)$")
)

// ParseMarkdown returns the blocks of a text.
func ParseMarkdown(source string) []Block {
	p := &markdownParser{lines: strings.Split(untrusted.MultiLine(source), "\n")}
	for p.next < len(p.lines) {
		if len(p.blocks) >= maxBlocks {
			p.blocks = append(p.blocks, Block{Kind: Code, Text: strings.Join(p.lines[p.next:], "\n")})
			break
		}
		p.parseBlock()
	}
	p.endParagraph()
	return p.blocks
}

type markdownParser struct {
	lines     []string
	next      int
	paragraph []string // lines of the open paragraph
	blocks    []Block
}

// parseBlock reads the next line, or the lines of the next block.
func (p *markdownParser) parseBlock() {
	line := p.lines[p.next]
	switch {
	case strings.TrimSpace(line) == "":
		p.endParagraph()
		p.next++
	case fenceLine.MatchString(line):
		p.endParagraph()
		p.parseFence(fenceLine.FindStringSubmatch(line))
	case ruleLine.MatchString(line):
		p.endParagraph()
		p.blocks = append(p.blocks, Block{Kind: Rule})
		p.next++
	case headingLine.MatchString(line):
		p.endParagraph()
		p.blocks = append(p.blocks, Block{Kind: Heading, Spans: parseSpans(headingLine.FindStringSubmatch(line)[1])})
		p.next++
	case quoteLine.MatchString(line):
		p.endParagraph()
		p.parseQuote()
	case itemLine.MatchString(line):
		p.endParagraph()
		p.parseList()
	default:
		p.paragraph = append(p.paragraph, strings.TrimSpace(line))
		p.next++
	}
}

func (p *markdownParser) endParagraph() {
	if len(p.paragraph) > 0 {
		p.blocks = append(p.blocks, Block{Kind: Paragraph, Spans: parseSpans(strings.Join(p.paragraph, "\n"))})
		p.paragraph = nil
	}
}

// parseFence reads code between two fences. The words after the first fence are its first line.
func (p *markdownParser) parseFence(fence []string) {
	var code []string
	if info := strings.TrimSpace(fence[2]); info != "" {
		code = append(code, info)
	}
	for p.next++; p.next < len(p.lines); p.next++ {
		if strings.HasPrefix(strings.TrimLeft(p.lines[p.next], " "), fence[1]) {
			if rest := strings.Trim(p.lines[p.next], " `~"); rest != "" {
				code = append(code, rest)
			}
			p.next++
			break
		}
		code = append(code, p.lines[p.next])
	}
	p.blocks = append(p.blocks, Block{Kind: Code, Text: strings.Join(code, "\n")})
}

func (p *markdownParser) parseQuote() {
	var lines []string
	for ; p.next < len(p.lines); p.next++ {
		match := quoteLine.FindStringSubmatch(p.lines[p.next])
		if match == nil {
			break
		}
		lines = append(lines, match[1])
	}
	p.blocks = append(p.blocks, Block{Kind: Quote, Spans: parseSpans(strings.Join(lines, "\n"))})
}

// parseList reads items, with the lines that continue them.
func (p *markdownParser) parseList() {
	list := Block{Kind: List}
	for ; p.next < len(p.lines); p.next++ {
		match := itemLine.FindStringSubmatch(p.lines[p.next])
		if match == nil {
			break
		}
		lines := []string{match[3]}
		for p.next+1 < len(p.lines) && continuesItem(p.lines[p.next+1]) {
			p.next++
			lines = append(lines, strings.TrimSpace(p.lines[p.next]))
		}
		mark := match[2]
		if mark == "" {
			mark = "•"
		}
		level := len(strings.ReplaceAll(match[1], "\t", "    ")) / 2
		list.Items = append(list.Items, Item{Mark: mark, Level: min(level, 3), Spans: parseSpans(strings.Join(lines, "\n"))})
	}
	p.blocks = append(p.blocks, list)
}

func continuesItem(line string) bool {
	isIndented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
	return isIndented && strings.TrimSpace(line) != "" && !itemLine.MatchString(line) && !fenceLine.MatchString(line)
}
