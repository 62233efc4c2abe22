package emulator

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of SQS, from
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const (
	maxMessage           = 1 << 20 // bytes, of a message and of a batch
	maxAttributes        = 10
	maxInFlight          = 120_000
	maxVisibilitySeconds = 43_200
	maxDelaySeconds      = 900
	maxWaitSeconds       = 20
	maxBatch             = 10
)

var (
	queueName     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)
	dataType      = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
)

// checkRange returns an error if a number is present and out of its bounds.
func checkRange(field string, n *int, low, high int) error {
	if n != nil && (*n < low || *n > high) {
		return newAPIError("InvalidParameterValue",
			"Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *n, field, low, high)
	}
	return nil
}

func (in request) checkReceive() error {
	if err := checkRange("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, maxBatch); err != nil {
		return err
	}
	if err := checkRange("WaitTimeSeconds", in.WaitTimeSeconds, 0, maxWaitSeconds); err != nil {
		return err
	}
	return checkRange("VisibilityTimeout", in.VisibilityTimeout, 0, maxVisibilitySeconds)
}

// traceHeader is the only system attribute that a sender may set. It does not count towards the limits of a message.
const traceHeader = "AWSTraceHeader"

// validate returns an error if the message cannot be sent.
func (e entry) validate() error {
	if err := checkRange("DelaySeconds", e.DelaySeconds, 0, maxDelaySeconds); err != nil {
		return err
	}
	if n := e.sizeInBytes(); n > maxMessage {
		return newAPIError("InvalidParameterValue",
			"One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxMessage)
	}
	if e.MessageBody == "" {
		return newAPIError("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if len(e.MessageAttributes) > maxAttributes {
		return newAPIError("InvalidParameterValue",
			"Number of message attributes [%d] exceeds the allowed maximum [%d].", len(e.MessageAttributes), maxAttributes)
	}
	for name, a := range e.MessageSystemAttributes {
		if name != traceHeader || a.DataType != "String" || a.StringValue == "" {
			return newAPIError("InvalidParameterValue",
				"The message system attribute '%s' has an invalid name, type or value.", name)
		}
	}
	texts := []string{e.MessageBody}
	for name, a := range e.MessageAttributes {
		binary := strings.HasPrefix(a.DataType, "Binary")
		validValue := binary == (a.StringValue == "") && binary == (len(a.BinaryValue) > 0)
		if !attributeName.MatchString(name) || !dataType.MatchString(a.DataType) || !validValue {
			return newAPIError("InvalidParameterValue", "The message attribute '%s' has an invalid name, type or value.", name)
		}
		texts = append(texts, a.StringValue)
	}
	if slices.ContainsFunc(texts, func(s string) bool { return strings.ContainsFunc(s, isForbidden) }) {
		return newAPIError("com.amazonaws.sqs#InvalidMessageContents",
			"Invalid characters found. Valid unicode characters are "+
				"#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	return nil
}

// isForbidden reports whether SQS refuses messages with this character.
func isForbidden(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || !utf8.ValidRune(r)
}

// sizeInBytes returns the size that counts towards the limit: the body, and the attributes with their names and types.
func (e entry) sizeInBytes() int {
	n := len(e.MessageBody)
	for name, a := range e.MessageAttributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

func batchSize(entries []entry) (n int) {
	for _, e := range entries {
		n += e.sizeInBytes()
	}
	return n
}

// checkBatch returns an error if the whole batch must be refused.
func checkBatch(entries []entry) error {
	switch {
	case len(entries) == 0:
		return newAPIError("com.amazonaws.sqs#EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(entries) > maxBatch:
		return newAPIError("com.amazonaws.sqs#TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(entries))
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if !queueName.MatchString(e.ID) { // IDs have the form of queue names
			return newAPIError("com.amazonaws.sqs#InvalidBatchEntryId", "A batch entry id can only contain alphanumeric "+
				"characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[e.ID] {
			return newAPIError("com.amazonaws.sqs#BatchEntryIdsNotDistinct", "Id %s repeated.", e.ID)
		}
		seen[e.ID] = true
	}
	return nil
}

// numericAttributes lists the attributes of queues that are numbers, with their bounds.
var numericAttributes = map[string][2]int{
	"VisibilityTimeout":             {0, maxVisibilitySeconds},
	"DelaySeconds":                  {0, maxDelaySeconds},
	"ReceiveMessageWaitTimeSeconds": {0, maxWaitSeconds},
	"MessageRetentionPeriod":        {60, 1_209_600},
	"MaximumMessageSize":            {1024, maxMessage},
}

// setAttributes sets all given attributes of a queue, or returns an error and leaves the queue unchanged. The caller
// holds the lock.
func (s *SQS) setAttributes(q *queue, attributes map[string]string) error {
	for k, v := range attributes {
		bounds, number := numericAttributes[k]
		n, err := strconv.Atoi(v)
		switch {
		case number && (err != nil || n < bounds[0] || n > bounds[1]):
			return newAPIError("com.amazonaws.sqs#InvalidAttributeValue", "Invalid value for the parameter %s.", k)
		case !number && k != "Policy" && k != "RedrivePolicy":
			return newAPIError("com.amazonaws.sqs#InvalidAttributeName", "Unknown Attribute %s.", k)
		}
	}
	if text, ok := attributes["RedrivePolicy"]; ok {
		if err := s.setRedrivePolicy(q, text); err != nil {
			return err
		}
	}
	maps.Copy(q.attributes, attributes)
	return nil
}

// setRedrivePolicy sets the dead letter queue for messages that were received too often. An empty policy removes it.
func (s *SQS) setRedrivePolicy(q *queue, text string) error {
	if text == "" {
		q.deadLetters = nil
		return nil
	}
	var policy struct {
		Target string      `json:"deadLetterTargetArn"`
		Max    json.Number `json:"maxReceiveCount"` // AWS accepts 3 and "3"
	}
	err := json.Unmarshal([]byte(text), &policy)
	n, errMax := policy.Max.Int64()
	dead := s.queues[policy.Target[strings.LastIndex(policy.Target, ":")+1:]]
	validMax := err == nil && errMax == nil && n >= 1 && n <= 1000
	if !validMax || dead == nil || dead == q || queueARN(dead.name) != policy.Target {
		return newAPIError("InvalidParameterValue", "Value %s for parameter RedrivePolicy is invalid. "+
			"Reason: no such dead letter queue, or maxReceiveCount is not 1 to 1000.", text)
	}
	q.deadLetters = dead
	q.maxReceives = int(n)
	return nil
}

// queryCodes maps error codes to the codes of the older query protocol if they differ; an empty value adds only a
// prefix. SQS sends the older code in a header that the SDK prefers.
var queryCodes = map[string]string{
	"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":              "QueueAlreadyExists",
	"EmptyBatchRequest":            "",
	"TooManyEntriesInBatchRequest": "",
	"BatchEntryIdsNotDistinct":     "",
	"BatchRequestTooLong":          "",
	"InvalidBatchEntryId":          "",
	"MessageNotInflight":           "",
}

// queryCode returns the code of an error in the query protocol.
func queryCode(code string) string {
	code = code[strings.LastIndex(code, "#")+1:]
	old, differs := queryCodes[code]
	switch {
	case !differs:
		return code
	case old == "":
		return "AWS.SimpleQueueService." + code
	}
	return old
}
