package smtp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/smtp"
	"github.com/approval-relay/approval-relay/secret"
)

// refusal returns the refusal of a server that repeats the password.
func refusal(code, class, subject, detail int) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{class, subject, detail},
		Message: "no: " + password}
}

func TestRefusals(t *testing.T) {
	linkEcho := &gosmtp.SMTPError{Code: 554, EnhancedCode: gosmtp.EnhancedCode{5, 7, 1},
		Message: "bad URL " + notifytest.Link}
	for name, c := range map[string]struct {
		server *server
		kind   approval.ResultKind
		says   string
	}{
		"sender, for now":         {&server{mail: refusal(451, 4, 3, 0)}, approval.ResultFailed, "451"},
		"sender":                  {&server{mail: refusal(550, 5, 1, 8)}, approval.ResultFailed, "550"},
		"recipient, for now":      {&server{rcpt: refusal(450, 4, 2, 0)}, approval.ResultFailed, "450"},
		"recipient":               {&server{rcpt: refusal(550, 5, 1, 1)}, approval.ResultRefused, "550"},
		"relaying denied":         {&server{rcpt: refusal(554, 5, 7, 1)}, approval.ResultFailed, "554"},
		"not signed in":           {&server{rcpt: refusal(530, 5, 5, 1)}, approval.ResultFailed, "530"},
		"content, for now":        {&server{data: refusal(452, 4, 3, 1)}, approval.ResultFailed, "452"},
		"content":                 {&server{data: refusal(552, 5, 3, 4)}, approval.ResultRefused, "552 5.3.4"},
		"content, with its link":  {&server{data: linkEcho}, approval.ResultRefused, "554 5.7.1"},
		"sign-in":                 {&server{auth: refusal(535, 5, 7, 8)}, approval.ResultFailed, "535"},
		"sign-in, for now":        {&server{auth: refusal(454, 4, 7, 0)}, approval.ResultFailed, "454"},
		"connection cut in DATA":  {&server{hang: "cut"}, approval.ResultFailed, "connection"},
		"hello hangs":             {&server{hang: "hello"}, approval.ResultFailed, "no answer in time"},
		"sign-in hangs":           {&server{hang: "auth"}, approval.ResultFailed, "no answer in time"},
		"MAIL hangs":              {&server{hang: "mail"}, approval.ResultFailed, "no answer in time"},
		"RCPT hangs":              {&server{hang: "rcpt"}, approval.ResultFailed, "no answer in time"},
		"answer to content hangs": {&server{hang: "data"}, approval.ResultFailed, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.server, true, false)
			conf := config(s, smtp.StartTLS)
			conf.Username, conf.Password = "relay", secret.New(password)
			conf.Timeout = time.Minute
			err := notifytest.NoLeaks(t, untilHang{open(t, conf), s.hung}, password)
			r := approval.ResultOf(err)
			if r.Kind != c.kind || !strings.Contains(r.Reason, c.says) || len(s.got()) != 0 {
				t.Errorf("%+v, server got %d", r, len(s.got()))
			}
			content := c.server.hang == "cut" || c.server.hang == "data"
			if r.Kind == approval.ResultFailed && r.MaybeApplied != content {
				t.Errorf("may have been sent: %v", r.MaybeApplied)
			}
			if hangs := strings.HasSuffix(name, "hangs"); errors.Is(err, context.DeadlineExceeded) != hangs {
				t.Errorf("the time was over: %v", !hangs)
			}
		})
	}
}

// untilHang is a channel whose attempts time out when the server hangs, so that the test does not depend on durations.
type untilHang struct {
	notify.Channel
	hung <-chan struct{}
}

// Notify implements notify.Channel.
func (u untilHang) Notify(ctx context.Context, m approval.Message) error {
	return u.Channel.Notify(timedOut{ctx, u.hung}, m)
}

// timedOut is a context whose deadline passes when done is closed.
type timedOut struct {
	context.Context //nolint:containedctx // it is one
	done            <-chan struct{}
}

// Done implements context.Context.
func (o timedOut) Done() <-chan struct{} { return o.done }

// Err implements context.Context.
func (o timedOut) Err() error {
	select {
	case <-o.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// A silent server ends in a timeout, and not in a broken connection.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, mode := range []smtp.TLS{smtp.None, smtp.StartTLS, smtp.Implicit} {
		conf := config(&server{addr: l.Addr().(*net.TCPAddr)}, mode)
		conf.Timeout = 20 * time.Millisecond
		err := notifytest.NoLeaks(t, open(t, conf))
		r := approval.ResultOf(err)
		if r.Kind != approval.ResultFailed || r.MaybeApplied ||
			r.Reason != "connect to the mail server: no answer in time" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %+v", mode, r)
		}
	}
}

