package app

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
)

// serverLog takes the lines that net/http logs about an address. Handshakes of TLS that fail are refusals: a sender
// with a wrong certificate is told nothing but a TLS alert, and strangers can cause any number of them.
type serverLog struct {
	source   string
	refusals refusal.Recorder
	log      *slog.Logger
}

// Write implements io.Writer.
func (s serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	rest, isHandshake := strings.CutPrefix(text, "http: TLS handshake error from ")
	if !isHandshake {
		s.log.Warn(text)
		return len(line), nil
	}
	remote, cause, _ := strings.Cut(rest, ": ")
	if cause == "EOF" { // load balancers open connections only to see whether the port is open
		return len(line), nil
	}
	r := describeHandshake(cause)
	r.Source = s.source
	r.Remote = remoteText(remote)
	s.refusals.RecordRefusal(context.Background(), r)
	return len(line), nil
}

// handshakeReason is the refusal of a handshake whose error has this part.
type handshakeReason struct {
	part    string
	refusal refusal.Refusal
}

// handshakeReasons are the reasons of failed handshakes by a part of the text of package tls. That text can contain names
// out of the certificate of a stranger, so it is shown to nobody.
func handshakeReasons() []handshakeReason {
	return []handshakeReason{
		{"didn't provide a certificate", refusal.Refusal{
			Code: refusal.Missing, Field: "certificate",
			Detail: "the client has shown no certificate, and tls.client_auth requires one",
		}},
		{"has expired or is not yet valid", refusal.Refusal{
			Code: refusal.Stale, Field: "certificate",
			Detail: "the certificate of the client has expired or is not yet valid",
		}},
		{"signed by unknown authority", refusal.Refusal{
			Code: refusal.Mismatch, Field: "certificate",
			Detail: "no CA of tls.client_ca has issued the certificate of the client",
		}},
		{"failed to verify certificate", refusal.Refusal{
			Code: refusal.Mismatch, Field: "certificate",
			Detail: "the certificate of the client cannot be verified, for example because it is not for clients (clientAuth)",
		}},
		{"HTTP request to an HTTPS server", refusal.Refusal{
			Code: refusal.Malformed, Field: "tls", Detail: "the client speaks http, and this address serves https",
		}},
		{"unsupported versions", refusal.Refusal{
			Code: refusal.Malformed, Field: "tls", Detail: "the client offers no version of TLS that is taken here (tls.min_version)",
		}},
		{"remote error", refusal.Refusal{
			Code: refusal.Incomplete, Field: "tls",
			Detail: "the client ended the handshake: it does not trust tls.certificate, or its name is not that of the URL",
		}},
		// Clients of TLS 1.3 may end a handshake in a way that cannot be read.
		{"bad record MAC", refusal.Refusal{
			Code: refusal.Incomplete, Field: "tls",
			Detail: "the client ended the handshake, perhaps because it does not trust tls.certificate",
		}},
		{"first record does not look like", refusal.Refusal{
			Code: refusal.Malformed, Field: "tls", Detail: "the client does not speak TLS",
		}},
	}
}

// describeHandshake returns the refusal for the cause of a failed handshake.
func describeHandshake(cause string) refusal.Refusal {
	for _, reason := range handshakeReasons() {
		if strings.Contains(cause, reason.part) {
			return reason.refusal
		}
	}
	return refusal.Refusal{Code: refusal.Incomplete, Field: "tls", Detail: "the handshake of TLS did not end, or not in time"}
}

// remoteText returns the address of a client without its port, or "" if there is none.
func remoteText(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().WithZone("").String()
}
