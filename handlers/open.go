package handlers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/metadata"
)

// LoadMessage returns the message that a pointer stands for. Its error is permanent if the message can never be had.
type LoadMessage func(ctx context.Context, p envelope.Pointer) ([]byte, error)

// opener reads the input of a message. A message that does not have the required fields itself is taken out of its
// wrappers. So expressions that name places within a wrapper keep their meaning.
type opener struct {
	decode Decode
	// isWhole reports whether the input has the required fields.
	isWhole func(Input) bool
	// load reads messages from S3. If it is nil, a pointer to one is refused.
	load LoadMessage
	// takesText accepts a message of the queue that is a text and not JSON, if its attributes have the required fields.
	takesText bool
	// onlyCertain leaves members of a message closed that only look like a wrapper, and the input of a Lambda function whose
	// answer is in the same message. A sender of decisions may put the texts of other people into them, and such a text must
	// not become a decision.
	onlyCertain bool
	// hasToken reports whether an input has a token. A message with a token is the request itself, even if its order is not
	// found: its single member is data that the state machine sends along, which must not name approvers. Nil means that
	// messages have no tokens.
	hasToken func(Input) bool
	// keepsWrappers leaves the message as it is.
	keepsWrappers bool
}

// open returns the input that a message contains.
func (o opener) open(msg *message.Message) (Input, error) {
	in, err := newInput(msg)
	if err != nil {
		return in, err
	}
	format := body.Format(msg.Metadata.Get(metadata.BodyFormat))
	found, err := o.openBody(msg.Context(), in, format, msg.Payload, 0)
	return found.Input, err
}

// opened is an input, and whether it has the required fields.
type opened struct {
	Input
	isWhole bool
}

// openBody returns the input of a body. If no content of its wrappers has the required fields, it returns the
// innermost message that a service has wrapped.
func (o opener) openBody(ctx context.Context, in Input, format body.Format, b []byte, wrappers int) (opened, error) {
	decoded, err := decodeBody(in, format, b, o.decode)
	if err == nil && o.isWhole(decoded) {
		return opened{decoded, true}, nil
	}
	text, isText := plainText(format, b)
	if !isText {
		return opened{decoded, false}, err
	}
	if p, ok := envelope.ReadPointer(text, in.attribute); ok && (o.load != nil || !o.keepsWrappers) {
		return o.follow(ctx, in, p, wrappers)
	}
	if o.keepsWrappers {
		return opened{decoded, false}, err
	}
	contents, openErr := envelope.Open(text)
	contents = slices.DeleteFunc(contents, func(c envelope.Content) bool { return o.isData(c, decoded, err) })
	switch {
	case openErr != nil:
		return opened{}, approval.InvalidField("body", "%s", openErr)
	case len(contents) == 0 && err != nil:
		return o.readText(in, text, err)
	case len(contents) > 0 && contents[0].Certain && wrappers == envelope.MaxWrappers:
		return opened{}, approval.InvalidField("body",
			"is in more than %d wrappers: %s", envelope.MaxWrappers, in.Meta[metadata.Wrappers])
	case wrappers == envelope.MaxWrappers:
		contents = nil
	}
	return o.openContents(ctx, opened{Input: decoded}, err, contents, wrappers)
}

// isData reports whether a content is data of others within a message, and not the message. The error is that of decoding
// the message.
func (o opener) isData(c envelope.Content, message Input, err error) bool {
	switch {
	case o.onlyCertain:
		return !c.Certain || c.IsInput
	case c.Certain || o.hasToken == nil || err != nil:
		return false
	}
	return o.hasToken(message)
}

// plainText returns the text of a body that is read as JSON, and false for a form.
func plainText(format body.Format, b []byte) ([]byte, bool) {
	if format == body.Form || format == body.Multipart {
		return nil, false
	}
	text, _, err := body.Text(b)
	return text, err == nil
}

