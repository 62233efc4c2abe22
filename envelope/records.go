package envelope

import (
	"errors"

	"github.com/approval-relay/approval-relay/metadata"
)

// errManyRecords is the error of a list of records. A message is handled as a whole, and two requests in it could end
// differently.
var errManyRecords = errors.New("has a list of several records: send each of them as a message of its own")

// openRecordList opens the event that SQS or SNS gives to Lambda: {"Records": […]}.
func openRecordList(o object) ([]Content, error) {
	if len(o.members) != 1 || o.kind("Records") != '[' {
		return nil, nil
	}
	return openRecords(o.members["Records"], true)
}

// openRecords opens a list with a single record of SQS or SNS. EventBridge's pipes send such a list without an object
// around it.
func openRecords(text []byte, named bool) ([]Content, error) {
	list, ok := rawList(text)
	if !ok || len(list) == 0 {
		return nil, nil
	}
	first, err := readObject(list[0])
	if err != nil {
		return nil, nil
	}
	contents, err := openRecord(first)
	switch {
	case err != nil || len(contents) == 0:
		return nil, err
	case len(list) > 1:
		return nil, errManyRecords
	case !named && contents[0].Wrapper == snsRecord: // no service sends a bare list of these
		return nil, nil
	}
	return contents, nil
}

// Names of records for people.
const (
	sqsRecord = "SQS record"
	snsRecord = "SNS record"
)

// openRecord opens a record of SQS or SNS.
func openRecord(o object) ([]Content, error) {
	if notification, ok := o.objectMember("Sns"); ok && o.has("EventSource") {
		c, found, err := openSNS(notification)
		if err != nil || !found {
			return nil, err
		}
		c.Wrapper = snsRecord
		return one(c), nil
	}
	source, _ := o.stringMember("eventSource")
	if source != "aws:sqs" || !o.has("messageId", "body") {
		return nil, nil
	}
	if err := o.checkNames(sqsRecord, "body", "eventSource", "messageAttributes"); err != nil {
		return nil, err
	}
	text, ok := o.stringMember("body")
	if !ok {
		return nil, errors.New(sqsRecord + ": its body is not a text")
	}
	c := Content{Wrapper: sqsRecord, Certain: true, Body: []byte(text), Meta: map[string]string{}}
	c.set(metadata.EventSource, source)
	if o.has("messageAttributes") {
		c.addAttributes(o, "messageAttributes", "stringValue")
	}
	return one(c), nil
}
