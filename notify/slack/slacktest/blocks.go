package slacktest

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// Block is a block of Block Kit, with the fields that the channel uses.
type Block struct {
	Type     string    `json:"type"`
	BlockID  string    `json:"block_id"`
	Text     *Text     `json:"text"`
	Elements []Element `json:"elements"`
	Label    *Text     `json:"label"` // of an input block, also the following
	Hint     *Text     `json:"hint"`
	Element  *Input    `json:"element"`
	Optional bool      `json:"optional"`
}

// Text is a text object.
type Text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Element is a button, or a text in a context block.
type Element struct {
	Type     string          `json:"type"`
	ActionID string          `json:"action_id"`
	Value    string          `json:"value"`
	URL      string          `json:"url"`
	Style    string          `json:"style"`
	Label    json.RawMessage `json:"text"`
	Confirm  json.RawMessage `json:"confirm"`
}

// parseBlocks decodes blocks. It returns the error of Slack if they break a limit
// (https://docs.slack.dev/reference/block-kit/blocks/ and .../block-elements/button-element).
func parseBlocks(text string) ([]Block, string) {
	var blocks []Block
	if err := json.Unmarshal([]byte(text), &blocks); err != nil || len(blocks) == 0 || len(blocks) > 50 {
		return nil, "invalid_blocks"
	}
	if len(text) > 40000 {
		return nil, "msg_blocks_too_long"
	}
	for _, b := range blocks {
		if !b.isValid() {
			return nil, "invalid_blocks"
		}
	}
	return blocks, ""
}

// isValid reports whether the block is within the limits of its type.
func (b Block) isValid() bool {
	switch b.Type {
	case "header":
		return b.Text != nil && b.Text.Type == "plain_text" && hasLength(b.Text.Text, 150)
	case "section":
		return b.Text != nil && hasLength(b.Text.Text, 3000)
	case "divider":
		return true
	case "context":
		return len(b.Elements) > 0 && len(b.Elements) <= 10
	case "actions":
		seen := map[string]bool{}
		for _, e := range b.Elements {
			if !hasLength(e.ActionID, 255) || seen[e.ActionID] || !slices.Contains([]string{"", "primary", "danger"}, e.Style) {
				return false
			}
			seen[e.ActionID] = true
			var label Text
			if e.Type != "button" || json.Unmarshal(e.Label, &label) != nil || !hasLength(label.Text, 75) {
				return false
			}
			if utf8.RuneCountInString(e.Value) > 2000 || len(e.URL) > 3000 {
				return false
			}
			if e.Confirm != nil && !isValidDialog(e.Confirm) {
				return false
			}
		}
		return len(b.Elements) > 0 && len(b.Elements) <= 25
	}
	return false
}

// isValidDialog reports whether a confirmation dialog is within its limits: title 100, text 300, buttons 30
// (https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object).
func isValidDialog(raw json.RawMessage) bool {
	var c struct {
		Title   Text
		Text    Text
		Confirm Text
		Deny    Text
	}
	return json.Unmarshal(raw, &c) == nil && hasLength(c.Title.Text, 100) && hasLength(c.Text.Text, 300) &&
		hasLength(c.Confirm.Text, 30) && hasLength(c.Deny.Text, 30)
}

// hasLength reports whether a text has 1 to limit characters.
func hasLength(s string, limit int) bool {
	n := utf8.RuneCountInString(s)
	return n > 0 && n <= limit
}
