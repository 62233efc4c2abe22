package sns_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

const topic = "arn:aws:sns:eu-west-1:111122223333:approvals"

// server is the operation Publish of SNS. It refuses every request that
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html does not describe for a standard topic.
type server struct {
	url    string
	answer http.HandlerFunc // in place of its own, to what it would have taken

	mu        sync.Mutex
	published []published
	calls     int
}

type published struct {
	message    string
	attributes map[string]string
}

func start(t *testing.T, s *server) *server {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	p, err := read(r)
	switch {
	case err != nil:
		fail(w, http.StatusBadRequest, "InvalidParameter", err.Error())
	case s.answer != nil:
		s.answer(w, r)
	default:
		s.published = append(s.published, p)
		_, _ = fmt.Fprint(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">`+
			`<PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
	}
}

func fail(w http.ResponseWriter, status int, code, message string) {
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(message))
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">`+
		`<Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>req-1</RequestId></ErrorResponse>`, code, text.String())
}

// attributeName is the pattern of https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html.
var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]([A-Za-z0-9_.-]{0,254}[A-Za-z0-9_-])?$`)

func read(r *http.Request) (published, error) {
	p := published{attributes: map[string]string{}}
	if err := r.ParseForm(); err != nil {
		return p, err
	}
	f := r.PostForm
	for n := 1; f.Has(fmt.Sprintf("MessageAttributes.entry.%d.Name", n)); n++ {
		at := fmt.Sprintf("MessageAttributes.entry.%d.", n)
		name, value := f.Get(at+"Name"), f.Get(at+"Value.StringValue")
		if !attributeName.MatchString(name) || f.Get(at+"Value.DataType") != "String" || value == "" ||
			!utf8.ValidString(value) {
			return p, fmt.Errorf("attribute %q: %q", name, value)
		}
		p.attributes[name] = value
		for _, key := range []string{"Name", "Value.DataType", "Value.StringValue"} {
			f.Del(at + key)
		}
	}
	p.message = f.Get("Message")
	size := len(p.message)
	for name, value := range p.attributes { // name, type and value count
		size += len(name) + len("String") + len(value)
	}
	action, arn := f.Get("Action"), f.Get("TopicArn")
	for _, key := range []string{"Action", "Version", "TopicArn", "Message"} {
		f.Del(key)
	}
	switch {
	case action != "Publish" || arn != topic || len(f) > 0:
		return p, fmt.Errorf("%s of %s, with %v", action, arn, f)
	case p.message == "" || !utf8.ValidString(p.message):
		return p, fmt.Errorf("the message is empty, or no UTF-8")
	case size > 262_144: // MaximumMessageSize, where the topic does not say more
		return p, fmt.Errorf("the message is too long: %d bytes", size)
	}
	return p, nil
}
