package smtp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// server is a mail server that stores the e-mails, and fails as the test sets it.
type server struct {
	addr *net.TCPAddr
	pool *x509.CertPool

	mail, rcpt, data, auth error // what it answers instead of yes
	hang                   string

	mu    sync.Mutex
	mails []received
	seen  chan struct{} // closed when the test ends, for what hangs
	hung  chan struct{} // closed when it hangs
}

type received struct {
	from, user string
	to         []string
	tls        bool
	body       []byte
}

func (s *server) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

// start runs the server. If implicit is set, it uses TLS from the first byte on.
func start(t *testing.T, s *server, starttls, implicit bool) *server {
	t.Helper()
	cert, pool := certificate(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr, s.pool, s.seen, s.hung = l.Addr().(*net.TCPAddr), pool, make(chan struct{}), make(chan struct{})
	srv := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		s.wait("hello")
		return &session{server: s, conn: c}, nil
	}))
	srv.Domain, srv.ErrorLog, srv.AllowInsecureAuth = "localhost", log.New(io.Discard, "", 0), true
	if starttls {
		srv.TLSConfig = config
	}
	if implicit {
		l = tls.NewListener(l, config)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { close(s.seen); _ = srv.Close(); _ = l.Close(); <-done }) // Serve may not have the listener yet
	return s
}

func (s *server) wait(where string) {
	if s.hang == where {
		close(s.hung)
		<-s.seen
	}
}

type session struct {
	*server
	conn *gosmtp.Conn
	now  received
}

func (s *session) Reset()                 { s.now = received{user: s.now.user} }
func (s *session) Logout() error          { return nil }
func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		s.wait("auth")
		if s.auth != nil {
			return s.auth
		}
		if pass != password {
			return errors.New("no")
		}
		s.now.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error {
	s.wait("mail")
	s.now.from = from
	return s.mail
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.wait("rcpt")
	s.now.to = append(s.now.to, to)
	return s.rcpt
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.wait("data")
	if s.hang == "cut" {
		return s.conn.Conn().Close()
	}
	if s.data != nil {
		return s.data
	}
	_, s.now.tls = s.conn.TLSConnectionState()
	s.now.body = body
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, s.now)
	return nil
}

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