// An attempt that the caller cancels is not reported as a timeout.
func TestCancelledAttempt(t *testing.T) {
	t.Parallel()
	s := start(t, &server{hang: "rcpt"}, false, false)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-s.hung; cancel() }()
	if err := open(t, config(s, smtp.None)).Notify(ctx, notifytest.NewMessage()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	for name, c := range map[string]struct {
		mode               smtp.TLS
		starttls, implicit bool
		says               string
	}{
		"STARTTLS":                  {smtp.StartTLS, true, false, ""},
		"STARTTLS not offered":      {smtp.StartTLS, false, false, "STARTTLS"},
		"implicit":                  {smtp.Implicit, false, true, ""},
		"implicit, server does not": {smtp.Implicit, true, false, "first record does not look like a TLS handshake"},
		"none":                      {smtp.None, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &server{}, c.starttls, c.implicit)
			conf := config(s, c.mode)
			conf.Username, conf.Password = "relay", secret.New(password)
			err := notifytest.NoLeaks(t, open(t, conf), password)
			if c.says != "" {
				if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || r.MaybeApplied || len(s.got()) != 0 {
					t.Errorf("%+v, server got %d", r, len(s.got()))
				}
				return
			}
			if err != nil || len(s.got()) != 1 || s.got()[0].tls != (c.mode != smtp.None) || s.got()[0].user != "relay" {
				t.Errorf("%v, server got %+v", err, s.got())
			}
		})
	}
}

func TestUntrustedCertificate(t *testing.T) {
	for _, mode := range []smtp.TLS{smtp.StartTLS, smtp.Implicit} {
		s := start(t, &server{}, mode == smtp.StartTLS, mode == smtp.Implicit)
		conf := config(s, mode)
		conf.RootCAs = nil
		conf.Username, conf.Password = "relay", secret.New(password)
		r := approval.ResultOf(notifytest.NoLeaks(t, open(t, conf), password))
		if r.Kind != approval.ResultFailed || r.MaybeApplied || !strings.Contains(r.Reason, "certificate") ||
			len(s.got()) != 0 {
			t.Errorf("%s: %+v, server got %d", mode, r, len(s.got()))
		}
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s := &server{addr: l.Addr().(*net.TCPAddr)}
	err = notifytest.NoLeaks(t, open(t, config(s, smtp.StartTLS)))
	var op *net.OpError
	if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || r.MaybeApplied || !errors.As(err, &op) {
		t.Errorf("%+v: %#v", r, err)
	}
}

// A failure after the server has accepted the e-mail is ignored: a retry would send the e-mail twice.
func TestFailureAfterDelivery(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		// Greeting, EHLO, MAIL, RCPT, DATA, the content; then silence and the end.
		for _, reply := range []string{"220 a", "250 a", "250 a", "250 a", "354 a", "250 taken"} {
			if _, err := conn.Write([]byte(reply + "\r\n")); err != nil {
				return
			}
			if reply == "250 taken" {
				return
			}
			read(conn, reply == "354 a")
		}
	}()
	s := &server{addr: l.Addr().(*net.TCPAddr)}
	if err := open(t, config(s, smtp.None)).Notify(t.Context(), notifytest.NewMessage()); err != nil {
		t.Error(err)
	}
}

// read reads a command, or the content up to its final dot.
func read(conn net.Conn, content bool) {
	end := "\r\n"
	if content {
		end = "\r\n.\r\n"
	}
	var text []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(text), end); text = append(text, b...) {
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}

func TestApproverMustBeAnAddress(t *testing.T) {
	t.Parallel()
	s := start(t, &server{}, false, false)
	for _, approver := range []string{"", "alan", "source:erp", "Alan <alan@example.com>",
		"a@example.com,b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>", " a@example.com"} {
		m := notifytest.NewMessage()
		m.Approver = approver
		if err := open(t, config(s, smtp.None)).Notify(t.Context(), m); !approval.IsPermanent(err) {
			t.Errorf("%q: %v", approver, err)
		}
	}
	if len(s.got()) != 0 {
		t.Errorf("got %+v", s.got())
	}
}

func TestNewNamesFaults(t *testing.T) {
	t.Parallel()
	hidden := secret.New(password)
	for field, s := range map[string]smtp.Settings{
		"host: ": {},
		"from: ": {Host: "localhost", From: "nobody"},
		"tls: ":  {TLS: "ssl"},
		"tls: must": {
			Host:     "mail.example.org",
			TLS:      smtp.None,
			Username: "u",
			Password: hidden,
		},
		"port: ":     {Port: 70000},
		"username: ": {Password: hidden},
		"password: ": {Username: "u"},
	} {
		if _, err := smtp.NewChannel(smtp.Config{Settings: s}); err == nil || !strings.Contains(err.Error(), field) ||
			strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := smtp.NewChannel(smtp.Config{Settings: smtp.Settings{
		Host:     "mail.example.org",
		From:     "a@example.org",
		Username: "u",
		Password: hidden,
	}}); err != nil {
		t.Error(err)
	}
}
