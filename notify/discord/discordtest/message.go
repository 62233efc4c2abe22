package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"
)

// The limits of a message, in characters. The documentation does not define a character, so UTF-16 units are counted.
const (
	maxContent     = 2000
	maxTitle       = 256
	maxDescription = 4096
	maxFields      = 25
	maxName        = 256
	maxValue       = 1024
	maxFooter      = 2048
	maxURL         = 2048
	maxEmbeds      = 6000 // all texts together
)

type embed struct {
	Title       string `json:"title"`
	URL         string `json:"url"`
	Description string `json:"description"`
	Fields      []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"fields"`
	Footer struct {
		Text string `json:"text"`
	} `json:"footer"`
}

// parseMessage returns the message of a request, or an error if Discord would refuse it, notify people because of it,
// or show its text differently.
func parseMessage(body []byte) (Message, error) {
	var m struct {
		Content         string  `json:"content"`
		Embeds          []embed `json:"embeds"`
		AllowedMentions struct {
			Parse []string `json:"parse"`
		} `json:"allowed_mentions"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Message{}, err
	}
	switch {
	case m.AllowedMentions.Parse == nil || len(m.AllowedMentions.Parse) > 0:
		return Message{}, errors.New("the message may notify people")
	case len(m.Embeds) != 1:
		return Message{}, errors.New("the message has no single embed")
	}
	if err := checkLength("content", m.Content, maxContent); err != nil {
		return Message{}, err
	}
	if err := m.Embeds[0].checkLimits(); err != nil {
		return Message{}, err
	}
	out := Message{Body: body}
	return out, out.show(m.Content, m.Embeds[0])
}

// checkLimits returns an error if the embed exceeds a limit.
func (e embed) checkLimits() error {
	sum := countUnits(e.Title) + countUnits(e.Description) + countUnits(e.Footer.Text)
	checks := []error{
		checkLength("title", e.Title, maxTitle),
		checkLength("url", e.URL, maxURL),
		checkLength("description", e.Description, maxDescription),
		checkLength("footer", e.Footer.Text, maxFooter),
	}
	for _, f := range e.Fields {
		sum += countUnits(f.Name) + countUnits(f.Value)
		checks = append(checks, checkLength("field name", f.Name, maxName), checkLength("field value", f.Value, maxValue))
	}
	if len(e.Fields) > maxFields {
		checks = append(checks, fmt.Errorf("%d fields", len(e.Fields)))
	}
	if sum > maxEmbeds {
		checks = append(checks, fmt.Errorf("%d characters in all", sum))
	}
	return errors.Join(checks...)
}

// checkLength returns an error if a text is missing or too long. White space around it does not count.
func checkLength(name, text string, most int) error {
	if n := countUnits(text); n == 0 || n > most {
		return fmt.Errorf("%s has %d characters, must have 1 to %d", name, n, most)
	}
	return nil
}

func countUnits(s string) int { return len(utf16.Encode([]rune(strings.TrimSpace(s)))) }

// The only Markdown that a message may have: the headline, labels, times, quotations, and the link on a line of its
// own.
var (
	headlineForm = regexp.MustCompile(`^\*\*([A-Z][A-Za-z ,:]+)\*\* `)
	labelForm    = regexp.MustCompile(`^\*\*([A-Z][A-Za-z ,]+):\*\* `)
	timeForm     = regexp.MustCompile(`^<t:[0-9]+:f>$`)
	linkForm     = regexp.MustCompile(`^\[([A-Za-z ]+)\]\(([^()\s]+)\)$`)
)

// show sets the text of the message as its reader sees it, and its link.
func (m *Message) show(content string, e embed) error {
	lines := strings.Split(content, "\n")
	lines = append(lines, strings.Split("= "+e.Title, "\n")...)
	lines = append(lines, strings.Split(e.Description, "\n")...)
	for _, f := range e.Fields {
		lines = append(lines, strings.Split("= "+f.Name, "\n")...)
		lines = append(lines, strings.Split(f.Value, "\n")...)
	}
	for _, line := range lines {
		shown, err := m.showLine(line)
		if err != nil {
			return err
		}
		m.Text += shown + "\n"
	}
	m.Text += "(" + e.Footer.Text + ")\n" // a footer has no Markdown
	if u, err := url.Parse(e.URL); err != nil || u.Host == "" || e.URL != m.URL {
		return fmt.Errorf("the title leads to %q, the link to %q", e.URL, m.URL)
	}
	return nil
}

// showLine returns the visible text of a line.
func (m *Message) showLine(line string) (string, error) {
	if link := linkForm.FindStringSubmatch(line); link != nil && m.URL == "" {
		m.URL = link[2]
		return "[" + link[1] + "]", nil
	}
	label, text := "", line
	if found := labelForm.FindStringSubmatch(line); found != nil {
		label, text = found[1]+": ", line[len(found[0]):]
	} else if found := headlineForm.FindStringSubmatch(line); found != nil {
		label, text = found[1]+" ", line[len(found[0]):]
	} else if after, marked := strings.CutPrefix(line, "= "); marked { // a title or name
		label, text = "= ", after
	} else if after, quoted := strings.CutPrefix(line, "> "); quoted {
		label, text = "| ", after
	}
	if timeForm.MatchString(text) {
		return label + text, nil
	}
	shown, err := unescape(text)
	return label + shown, err
}

// lineMarkup matches the beginning of a line that Discord shows as a heading, a quotation or a list.
var lineMarkup = regexp.MustCompile(`^\s*([#>-]|[0-9]+\.(\s|$))`)

// address matches an address that Discord makes a link.
var address = regexp.MustCompile(`[A-Za-z]://`)

// unescape returns the visible text of Markdown without markup, or an error if it has markup.
func unescape(text string) (string, error) {
	if lineMarkup.MatchString(text) {
		return "", fmt.Errorf("markdown: %q", text)
	}
	var b strings.Builder
	escaped := false
	for _, r := range text {
		switch {
		case escaped && strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \t", r):
			return "", fmt.Errorf("a backslash in front of %q stays visible: %q", r, text)
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && strings.ContainsRune("*_~|`<[]@", r):
			return "", fmt.Errorf("markdown: %q", text)
		}
		b.WriteRune(r)
		escaped = false
	}
	if escaped || address.MatchString(text) {
		return "", fmt.Errorf("a line that ends in a backslash, or an address: %q", text)
	}
	return b.String(), nil
}
