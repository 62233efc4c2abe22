package sqstarget_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// server is the SQS of an account with some queues. It accepts the messages that SQS accepts by its documentation, and
// refuses any other: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html.
type server struct {
	url    string
	answer http.HandlerFunc // in place of the answer to a valid SendMessage

	mu       sync.Mutex
	messages map[string][]message // by queue name
	calls    map[string]int       // by action
}

// message is a message in a queue.
type message struct {
	body       string
	attributes map[string]string
	group      string
	dedupe     string
}

// startSQS runs an SQS with queues of these names, until the test ends.
func startSQS(t testing.TB, queues ...string) *server {
	t.Helper()
	s := &server{messages: map[string][]message{}, calls: map[string]int{}}
	for _, name := range queues {
		s.messages[name] = nil
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

// queueURL returns the URL of a queue.
func (s *server) queueURL(name string) string { return s.url + "/111122223333/" + name }

// messagesIn returns the messages of a queue.
func (s *server) messagesIn(name string) []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]message(nil), s.messages[name]...)
}

// input has the fields of both actions.
type input struct {
	QueueName         string `json:"QueueName"`
	QueueURL          string `json:"QueueUrl"`
	MessageBody       string `json:"MessageBody"`
	MessageAttributes map[string]struct {
		DataType    string `json:"DataType"`
		StringValue string `json:"StringValue"`
	} `json:"MessageAttributes"`
	MessageGroupID         string `json:"MessageGroupId"`
	MessageDeduplicationID string `json:"MessageDeduplicationId"`
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	s.calls[action]++
	raw, err := io.ReadAll(r.Body)
	var in input
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err != nil || !utf8.Valid(raw) || d.Decode(&in) != nil {
		writeError(w, http.StatusBadRequest, "SerializationException", "", "no such request")
		return
	}
	switch action {
	case "GetQueueUrl":
		s.getQueueURL(w, in)
	case "SendMessage":
		s.sendMessage(w, r, in)
	default:
		writeError(w, http.StatusBadRequest, "UnknownOperationException", "", action)
	}
}

func (s *server) getQueueURL(w http.ResponseWriter, in input) {
	if _, exists := s.messages[in.QueueName]; !exists {
		writeNoQueue(w)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"QueueUrl": s.queueURL(in.QueueName)})
}

func (s *server) sendMessage(w http.ResponseWriter, r *http.Request, in input) {
	name := in.QueueURL[strings.LastIndex(in.QueueURL, "/")+1:]
	before, exists := s.messages[name]
	if !exists || in.QueueURL != s.queueURL(name) {
		writeNoQueue(w)
		return
	}
	m, code, fault := in.toMessage(strings.HasSuffix(name, ".fifo"))
	switch {
	case code != "":
		writeError(w, http.StatusBadRequest, code, "", fault)
		return
	case s.answer != nil:
		s.answer(w, r)
		return
	}
	duplicate := false
	for _, other := range before { // within five minutes
		duplicate = duplicate || m.dedupe != "" && other.dedupe == m.dedupe
	}
	if !duplicate {
		s.messages[name] = append(before, m)
	}
	sum := md5.Sum([]byte(m.body))
	_ = json.NewEncoder(w).Encode(map[string]string{"MessageId": "1", "MD5OfMessageBody": hex.EncodeToString(sum[:])})
}

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]([A-Za-z0-9_.-]{0,254}[A-Za-z0-9_-])?$`)
	idForm        = regexp.MustCompile(`^[!-~]{1,128}$`) // of a message group, and for deduplication
)

// toMessage returns the message of a request, or the code and text of the error if SQS refuses it.
func (in input) toMessage(fifo bool) (m message, code, fault string) {
	m = message{
		body:       in.MessageBody,
		attributes: map[string]string{},
		group:      in.MessageGroupID,
		dedupe:     in.MessageDeduplicationID,
	}
	size, texts := len(m.body), []string{m.body}
	for name, a := range in.MessageAttributes {
		if !attributeName.MatchString(name) || a.DataType != "String" || a.StringValue == "" {
			return m, "InvalidParameterValue", "attribute " + name
		}
		m.attributes[name] = a.StringValue
		size += len(name) + len(a.DataType) + len(a.StringValue)
		texts = append(texts, a.StringValue)
	}
	switch {
	case m.body == "":
		return m, "MissingParameter", "The request must contain the parameter MessageBody."
	case size > 262_144: // the default of MaximumMessageSize
		return m, "InvalidParameterValue", fmt.Sprintf("Message must be shorter than 262144 bytes, and has %d.", size)
	case len(m.attributes) > 10:
		return m, "InvalidParameterValue", "attributes"
	case strings.ContainsFunc(strings.Join(texts, ""), isRefused):
		return m, "InvalidMessageContents", "Invalid characters found"
	case fifo && (m.group == "" || m.dedupe == ""):
		return m, "MissingParameter", "MessageGroupId or MessageDeduplicationId"
	case !fifo && m.dedupe != "":
		return m, "InvalidParameterValue", "MessageDeduplicationId is not valid for this queue type"
	case m.group != "" && !idForm.MatchString(m.group) || m.dedupe != "" && !idForm.MatchString(m.dedupe):
		return m, "InvalidParameterValue", "MessageGroupId or MessageDeduplicationId"
	}
	return m, "", ""
}

// isRefused reports whether SQS refuses a message with this character.
func isRefused(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

func writeNoQueue(w http.ResponseWriter) {
	writeError(w, http.StatusBadRequest, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
		"The specified queue does not exist.")
}

// writeError writes an error. The SDK prefers the code of the older protocol, if the answer has it.
func writeError(w http.ResponseWriter, status int, code, olderCode, text string) {
	if olderCode != "" {
		w.Header().Set("X-Amzn-Query-Error", olderCode+";Sender")
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": text})
}
