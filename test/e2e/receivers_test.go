package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// standardSecret is the secret for signatures of notifications and callbacks.
var standardSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("canary-standard-0123456789abcdef"))

var linkForm = regexp.MustCompile(`http://[^\s"<>]+/[as]/[A-Za-z0-9._-]+`)

// mailServer receives mail and keeps the links in it.
type mailServer struct {
	address string
	mu      sync.Mutex
	links   map[string]string // by order ID, then "/" and approver
	seen    map[string]int    // by Message-ID
	faults  []string
	mails   []sentMail
}

// sentMail is a mail as its reader sees it.
type sentMail struct{ to, subject, text string }

func startMailServer(t *testing.T) *mailServer {
	t.Helper()
	m := &mailServer{links: map[string]string{}, seen: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.address = l.Addr().String()
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: m}, nil }))
	s.Domain = "localhost"
	s.ErrorLog = log.New(io.Discard, "", 0) // a SIGKILL cuts connections
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return m
}

type mailSession struct {
	server *mailServer
	to     string
}

func (*mailSession) Reset()                                      {}
func (*mailSession) Logout() error                               { return nil }
func (*mailSession) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

// Data receives a mail. It must have a text part and an HTML part, both with the link.
func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	text, html, head, err := readParts(b)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	link := linkForm.FindString(text)
	switch {
	case err != nil:
		s.server.faults = append(s.server.faults, err.Error())
	case link == "" || !strings.Contains(html, link):
		s.server.faults = append(s.server.faults, "a mail without its link in both parts")
	}
	s.server.seen[head.Get("Message-Id")]++
	subject, _ := new(mime.WordDecoder).DecodeHeader(head.Get("Subject"))
	s.server.mails = append(s.server.mails, sentMail{s.to, subject, text})
	if id := orderForm.FindString(head.Get("Subject")); id != "" {
		s.server.links[id+"/"+s.to] = link
	}
	return nil
}

// waitFor waits for a mail to a person whose subject has a text.
func (m *mailServer) waitFor(t *testing.T, to, subject string) sentMail {
	t.Helper()
	var found sentMail
	if !waitUntil(t, time.Minute, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, sent := range m.mails {
			if sent.to == to && strings.Contains(sent.subject, subject) {
				found = sent
				return true
			}
		}
		return false
	}) {
		m.mu.Lock()
		defer m.mu.Unlock()
		t.Fatalf("no mail %q to %s among %+v", subject, to, m.mails)
	}
	return found
}

// subjectsTo lists the subjects of the mails to a person that have a text.
func (m *mailServer) subjectsTo(to, text string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, sent := range m.mails {
		if sent.to == to && strings.Contains(sent.subject, text) {
			out = append(out, sent.subject)
		}
	}
	return out
}

var orderForm = regexp.MustCompile(`e2e-[0-9]+|p-[a-z]+`)

func readParts(b []byte) (text, html string, head mail.Header, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return "", "", nil, err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return "", "", m.Header, errors.New("not multipart/alternative: " + kind)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		var body io.Reader = p
		switch strings.ToLower(p.Header.Get("Content-Transfer-Encoding")) {
		case "quoted-printable":
			body = quotedprintable.NewReader(p)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, p)
		}
		content, _ := io.ReadAll(body)
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			html = string(content)
		} else {
			text = string(content)
		}
	}
	return text, strings.ReplaceAll(html, "&amp;", "&"), m.Header, nil
}

func (m *mailServer) linkOf(order, approver string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.links[order+"/"+approver]
}

// receiver receives signed webhooks: notifications or callbacks.
type receiver struct {
	url    string
	verify *standardwebhooks.Webhook

	mu       sync.Mutex
	faulty   bool
	bodies   map[string][]map[string]any // effective bodies by order ID
	ids      map[string]int              // number of deliveries by webhook-id
	links    map[string]string           // by order ID, then "/" and approver
	unsigned int
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{bodies: map[string][]map[string]any{}, ids: map[string]int{}, links: map[string]string{}}
	var err error
	if r.verify, err = standardwebhooks.NewWebhook(standardSecret); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL + "/hook"
	return r
}

// ServeHTTP receives a webhook. With faults it refuses some webhooks, and closes the connection after others. A
// repeated webhook-id has no effect.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || r.verify.Verify(b, req.Header) != nil {
		r.unsigned++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	dice := rand.Float64()
	if r.faulty && dice < 0.08 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	id := req.Header.Get("Webhook-Id")
	if r.ids[id]++; r.ids[id] == 1 {
		r.keepBody(b)
	}
	if r.faulty && dice > 0.92 {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	}
}

func (r *receiver) keepBody(b []byte) {
	var body map[string]any
	_ = json.Unmarshal(b, &body) // the tests check the fields that they need
	data := body
	if inner, ok := body["data"].(map[string]any); ok {
		data = inner
	}
	order, _ := data["orderId"].(string)
	r.bodies[order] = append(r.bodies[order], data)
	if link, ok := data["link"].(string); ok {
		approver, _ := data["approver"].(string)
		r.links[order+"/"+approver] = link
	}
}

func (r *receiver) linkOf(order, approver string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links[order+"/"+approver]
}

func (r *receiver) bodiesOf(order string) []map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]map[string]any(nil), r.bodies[order]...)
}
