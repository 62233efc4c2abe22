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

// authTypes returns the authentication mechanisms, the best first. The last two send the password itself; the library uses
// them only over TLS, or to this machine.
func authTypes() []mail.SMTPAuthType {
	return []mail.SMTPAuthType{
		mail.SMTPAuthSCRAMSHA256,
		mail.SMTPAuthSCRAMSHA1,
		mail.SMTPAuthCramMD5,
		mail.SMTPAuthPlain,
		mail.SMTPAuthLogin,
	}
}

// newClient returns a client for an e-mail. Its connection ends with the context, which the library checks only while it
// dials. The library has a timeout of its own. It is set to end later, so that always our timeout is reported.
func (c *Channel) newClient(ctx context.Context) (*mail.Client, error) {
	policy := map[TLS]mail.TLSPolicy{StartTLS: mail.TLSMandatory, Implicit: mail.NoTLS, None: mail.NoTLS}[c.config.TLS]
	options := []mail.Option{
		mail.WithPort(c.config.Port),
		mail.WithTLSPolicy(policy),
		mail.WithTLSConfig(c.tlsConfig()),
		mail.WithTimeout(c.config.Timeout + time.Minute),
		mail.WithoutNoop(),
		mail.WithDialContextFunc(func(dialCtx context.Context, network, _ string) (net.Conn, error) {
			return c.dialServer(dialCtx, ctx, network)
		}),
	}
	if c.config.HELO != "" {
		options = append(options, mail.WithHELO(c.config.HELO))
	}
	if c.config.Username != "" {
		options = append(options,
			mail.WithOpportunisticSMTPAuth(authTypes()...),
			mail.WithUsername(c.config.Username),
			mail.WithPassword(c.config.Password.Reveal()),
		)
	}
	return mail.NewClient(c.config.Host, options...)
}

// dialServer connects within dialCtx. The connection is closed at the end of attemptCtx.
func (c *Channel) dialServer(dialCtx, attemptCtx context.Context, network string) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(dialCtx, network, c.serverAddress())
	if err != nil {
		return nil, err
	}
	context.AfterFunc(attemptCtx, func() { _ = raw.Close() })
	if c.config.TLS != Implicit {
		return raw, nil
	}
	conn := tls.Client(raw, c.tlsConfig())
	if err := conn.HandshakeContext(dialCtx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// sendMail makes an attempt to send the e-mail.
func (c *Channel) sendMail(ctx context.Context, msg *mail.Msg) error {
	client, err := c.newClient(ctx)
	if err != nil {
		return approval.NotApplied(errors.New("the mail client does not accept the host or the settings"))
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return approval.NotApplied(fmt.Errorf("connect to the mail server: %w", c.safeReason(ctx, err)))
	}
	err = client.SendWithSMTPClient(conn, msg)
	_ = client.CloseWithSMTPClient(conn) // or the context closes it
	if err == nil || msg.IsDelivered() { // the server has accepted the e-mail, whatever its response to RSET
		return nil
	}
	return c.judgeRefusal(ctx, err)
}

// judgeRefusal returns the outcome of an e-mail that was not sent:
//
//   - the recipient (RCPT) or the content (DATA) was refused with 5xx: Permanent;
//   - a permission of ours is missing (530, or x.7.x: sign-in, relaying denied), or the sender (MAIL) was refused:
//     NotApplied, as for a refused connection or sign-in, because the operator can mend it;
//   - 4xx: NotApplied;
//   - the connection broke while the content was sent: retried, and the e-mail may have been sent. Its Message-ID is the
//     same for every attempt.
func (c *Channel) judgeRefusal(ctx context.Context, err error) error {
	var refused *mail.SendError
	if !errors.As(err, &refused) {
		return c.safeReason(ctx, err)
	}
	code := refused.ErrorCode()
	enhanced := refused.EnhancedStatusCode()
	step := refused.Reason
	isContent := step == mail.ErrWriteContent || step == mail.ErrSMTPDataClose
	switch {
	case code == 0 && isContent:
		return fmt.Errorf("%s: %w", step, brokenConnection(ctx))
	case code == 0:
		return approval.NotApplied(fmt.Errorf("%s: %w", step, brokenConnection(ctx)))
	}
	refusal := fmt.Errorf("%s: the mail server answered %d %s", step, code, enhanced)
	if !isContent && step != mail.ErrSMTPData { // the server has not seen the link, so its text cannot contain it
		refusal = fmt.Errorf("%s: the mail server answered %w", step, c.quoteReply(refused.Error()))
	}
	lacksPermission := code == 530 || strings.HasPrefix(enhanced, "5.7.") && !isContent
	if code >= 500 && step != mail.ErrSMTPMailFrom && !lacksPermission {
		return approval.Permanent(refusal)
	}
	return approval.NotApplied(refusal)
}

// quoteReply returns the text of a server on one line, cut, and without our password.
func (c *Channel) quoteReply(text string) error {
	_, text, _ = strings.Cut(text, ": ")
	text, _, _ = strings.Cut(text, ", affected recipient(s): ")
	text, _, _ = strings.Cut(text, ", affected message ID: ")
	if password := c.config.Password.Reveal(); password != "" {
		text = strings.ReplaceAll(text, password, "[password]")
	}
	text, _ = untrusted.Cut(untrusted.SingleLine(text), 200)
	return errors.New(text)
}

// safeReason returns the part of a connection's error that may be stored and shown: an error of the context, the network,
// DNS or a certificate, or a reply code. A server that refuses a sign-in might repeat the credentials, so of its reply only
// the code is shown.
func (c *Channel) safeReason(ctx context.Context, err error) error {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var reply *textproto.Error
	switch {
	case ctx.Err() != nil:
		return endOf(ctx)
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &reply) && strings.Contains(err.Error(), "AUTH"):
		return fmt.Errorf("it refused the sign-in with %d", reply.Code)
	case errors.As(err, &reply):
		return fmt.Errorf("it answered %w", c.quoteReply(": "+reply.Error()))
	case errors.As(err, &op):
		return op
	case strings.Contains(err.Error(), "STARTTLS"):
		return errors.New("it does not offer STARTTLS")
	case strings.Contains(err.Error(), "AUTH"):
		return errors.New("it offers no sign-in that is supported, or none that is safe without TLS")
	}
	return brokenConnection(ctx)
}

// timeoutError is the end of an attempt's time, in words for an operator.
type timeoutError struct{}

// Error implements error.
func (timeoutError) Error() string { return "no answer in time" }

// Unwrap returns context.DeadlineExceeded.
func (timeoutError) Unwrap() error { return context.DeadlineExceeded }

// endOf returns the reason why the context of the attempt has ended.
func endOf(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return timeoutError{}
	}
	return ctx.Err()
}

// brokenConnection returns the reason for a connection that ended during the conversation.
func brokenConnection(ctx context.Context) error {
	if ctx.Err() != nil {
		return endOf(ctx)
	}
	return errors.New("the connection broke or the response is not valid SMTP")
}
