// Package envelope takes messages out of the wrappers that services, most of them of AWS, put around them on their way:
// envelopes of SNS, events of EventBridge and CloudEvents, requests of API Gateway, records of SQS and of Lambda's
// destinations. It also recognises the pointers that the SQS Extended Client sends in place of a large message.
//
// A wrapper is recognised by members that its service always sends. Its contents are as trustworthy as the whole
// message: whoever may send the message may also send it without a wrapper. The facts of a wrapper, such as the topic,
// are the sender's claims.
package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/approval-relay/approval-relay/metadata"
)

// MaxWrappers is the greatest number of wrappers around a message. EventBridge delivers what a Lambda function's
// destination wrapped, and SNS can wrap that again.
const MaxWrappers = 3

// Content is a message out of a wrapper.
type Content struct {
	Wrapper string // the wrapper's name for people, such as "SNS envelope"
	// Certain is set if the wrapper's form proves that a service wrapped the message. It is not set for an object with a
	// single member, such as {"body": {…}}, which can be the message itself.
	Certain bool
	// IsInput is set for what a function was invoked with. It is not what the function has made of it: a function that
	// checks a message sends its input along with every answer, also with a refusal.
	IsInput bool
	Body    []byte            // JSON or another text
	Meta    map[string]string // the facts of the wrapper, by the keys of package metadata
	Unread  []string          // the names of message attributes that cannot be read
}

// set sets a fact, unless it is empty.
func (c *Content) set(key, value string) {
	if value != "" {
		c.Meta[key] = value
	}
}

// addAttributes adds message attributes: an object of objects, each with its text as the given member.
func (c *Content) addAttributes(o object, member, text string) {
	attributes, ok := o.objectMember(member)
	if !ok || attributes.ambiguous != "" {
		c.Unread = append(c.Unread, member)
		return
	}
	for name, raw := range attributes.members {
		a, err := readObject(raw)
		value, ok := a.stringMember(text)
		if err != nil || !ok || a.ambiguous != "" {
			c.Unread = append(c.Unread, name)
			continue
		}
		c.Meta[metadata.Attribute+name] = value
	}
}

// Open takes one wrapper off a message. It returns the possible contents, the likeliest first, and none for a message
// without a wrapper. It returns an error for a wrapper without a message, and for a wrapper that two readers may read
// differently. Errors contain no value of the message.
func Open(text []byte) ([]Content, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, nil
	}
	switch text[0] {
	case '[':
		return openRecords(text, false)
	case '"':
		return openText(text), nil
	}
	o, err := readObject(text)
	if err != nil {
		return nil, nil // the message's own fault
	}
	if isConfirmation(o) {
		return nil, errors.New("is a SubscriptionConfirmation of an SNS topic, and no message: confirm the subscription of the queue")
	}
	if c, found, err := openSNS(o); found || err != nil {
		return one(c), err
	}
	kinds := []func(object) ([]Content, error){
		openEvent, openCloudEvent, openDestination, openHTTP, openTemplate, openRecordList, openRecord, openSingle,
	}
	for _, open := range kinds {
		contents, err := open(o)
		if err != nil || len(contents) > 0 {
			return contents, err
		}
	}
	return nil, nil
}

// openText opens a message that was written as JSON twice: a text with JSON in it.
func openText(text []byte) []Content {
	var inner string
	if err := json.Unmarshal(text, &inner); err != nil {
		return nil
	}
	return one(Content{Wrapper: "JSON text", Body: []byte(inner)})
}

func one(c Content) []Content { return []Content{c} }

// openEvent opens an event of EventBridge, of its Scheduler and of its pipes. The detail is an object, or JSON in a text.
func openEvent(o object) ([]Content, error) {
	detailType, isText := o.stringMember("detail-type")
	source, ok := o.stringMember("source")
	if !isText || !ok || !o.has("detail") {
		return nil, nil
	}
	if err := o.checkNames("EventBridge event", "detail-type", "source", "detail", "id"); err != nil {
		return nil, err
	}
	c := Content{Wrapper: "EventBridge event", Certain: true, Meta: map[string]string{}}
	c.set(metadata.DetailType, detailType)
	c.set(metadata.EventSource, source)
	id, _ := o.stringMember("id")
	c.set(metadata.EventID, id)
	c.Body, ok = o.textOrObject("detail")
	if !ok {
		return nil, errors.New("EventBridge event: its detail is neither an object nor a text")
	}
	return one(c), nil
}

