package handlers

import (
	"maps"
	"strings"
)

// hasOrder reports whether an input has an order ID in any place that is read.
func (h *Request) hasOrder(in Input) bool {
	if hasField(h.Workflow.Fields.Order, in) {
		return true
	}
	var orderID string
	err := h.readOrderElse(in, &orderID)()
	return err != nil || orderID != ""
}

// readOrderElse returns a step that reads the order ID from the further places, if the configuration names no place.
// The first places are also tried in JSON that the sender put into a text: {"input": "{\"orderId\": …}"}.
func (h *Request) readOrderElse(in Input, orderID *string) func() error {
	f := &h.Workflow.Fields
	if f.OrderElse.Find == nil {
		return func() error { return nil }
	}
	return func() error {
		read := in
		read.Body = h.decodeTexts(in.Body)
		return readElse("order", f.Order, in, orderID, read, f.Order, f.OrderElse)()
	}
}

// decodeTexts returns a body in which the texts at the top that are JSON objects are decoded.
func (h *Request) decodeTexts(body any) any {
	object, ok := body.(map[string]any)
	if !ok {
		return body
	}
	decoded, isCopied := object, false // most bodies have no such text
	for name, v := range object {
		text, ok := v.(string)
		if !ok || !strings.HasPrefix(strings.TrimSpace(text), "{") {
			continue
		}
		inner, err := h.Decode([]byte(text))
		if err != nil {
			continue
		}
		if !isCopied {
			decoded, isCopied = maps.Clone(object), true
		}
		decoded[name] = inner
	}
	return decoded
}
