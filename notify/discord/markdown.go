package discord

import (
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// inlineMarkup escapes the characters by which Discord reads emphasis, spoilers, code, links, mentions, emoji and
// addresses anywhere in a line (https://support.discord.com/hc/en-us/articles/210298617). A backslash in front of a
// character makes it text.
var inlineMarkup = strings.NewReplacer(
	`\`, `\\`,
	"*", `\*`,
	"_", `\_`,
	"~", `\~`,
	"|", `\|`,
	"`", "\\`",
	"<", `\<`,
	"[", `\[`,
	"]", `\]`,
	"@", `\@`,
	":", `\:`,
)

// Markup at the begin of a line: headings, quotations and lists, and lists with numbers.
var (
	lineMarkup   = regexp.MustCompile(`^(\s*)([#>-])`)
	numberedLine = regexp.MustCompile(`^(\s*[0-9]+)\.(\s|$)`)
)

// escapeMarkdown returns one line of text in a form that Discord shows as it is. Each character becomes at most two.
func escapeMarkdown(line string) string {
	line = inlineMarkup.Replace(line)
	line = lineMarkup.ReplaceAllString(line, `$1\$2`)
	return numberedLine.ReplaceAllString(line, `$1\.$2`)
}

// escapeURL returns a link as the destination of a Markdown link, which a parenthesis would end.
func escapeURL(link approval.Token) string {
	return strings.NewReplacer("(", "%28", ")", "%29").Replace(link.Reveal())
}
