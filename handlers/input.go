package handlers

import (
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// Input is a decoded message. Fields are found in it.
type Input struct {
	Body    any               // the decoded JSON object or form
	Headers map[string]string // HTTP headers, with names in lower case
	Meta    map[string]string // other metadata, see package metadata
}

// Decode decodes a body strictly: a single JSON object, or a single form.
type Decode func(body []byte) (any, error)

// isForm reports whether a message is a request with the body of an HTML form.
func isForm(msg *message.Message) bool {
	kind, _, err := mime.ParseMediaType(msg.Metadata.Get(metadata.Header + "content-type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// decodeMessage returns the input that a message contains.
func decodeMessage(msg *message.Message, decode Decode) (Input, error) {
	if fault := msg.Metadata.Get(metadata.Fault); fault != "" {
		return Input{}, approval.InvalidField("message", "%s", fault)
	}
	if !utf8.Valid(msg.Payload) {
		return Input{}, approval.InvalidField("body", "is not valid UTF-8")
	}
	body, err := decode(msg.Payload)
	if err != nil {
		return Input{}, approval.InvalidField("body", "%s", err)
	}
	in := Input{Body: body, Headers: map[string]string{}, Meta: map[string]string{}}
	for k, v := range msg.Metadata {
		if name, ok := strings.CutPrefix(k, metadata.Header); ok {
			in.Headers[name] = v
		} else {
			in.Meta[k] = v
		}
	}
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
	t, err := time.Parse(time.RFC3339Nano, in.Meta[key])
	if t = t.UTC(); err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
