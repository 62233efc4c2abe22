package handlers

import (
	"slices"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/metadata"
)

// Input is a decoded message. Fields are found in it.
type Input struct {
	Body    any               // the decoded JSON object or form, see package body
	Headers map[string]string // HTTP headers, with names in lower case
	Meta    map[string]string // other metadata, see package metadata

	text  []byte   // of a body that is JSON, or nil: it has the order of members, which Body lacks
	notes []string // how the body was read, and what of it was left out
}

// Decode decodes a JSON object strictly.
type Decode func(body []byte) (any, error)

// newInput returns an input with the metadata of a message, and without its body.
func newInput(msg *message.Message) (Input, error) {
	in := Input{Headers: map[string]string{}, Meta: map[string]string{}}
	if fault := msg.Metadata.Get(metadata.Fault); fault != "" {
		return in, approval.InvalidField("message", "%s", fault)
	}
	for k, v := range msg.Metadata {
		if name, ok := strings.CutPrefix(k, metadata.Header); ok {
			in.Headers[name] = v
		} else {
			in.Meta[k] = v
		}
	}
	return in, nil
}

// decodeBody returns the input with its body. The way in has chosen the format.
func decodeBody(in Input, format body.Format, text []byte, decode Decode) (Input, error) {
	decoded, err := body.Decode(format, text, body.DecodeJSON(decode))
	if err != nil {
		return in, approval.InvalidField("body", "%s", err)
	}
	in.Body = decoded.Value
	in.text, _ = plainText(format, text)
	in.notes = slices.Concat(in.notes, decoded.Notes)
	return in, nil
}

// publishedAt returns when the sender gave the message to a topic or to a queue, whichever was earlier. It returns the
// zero time if that is unknown.
func (in Input) publishedAt() time.Time {
	topic, queue := in.metaTime(metadata.SNSSentAt), in.metaTime(metadata.SentAt)
	if queue.IsZero() || (!topic.IsZero() && topic.Before(queue)) {
		return topic
	}
	return queue
}

// metaTime returns the time under a key of the metadata. It returns the zero time if there is no valid time, or if a
// record could not contain it.
func (in Input) metaTime(key string) time.Time {
	text := in.Meta[key]
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if t = t.UTC(); err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