// openContents returns the first content with the required fields, or else the outer message or the likeliest content.
func (o opener) openContents(
	ctx context.Context, outer opened, outerErr error, contents []envelope.Content, wrappers int,
) (opened, error) {
	result, resultErr := outer, outerErr
	for i, c := range contents {
		inner, err := o.openBody(ctx, outer.within(c), body.JSON, c.Body, wrappers+1)
		if err != nil && !approval.IsPermanent(err) {
			return inner, err
		}
		if inner.isWhole {
			return inner, nil
		}
		if i == 0 && c.Certain {
			result, resultErr = inner, err
		}
	}
	return result, resultErr
}

// follow returns the input of the message in S3 that a pointer stands for.
func (o opener) follow(ctx context.Context, in Input, p envelope.Pointer, wrappers int) (opened, error) {
	if o.load == nil {
		return opened{}, approval.InvalidField("body", "is a pointer of the SQS Extended Client to a message in S3; "+
			"it is read if requests.sqs.s3_payloads names its bucket")
	}
	if wrappers >= envelope.MaxWrappers {
		return opened{}, approval.InvalidField("body", "is a pointer to another pointer, or in too many wrappers")
	}
	text, err := o.load(ctx, p)
	if err != nil {
		return opened{}, err
	}
	in.Meta = maps.Clone(in.Meta)
	delete(in.Meta, metadata.Attribute+envelope.PointerAttribute)
	return o.openBody(ctx, in.inWrapper("S3 object"), body.JSON, text, wrappers+1)
}

// readText returns the input of a message that is a text and not JSON: all its fields are in message attributes. The
// error is that of reading it as JSON.
func (o opener) readText(in Input, text []byte, err error) (opened, error) {
	attributes := in.attributeNames()
	trimmed := strings.TrimSpace(string(text))
	isText := trimmed != "" && utf8.ValidString(trimmed) && !strings.ContainsRune(`{["`, rune(trimmed[0]))
	if !o.takesText || len(attributes) == 0 || !isText {
		return opened{}, err
	}
	in.Body = trimmed
	if o.isWhole(in) {
		return opened{in, true}, nil
	}
	return opened{}, approval.InvalidField("body", "is a text and not JSON: then its order and its token must be in message "+
		"attributes, such as orderId and TaskToken; it has the attributes %s", listNames(attributes))
}

// within returns an input without a body, with the facts of a wrapper. They do not replace those of the way in.
func (in Input) within(c envelope.Content) Input {
	inner := in.inWrapper(c.Wrapper)
	for key, value := range c.Meta {
		setMissing(inner.Meta, key, value)
	}
	setMissing(inner.Meta, metadata.AttributeFault, strings.Join(slices.Sorted(slices.Values(c.Unread)), ", "))
	return inner
}

func (in Input) inWrapper(name string) Input {
	meta := maps.Clone(in.Meta)
	if before := meta[metadata.Wrappers]; before != "" {
		name = before + ", " + name
	}
	meta[metadata.Wrappers] = name
	return Input{Headers: in.Headers, Meta: meta, notes: in.notes}
}

// setMissing sets a key that has no value, unless the value is empty.
func setMissing(meta map[string]string, key, value string) {
	if meta[key] == "" && value != "" {
		meta[key] = value
	}
}

// attribute returns the text of a message attribute.
func (in Input) attribute(name string) string { return in.Meta[metadata.Attribute+name] }

// ownAttributes begins the names of the attributes that we add to a message in a dead letter queue. A redrive leaves them
// on the message.
const ownAttributes = "ApprovalRelay"

// attributeNames returns the sorted names of the message attributes.
func (in Input) attributeNames() []string {
	var names []string
	for _, key := range sortedKeys(in.Meta) {
		name, ok := strings.CutPrefix(key, metadata.Attribute)
		if ok && !strings.HasPrefix(name, ownAttributes) {
			names = append(names, name)
		}
	}
	return names
}

// hasField reports whether an input has a field, readable or not.
func hasField[T any](f Field[T], in Input) bool {
	if f.Find == nil {
		return false
	}
	_, found, err := f.Find(in)
	return found || err != nil
}
