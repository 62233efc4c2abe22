package teamstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// BotCard is a card of a bot as its reader sees it.
type BotCard struct {
	Text    string // a line for each block of text
	Inputs  []Input
	Buttons []Button
	Size    int // in bytes
}

// Input is an input of a card.
type Input struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	Label     string `json:"label"`
	Title     string `json:"title"`
	Value     any    `json:"value"`
	Multiline bool   `json:"isMultiline"`
	MaxLength int    `json:"maxLength"`
	Style     string `json:"style"`
	Several   bool   `json:"isMultiSelect"`
	Options   []struct {
		Title string `json:"title"`
		Value string `json:"value"`
	} `json:"choices"`
	ValueOn  string `json:"valueOn"`
	ValueOff string `json:"valueOff"`
}

// Button is a button of a card.
type Button struct {
	Type   string            `json:"type"`
	Title  string            `json:"title"`
	URL    string            `json:"url"`
	Verb   string            `json:"verb"`
	Data   map[string]string `json:"data"`
	Style  string            `json:"style"`
	Inputs string            `json:"associatedInputs"`
}

// Button returns the button with a title, or the zero value.
func (c BotCard) Button(title string) Button {
	for _, b := range c.Buttons {
		if b.Title == title {
			return b
		}
	}
	return Button{}
}

// Input returns the input with an ID, or the zero value.
func (c BotCard) Input(id string) Input {
	for _, in := range c.Inputs {
		if in.ID == id {
			return in
		}
	}
	return Input{}
}

// Titles returns the titles of the buttons, one after the other.
func (c BotCard) Titles() string {
	var out []string
	for _, b := range c.Buttons {
		out = append(out, b.Title)
	}
	return strings.Join(out, " | ")
}

// ReadMessage returns the card of a message, or an error if Teams would refuse it.
func ReadMessage(body []byte) (BotCard, error) {
	var m struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string          `json:"contentType"`
			Content     json.RawMessage `json:"content"`
		} `json:"attachments"`
	}
	if err := decodeStrictly(body, &m); err != nil {
		return BotCard{}, err
	}
	if m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].ContentType != cardType {
		return BotCard{}, errors.New("no message with one card")
	}
	return readBotCard(m.Attachments[0].Content)
}

const cardType = "application/vnd.microsoft.card.adaptive"

// Answer is the answer to a press as the person sees it: a card, a text, or an error.
type Answer struct {
	Card  BotCard
	Text  string
	Error string
}

// ReadAnswer reads the answer to an invoke activity.
func ReadAnswer(status int, body []byte) (Answer, error) {
	var a struct {
		StatusCode int             `json:"statusCode"`
		Type       string          `json:"type"`
		Value      json.RawMessage `json:"value"`
	}
	if status != http.StatusOK {
		return Answer{}, fmt.Errorf("status %d: %s", status, body)
	}
	if err := decodeStrictly(body, &a); err != nil {
		return Answer{}, err
	}
	if len(body) > maxBody {
		return Answer{}, fmt.Errorf("%d bytes", len(body))
	}
	var out Answer
	var err error
	switch {
	case a.StatusCode == http.StatusOK && a.Type == cardType:
		out.Card, err = readBotCard(a.Value)
	case a.StatusCode == http.StatusOK && a.Type == "application/vnd.microsoft.activity.message":
		err = json.Unmarshal(a.Value, &out.Text)
	case a.StatusCode >= 400 && a.Type == "application/vnd.microsoft.error":
		var e struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}
		err = decodeStrictly(a.Value, &e)
		out.Error = e.Code + ": " + e.Message
	default:
		err = fmt.Errorf("no such answer: %d %s", a.StatusCode, a.Type)
	}
	return out, err
}

func readBotCard(raw json.RawMessage) (BotCard, error) {
	var c struct {
		Schema  string            `json:"$schema"`
		Type    string            `json:"type"`
		Version string            `json:"version"`
		Body    []json.RawMessage `json:"body"`
		Teams   struct {
			Width string `json:"width"`
		} `json:"msteams"`
	}
	if err := decodeStrictly(raw, &c); err != nil {
		return BotCard{}, err
	}
	if c.Type != "AdaptiveCard" || c.Version != "1.4" {
		return BotCard{}, fmt.Errorf("no card: %s %s", c.Type, c.Version)
	}
	out := BotCard{Size: len(raw)}
	ids := map[string]bool{}
	for _, block := range c.Body {
		var kind struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		}
		if err := json.Unmarshal(block, &kind); err != nil {
			return out, err
		}
		var err error
		switch {
		case strings.HasPrefix(kind.Type, "Input."):
			if kind.ID == "" || ids[kind.ID] {
				return out, fmt.Errorf("the input %q has no ID of its own", kind.ID)
			}
			ids[kind.ID] = true
			err = out.addInput(block)
		case kind.Type == "ActionSet":
			err = out.addButtons(block)
		default:
			var text string
			text, err = showBlock(block)
			out.Text += text + "\n"
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func (c *BotCard) addInput(block json.RawMessage) error {
	var in Input
	if err := decodeStrictly(block, &in); err != nil {
		return err
	}
	if in.Label == "" || macro.MatchString(in.Label) || strings.ContainsAny(in.Label, "[]<>\r\n") {
		return fmt.Errorf("the label %q is missing, or has Markdown", in.Label)
	}
	_, isNumber := in.Value.(float64)
	text, isText := in.Value.(string)
	var isBad bool
	switch in.Type {
	case "Input.Text":
		isBad = in.Value != nil && !isText || in.MaxLength > 0 && len([]rune(text)) > in.MaxLength
	case "Input.Number":
		isBad = in.Value != nil && !isNumber
	case "Input.Date":
		isBad = in.Value != nil && len(text) != len("2026-01-02")
	case "Input.Toggle":
		isBad = in.Title == "" || in.ValueOn == "" || text != in.ValueOn && text != in.ValueOff
	case "Input.ChoiceSet":
		isBad = len(in.Options) == 0
		for _, o := range in.Options {
			isBad = isBad || o.Title == "" || strings.ContainsAny(o.Title, "[]<>\r\n") || strings.Contains(o.Value, ",")
		}
	default:
		isBad = true
	}
	if isBad {
		return fmt.Errorf("no such input: %s", block)
	}
	c.Inputs = append(c.Inputs, in)
	return nil
}

func (c *BotCard) addButtons(block json.RawMessage) error {
	var set struct {
		Type    string   `json:"type"`
		Actions []Button `json:"actions"`
	}
	if err := decodeStrictly(block, &set); err != nil {
		return err
	}
	if len(set.Actions) == 0 || len(set.Actions) > 6 {
		return fmt.Errorf("%d buttons in a row", len(set.Actions))
	}
	for _, b := range set.Actions {
		u, err := url.Parse(b.URL)
		isLink := b.Type == "Action.OpenUrl" && err == nil && u.Host != "" && b.Verb == ""
		isExecute := b.Type == "Action.Execute" && b.URL == "" && b.Verb != ""
		if b.Title == "" || !isLink && !isExecute {
			return fmt.Errorf("no such button: %+v", b)
		}
	}
	c.Buttons = append(c.Buttons, set.Actions...)
	return nil
}
