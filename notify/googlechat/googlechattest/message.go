package googlechattest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// maxWidgets is the number of widgets that a card shows. Google Chat ignores the widgets after them.
const maxWidgets = 100

// maxThreadKey is the longest key of a thread, in characters.
const maxThreadKey = 4000

type section struct {
	Header  string   `json:"header"`
	Widgets []widget `json:"widgets"`
}

type widget struct {
	Paragraph *struct {
		Text string `json:"text"`
	} `json:"textParagraph"`
	Buttons *struct {
		Buttons []struct {
			Text  string `json:"text"`
			Click struct {
				OpenLink struct {
					URL string `json:"url"`
				} `json:"openLink"`
			} `json:"onClick"`
		} `json:"buttons"`
	} `json:"buttonList"`
}

// parseMessage returns the message of a request, or an error if Google Chat would refuse it or show its text
// differently.
func parseMessage(body []byte) (Message, error) {
	var m struct {
		FallbackText string `json:"fallbackText"`
		Cards        []struct {
			ID   string `json:"cardId"`
			Card struct {
				Header struct {
					Title string `json:"title"`
				} `json:"header"`
				Sections []section `json:"sections"`
			} `json:"card"`
		} `json:"cardsV2"`
		Thread struct {
			Key string `json:"threadKey"`
		} `json:"thread"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Message{}, err
	}
	switch {
	case len(m.Cards) != 1 || m.Cards[0].ID == "" || m.Cards[0].Card.Header.Title == "":
		return Message{}, errors.New("no card with an ID and a title")
	case m.Thread.Key == "" || len(m.Thread.Key) > maxThreadKey:
		return Message{}, errors.New("the key of the thread is missing or too long")
	case m.FallbackText == "" || strings.ContainsAny(m.FallbackText, "<>\n"):
		return Message{}, fmt.Errorf("the fallback text is empty or has markup: %q", m.FallbackText)
	}
	c := m.Cards[0].Card
	out := Message{Body: body, Thread: m.Thread.Key, Text: "(" + m.FallbackText + ")\n" + c.Header.Title + "\n"}
	if strings.ContainsAny(c.Header.Title, "<>&") {
		return out, fmt.Errorf("markup in a header: %q", c.Header.Title)
	}
	return out, out.show(c.Sections)
}

// show adds the sections to the text as its reader sees it, and sets the URL of the button.
func (m *Message) show(sections []section) error {
	widgets := 0
	for _, s := range sections {
		m.Text += "--- " + s.Header + "\n"
		if len(s.Widgets) == 0 || strings.ContainsAny(s.Header, "<>&") {
			return fmt.Errorf("a section without widgets, or markup in its header: %q", s.Header)
		}
		for _, w := range s.Widgets {
			if err := m.showWidget(w); err != nil {
				return err
			}
			widgets++
		}
	}
	if u, err := url.Parse(m.URL); err != nil || u.Host == "" || widgets > maxWidgets {
		return fmt.Errorf("the button leads to %q, %d widgets", m.URL, widgets)
	}
	return nil
}

func (m *Message) showWidget(w widget) error {
	switch {
	case w.Paragraph != nil && w.Buttons == nil:
		for line := range strings.SplitSeq(w.Paragraph.Text, "<br>") {
			shown, err := showLine(line)
			if err != nil {
				return err
			}
			m.Text += shown + "\n"
		}
		return nil
	case w.Buttons != nil && w.Paragraph == nil && len(w.Buttons.Buttons) == 1 && m.URL == "":
		b := w.Buttons.Buttons[0]
		m.URL = b.Click.OpenLink.URL
		m.Text += "[" + b.Text + "]\n"
		return nil
	}
	return errors.New("a widget that is neither a paragraph nor a single button")
}

// lineForm matches the only HTML that a line may have: a title in bold, a label in bold with a value, or a note in
// italics.
var lineForm = regexp.MustCompile(`^(?:<b>([^<>]*)</b>)?([^<>]*)$|^<i>([^<>]+)</i>$`)

// showLine returns the visible text of a line of HTML.
func showLine(line string) (string, error) {
	parts := lineForm.FindStringSubmatch(line)
	if parts == nil {
		return "", fmt.Errorf("markup: %q", line)
	}
	text, note := parts[1]+parts[2], parts[3]
	if note != "" {
		text = "(" + note + ")"
	}
	return unescape(text)
}

// unescape returns a text without entities, or an error if an ampersand does not begin one of the three entities.
func unescape(s string) (string, error) {
	entities := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "")
	if strings.Contains(entities.Replace(s), "&") {
		return "", fmt.Errorf("not an entity: %q", s)
	}
	return strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(s), nil
}
