// Package sestest is the operation SendEmail of Amazon SES for tests. It accepts the requests that SES accepts by its API
// reference (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html), as far as the channel uses them,
// and refuses any other. Tracking is enabled in its account: unless a message disables it, its links are rewritten and an
// image is added.
package sestest

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Server is the server.
type Server struct {
	URL string
	// Answer responds to valid requests in place of the server, if it is not nil.
	Answer http.HandlerFunc

	mu     sync.Mutex
	emails []Email
	calls  int
}

// Email is an e-mail as its reader gets it.
type Email struct {
	From             string
	To               string
	ReplyTo          string
	Subject          string
	Plain            string
	HTML             string
	Headers          map[string]string
	ConfigurationSet string
}

// StartServer runs a server until the test ends.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Emails returns the accepted e-mails.
func (s *Server) Emails() []Email {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.emails)
}

// CountCalls returns the number of requests.
func (s *Server) CountCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	w.Header().Set("X-Amzn-Requestid", "req-1")
	isSigned := strings.Contains(r.Header.Get("Authorization"), "/ses/aws4_request")
	if r.Method != http.MethodPost || r.URL.Path != "/v2/email/outbound-emails" || !isSigned {
		WriteError(w, http.StatusForbidden, "MissingAuthenticationTokenException", "no such call, or not signed for ses")
		return
	}
	var in sendEmail
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := errors.Join(d.Decode(&in), in.validateRequest()); err != nil {
		WriteError(w, http.StatusBadRequest, "BadRequestException", err.Error())
		return
	}
	if s.Answer != nil {
		s.Answer(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emails = append(s.emails, in.deliverEmail())
	_, _ = fmt.Fprintf(w, `{"MessageId": "%d"}`, len(s.emails))
}

// WriteError responds with an error as SES does.
func WriteError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

type content struct {
	Data    string
	Charset string
}

// sendEmail is the request, with the fields that the channel uses.
type sendEmail struct {
	FromEmailAddress     string
	ConfigurationSetName *string
	ReplyToAddresses     []string
	Destination          struct{ ToAddresses []string }
	Content              struct {
		Simple *struct {
			Subject content
			Body    struct {
				Text content
				HTML content `json:"Html"`
			}
			Headers []struct{ Name, Value string }
		}
	}
	ConfigurationOverrides struct {
		Tracking struct{ ClickTrackingEnabled, OpenTrackingEnabled string }
	}
}

// The patterns are of API_MessageHeader and API_SendEmail.
var (
	headerName  = regexp.MustCompile(`^[!-9;-@A-~]{1,126}$`)
	headerValue = regexp.MustCompile(`^[ -~]{1,870}$`)
	setName     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	ascii       = regexp.MustCompile(`^[ -~]+$`)
)

// validateRequest returns an error if SES would refuse the request.
func (in *sendEmail) validateRequest() error {
	simple := in.Content.Simple
	switch {
	case simple == nil:
		return errors.New("no content")
	case !ascii.MatchString(simple.Subject.Data): // API_Message
		return fmt.Errorf("the subject is not 7-bit ASCII: %q", simple.Subject.Data)
	case simple.Body.Text.Data == "" || simple.Body.HTML.Data == "":
		return errors.New("the body lacks a part")
	case simple.Body.Text.Charset != "UTF-8" || simple.Body.HTML.Charset != "UTF-8":
		return errors.New("the characters of the body are not UTF-8")
	case len(in.Destination.ToAddresses) != 1: // up to 50; we send to one
		return errors.New("not to one address")
	case in.ConfigurationSetName != nil && !setName.MatchString(*in.ConfigurationSetName):
		return errors.New("no name of a configuration set")
	case !isFeatureStatus(in.ConfigurationOverrides.Tracking.ClickTrackingEnabled),
		!isFeatureStatus(in.ConfigurationOverrides.Tracking.OpenTrackingEnabled):
		return errors.New("no such status of a feature")
	}
	seen := map[string]bool{}
	for _, h := range simple.Headers {
		// https://docs.aws.amazon.com/ses/latest/dg/header-fields.html: not more than once
		if !headerName.MatchString(h.Name) || !headerValue.MatchString(h.Value) || seen[h.Name] {
			return fmt.Errorf("header %q: %q", h.Name, h.Value)
		}
		seen[h.Name] = true
	}
	for _, a := range append(in.ReplyToAddresses, in.FromEmailAddress, in.Destination.ToAddresses[0]) {
		// The local part must be 7-bit ASCII, the rest in encoded words or Punycode (API_Destination).
		if _, err := mail.ParseAddress(a); err != nil || !ascii.MatchString(a) {
			return fmt.Errorf("no address: %q", a)
		}
	}
	return nil
}

func isFeatureStatus(status string) bool {
	return status == "" || status == "ENABLED" || status == "DISABLED"
}

var (
	anchor  = regexp.MustCompile(`(?i)<a\s[^>]*href="([^"]*)"[^>]*>`)
	address = regexp.MustCompile(`https?://[^\s"<>]+`)
)

// deliverEmail returns the e-mail as its reader gets it.
func (in *sendEmail) deliverEmail() Email {
	simple := in.Content.Simple
	subject, err := new(mime.WordDecoder).DecodeHeader(simple.Subject.Data)
	if err != nil {
		subject = err.Error()
	}
	e := Email{
		From:    in.FromEmailAddress,
		To:      in.Destination.ToAddresses[0],
		ReplyTo: strings.Join(in.ReplyToAddresses, ", "),
		Subject: subject,
		Plain:   simple.Body.Text.Data,
		HTML:    simple.Body.HTML.Data,
		Headers: map[string]string{},
	}
	if in.ConfigurationSetName != nil {
		e.ConfigurationSet = *in.ConfigurationSetName
	}
	for _, h := range simple.Headers {
		e.Headers[h.Name] = h.Value
	}
	if in.ConfigurationOverrides.Tracking.ClickTrackingEnabled != "DISABLED" {
		e.Plain = address.ReplaceAllString(e.Plain, "https://tracker.invalid/")
		e.HTML = anchor.ReplaceAllStringFunc(e.HTML, func(tag string) string {
			if strings.Contains(tag, " ses:no-track") {
				return tag
			}
			return `<a href="https://tracker.invalid/">`
		})
	}
	if in.ConfigurationOverrides.Tracking.OpenTrackingEnabled != "DISABLED" {
		e.HTML += `<img src="https://tracker.invalid/pixel">`
	}
	return e
}