// openDestination opens the record that Lambda sends to the destination of an asynchronous invocation. After a success
// the message is what the function returned, and otherwise what it was invoked with.
func openDestination(o object) ([]Content, error) {
	run, ok := o.objectMember("requestContext")
	if !ok || !run.has("functionArn", "condition") || !o.has("requestPayload") {
		return nil, nil
	}
	if err := o.checkNames("Lambda destination", "requestContext", "requestPayload", "responsePayload"); err != nil {
		return nil, err
	}
	var contents []Content
	for _, name := range []string{"responsePayload", "requestPayload"} {
		if body, ok := o.textOrObject(name); ok {
			isInput := name == "requestPayload"
			contents = append(contents, Content{Wrapper: "Lambda destination", Certain: true, IsInput: isInput, Body: body})
		}
	}
	if len(contents) == 0 {
		return nil, errors.New("the Lambda destination is empty: neither its responsePayload nor its requestPayload is an object or a text")
	}
	return contents, nil
}

// openHTTP opens a request that API Gateway, a load balancer or a function URL gives to Lambda.
func openHTTP(o object) ([]Content, error) {
	if o.kind("requestContext") != '{' || !o.has("headers") {
		return nil, nil
	}
	if !o.has("httpMethod") && !o.has("routeKey") && !o.has("rawPath") && !o.has("isBase64Encoded") {
		return nil, nil
	}
	if err := o.checkNames("API Gateway request", "body", "isBase64Encoded"); err != nil {
		return nil, err
	}
	text, ok := o.stringMember("body")
	if !ok || text == "" {
		return nil, errors.New("API Gateway request: it has no body")
	}
	c := Content{Wrapper: "API Gateway request", Certain: true, Body: []byte(text)}
	if string(o.members["isBase64Encoded"]) == "true" {
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("API Gateway request: its body is not base64, although isBase64Encoded is true")
		}
		c.Body = body
	}
	return one(c), nil
}

// openTemplate opens what the mapping template "method request passthrough" of API Gateway makes.
func openTemplate(o object) ([]Content, error) {
	if !o.has("body-json", "params") {
		return nil, nil
	}
	if err := o.checkNames("API Gateway template", "body-json"); err != nil {
		return nil, err
	}
	body, ok := o.textOrObject("body-json")
	if !ok {
		return nil, errors.New("API Gateway template: its body-json is neither an object nor a text")
	}
	return one(Content{Wrapper: "API Gateway template", Certain: true, Body: body}), nil
}

// singleNames are the usual names of the only member of an object that stands for its value.
func singleNames() []string {
	return []string{
		"body", "Body", "payload", "Payload", "message", "Message", "messageBody", "MessageBody", "input", "Input",
		"data", "Data", "detail", "Detail", "event", "request", "default",
	}
}

// openSingle opens an object with a single member that has the whole message: an object, or the JSON of one in a text.
func openSingle(o object) ([]Content, error) {
	if len(o.members) != 1 || o.ambiguous != "" {
		return nil, nil
	}
	for _, name := range singleNames() {
		if body, ok := o.textOrObject(name); ok && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
			return one(Content{Wrapper: "member " + name, Body: body}), nil
		}
	}
	return nil, nil
}

// textOrObject returns the value of a member that is a text, or the JSON of one that is an object.
func (o object) textOrObject(name string) ([]byte, bool) {
	switch o.kind(name) {
	case '{':
		return o.members[name], true
	case '"':
		text, ok := o.stringMember(name)
		return []byte(text), ok
	}
	return nil, false
}

// checkNames returns an error if two readers may differ in these members.
func (o object) checkNames(wrapper string, names ...string) error {
	switch {
	case o.ambiguous != "" && containsFolded(names, o.ambiguous):
		return errors.New(wrapper + ": a member is repeated, or in two cases")
	case o.caseVariant(names...) != "":
		return errors.New(wrapper + ": a member is in the wrong case")
	}
	return nil
}

func containsFolded(names []string, name string) bool {
	for _, n := range names {
		if foldCase(n) == foldCase(name) {
			return true
		}
	}
	return false
}

// rawList returns the elements of a JSON list, and false for every other text.
func rawList(text []byte) ([]json.RawMessage, bool) {
	var list []json.RawMessage
	if len(text) == 0 || text[0] != '[' {
		return nil, false
	}
	err := json.Unmarshal(text, &list)
	return list, err == nil
}
