package sandbox

import (
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

// mailServer is a mail server that keeps every message.
type mailServer struct {
	*smtp.Server
	address string

	mu       sync.Mutex
	messages []Message
}

func startMailServer() (*mailServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mailServer{address: l.Addr().String()}
	newSession := func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: m}, nil }
	m.Server = smtp.NewServer(smtp.BackendFunc(newSession))
	m.Domain = "localhost"
	m.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = m.Serve(l) }() // returns after Close
	return m, nil
}

// mailSession is a connection to the mail server.
type mailSession struct {
	server *mailServer
	to     string
}

// Reset implements smtp.Session.
func (*mailSession) Reset() {}

// Logout implements smtp.Session.
func (*mailSession) Logout() error { return nil }

// Mail implements smtp.Session.
func (*mailSession) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt implements smtp.Session.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

// Data implements smtp.Session. The text part comes first in the relay's mails.
func (s *mailSession) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	plain, _, _ := strings.Cut(string(text), "text/html")
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.messages = append(s.server.messages, Message{
		System: "mail",
		To:     s.to,
		Title:  subject,
		Text:   plain,
		Link:   linkForm.FindString(plain),
	})
	return nil
}
