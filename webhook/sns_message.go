package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
)

// parseMembers reads the members of a message that are texts. A name that comes twice, or in two spellings, is
// refused, because JSON libraries differ in the value that they choose.
func parseMembers(body []byte) (map[string]string, error) {
	malformed := refuse(refusal.Malformed, "body", "the body is not an SNS message: a JSON object that has each member once")
	in := json.NewDecoder(bytes.NewReader(body))
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return nil, malformed
	}
	members := map[string]string{}
	lowerNames := map[string]bool{}
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return nil, malformed
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := in.Decode(&value); err != nil || lowerNames[strings.ToLower(name)] {
			return nil, malformed
		}
		lowerNames[strings.ToLower(name)] = true
		var text string
		if json.Unmarshal(value, &text) == nil { // MessageAttributes is an object, and is not signed
			members[name] = text
		}
	}
	if _, err := in.Token(); err != nil {
		return nil, malformed
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed
	}
	for name := range members {
		if isMisspelt(name) {
			return nil, malformed
		}
	}
	return members, nil
}

// isMisspelt reports whether a name differs from the name of a known member in case only.
func isMisspelt(name string) bool {
	known := slices.Concat(
		signedMembers[SNSNotification],
		signedMembers[SNSConfirmation],
		[]string{"Signature", "SignatureVersion", "SigningCertURL"},
	)
	return slices.ContainsFunc(known, func(k string) bool { return name != k && strings.EqualFold(name, k) })
}

// signedMembers lists the signed members of each type of message, in the order of the signed text. Subject is
// optional.
var signedMembers = map[string][]string{
	SNSNotification: {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"},
	SNSConfirmation: {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
	SNSUnsubscribed: {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
}

// signedText returns the text that SNS has signed.
func signedText(members map[string]string) ([]byte, error) {
	names, known := signedMembers[members["Type"]]
	if !known {
		return nil, refuse(refusal.Malformed, "Type", "the member Type of the message is unknown")
	}
	var b bytes.Buffer
	for _, name := range names {
		value, found := members[name]
		if !found && name == "Subject" {
			continue
		}
		if !found {
			return nil, refuse(refusal.Missing, name, "the member %s of the message is missing", name)
		}
		b.WriteString(name + "\n" + value + "\n")
	}
	return b.Bytes(), nil
}
