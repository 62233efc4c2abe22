package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// ways to sign in, the best first. The last two send the password itself, which
// the library does only over TLS, or to this machine.
func ways() []mail.SMTPAuthType {
	return []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin}
}

// client returns a client for one e-mail. Its connection ends with the context,
// which the library looks at only while it dials. The library has a clock of its
// own; it is set to end later, so that only one of them says what happened.
func (c *Channel) client(ctx context.Context) (*mail.Client, error) {
	policy := map[TLS]mail.TLSPolicy{StartTLS: mail.TLSMandatory, Implicit: mail.NoTLS, None: mail.NoTLS}[c.config.TLS]
	options := []mail.Option{
		mail.WithPort(c.config.Port), mail.WithTLSPolicy(policy), mail.WithTLSConfig(c.tlsConfig()), mail.WithTimeout(c.config.Timeout + time.Minute),
		mail.WithoutNoop(),
		mail.WithDialContextFunc(func(dialCtx context.Context, network, _ string) (net.Conn, error) {
			return c.dial(dialCtx, ctx, network)
		}),
	}
	if c.config.HELO != "" {
		options = append(options, mail.WithHELO(c.config.HELO))
	}
	if c.config.Username != "" {
		options = append(options, mail.WithOpportunisticSMTPAuth(ways()...), mail.WithUsername(c.config.Username), mail.WithPassword(c.config.Password.Reveal()))
	}
	return mail.NewClient(c.config.Host, options...)
}

// dial connects, and closes the connection when the life of the attempt is over.
func (c *Channel) dial(ctx, life context.Context, network string) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, network, c.address())
	if err != nil {
		return nil, err
	}
	context.AfterFunc(life, func() { _ = raw.Close() })
	if c.config.TLS != Implicit {
		return raw, nil
	}
	conn := tls.Client(raw, c.tlsConfig())
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// send carries out one attempt.
func (c *Channel) send(ctx context.Context, msg *mail.Msg) error {
	client, err := c.client(ctx)
	if err != nil {
		return approval.NotApplied(errors.New("the mail client takes neither host nor settings"))
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return approval.NotApplied(fmt.Errorf("connect to the mail server: %w", c.why(ctx, err)))
	}
	err = client.SendWithSMTPClient(conn, msg)
	_ = client.CloseWithSMTPClient(conn) // or the context closes it
	if err == nil || msg.IsDelivered() { // the server has it, whatever it said to RSET
		return nil
	}
	return c.failed(ctx, err)
}

// failed says what the refusal of an e-mail means:
//
//   - the recipient (RCPT) or the content (DATA) refused with 5xx: Permanent;
//   - but not for want of a right that is ours (530, or x.7.x: sign in, relaying
//     denied), and not for the sender (MAIL): the operator can mend those, so
//     again, as after a refused connection or sign-in;
//   - 4xx: again;
//   - a connection that breaks while the e-mail is sent: again, and it may have
//     been sent. Its Message-ID is the same for every attempt.
func (c *Channel) failed(ctx context.Context, err error) error {
	var refused *mail.SendError
	if !errors.As(err, &refused) {
		return c.why(ctx, err)
	}
	code, enhanced := refused.ErrorCode(), refused.EnhancedStatusCode()
	step := refused.Reason
	content := step == mail.ErrWriteContent || step == mail.ErrSMTPDataClose
	switch {
	case code == 0 && content:
		return fmt.Errorf("%s: %w", step, brokenOff(ctx))
	case code == 0:
		return approval.NotApplied(fmt.Errorf("%s: %w", step, brokenOff(ctx)))
	}
	said := fmt.Errorf("%s: the mail server answered %d %s", step, code, enhanced)
	if !content && step != mail.ErrSMTPData { // it had not seen the link yet
		said = fmt.Errorf("%s: the mail server answered %w", step, c.quote(refused.Error()))
	}
	ours := code == 530 || strings.HasPrefix(enhanced, "5.7.") && !content
	if code >= 500 && step != mail.ErrSMTPMailFrom && !ours {
		return approval.Permanent(said)
	}
	return approval.NotApplied(said)
}

// quote returns what a server said, on one line, cut, and without our password.
func (c *Channel) quote(text string) error {
	_, text, _ = strings.Cut(text, ": ")
	text, _, _ = strings.Cut(text, ", affected recipient(s): ")
	text, _, _ = strings.Cut(text, ", affected message ID: ")
	if p := c.config.Password.Reveal(); p != "" {
		text = strings.ReplaceAll(text, p, "[password]")
	}
	text, _ = untrusted.Cut(untrusted.SingleLine(text), 200)
	return errors.New(text)
}

// why returns what may be said of the error of a connection: one of the context,
// the network, DNS, a certificate or a reply code. A server that refuses a
// sign-in might repeat what it got, so of that only the code is told.
func (c *Channel) why(ctx context.Context, err error) error {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var reply *textproto.Error
	switch {
	case ctx.Err() != nil:
		return over(ctx)
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &reply) && strings.Contains(err.Error(), "AUTH"):
		return fmt.Errorf("it refused to let us sign in with %d", reply.Code)
	case errors.As(err, &reply):
		return fmt.Errorf("it answered %w", c.quote(": "+reply.Error()))
	case errors.As(err, &op):
		return op
	case strings.Contains(err.Error(), "STARTTLS"):
		return errors.New("it does not offer STARTTLS")
	case strings.Contains(err.Error(), "AUTH"):
		return errors.New("it offers no way to sign in that we know, or none that is safe without TLS")
	}
	return brokenOff(ctx)
}

// noAnswer is the end of an attempt's time, in words for an operator.
type noAnswer struct{}

// Error implements error.
func (noAnswer) Error() string { return "no answer in time" }

// Unwrap returns context.DeadlineExceeded.
func (noAnswer) Unwrap() error { return context.DeadlineExceeded }

// over returns why the life of an attempt is over.
func over(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return noAnswer{}
	}
	return ctx.Err()
}

// brokenOff is the error of a connection that ended in the middle.
func brokenOff(ctx context.Context) error {
	if ctx.Err() != nil {
		return over(ctx)
	}
	return errors.New("the connection broke, or what came was not SMTP")
}
