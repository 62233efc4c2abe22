package handlers

import (
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// Input is what the fields of a message are found in.
type Input struct {
	Body    any               // the decoded JSON object
	Headers map[string]string // in lower case
	Meta    map[string]string
}

// Field finds one value in an input. It says false where the input has none.
type Field[T any] func(Input) (T, bool, error)

// Decode reads a body strictly: one JSON object and nothing after it, or one form.
type Decode func(body []byte) (any, error)

// isForm says that a message is a request with the body of an HTML form.
func isForm(msg *message.Message) bool {
	kind, _, err := mime.ParseMediaType(msg.Metadata.Get(metadata.Header + "content-type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// decodeMessage decodes a message.
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

// findField evaluates a field. A field that is not configured finds nothing.
func findField[T any](name string, f Field[T], in Input) (value T, found bool, err error) {
	if f == nil {
		return value, false, nil
	}
	value, found, err = f(in)
	if err != nil {
		return value, false, approval.InvalidField(name, "%s", err)
	}
	return value, found, nil
}

// runSteps runs the steps until one fails, so that a handler reads its fields as
// a list.
func runSteps(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// readInto returns a step that reads a field into a variable, which keeps its value
// where the input has none.
func readInto[T any](name string, f Field[T], in Input, to *T) func() error {
	return func() error {
		v, found, err := findField(name, f, in)
		if err == nil && found {
			*to = v
		}
		return err
	}
}

// sentAt returns when the message was sent, or now where that is not known.
func (in Input) sentAt(now time.Time) time.Time {
	if t := in.metaTime(metadata.SentAt); !t.IsZero() && t.Before(now) {
		return t
	}
	return now
}

// publishedAt returns when the sender of a message gave it to a topic or a queue,
// whichever was first; zero where that is not known.
func (in Input) publishedAt() time.Time {
	topic, queue := in.metaTime(metadata.SNSSentAt), in.metaTime(metadata.SentAt)
	if queue.IsZero() || (!topic.IsZero() && topic.Before(queue)) {
		return topic
	}
	return queue
}

// metaTime returns the time under a key of the metadata, or zero where it is none, or
// none that a record can be written with.
func (in Input) metaTime(key string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, in.Meta[key])
	if t = t.UTC(); err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// scalarText returns the text of a JSON value that is no object, list or null.
func scalarText(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, x != ""
	case bool:
		return strconv.FormatBool(x), true
	case fmt.Stringer: // json.Number
		return x.String(), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case uint64:
		return strconv.FormatUint(x, 10), true
	}
	return "", false
}
