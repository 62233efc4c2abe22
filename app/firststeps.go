package app

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// logFirstSteps tells in words what somebody who has just started the program looks for: where it listens, where the
// console is, which token opens it, and how to make a first request.
func (a *App) logFirstSteps(public, operator net.Addr) {
	for _, line := range a.firstSteps(public, operator) {
		a.log.Info(line)
	}
}

func (a *App) firstSteps(public, operator net.Addr) []string {
	c := a.config
	approvers := "public.listen is empty: this worker serves no links and no webhooks"
	if public != nil {
		approvers = fmt.Sprintf("approvers, chats and third parties reach this worker at %s; it listens at %s", c.Public.URL, public)
	}
	token, bearer := "a token of operator.tokens", "$TOKEN"
	if len(c.Operator.Tokens) == 0 {
		token = "the token in the file " + c.Operator.TokenFile
		bearer = "$(cat " + c.Operator.TokenFile + ")"
	}
	base := "http://" + reachableAddress(operator)
	certificates := ""
	if settings := c.Operator.TLS; settings != nil {
		base = "https://" + reachableAddress(operator)
		certificates = "--cacert CA "
		if settings.ClientAuth == "required" {
			certificates += "--cert CERTIFICATE --key KEY "
		}
	}
	path := "/v1/requests"
	if names := sortedNames(c.Workflows); len(names) > 1 {
		path += "?" + url.Values{"workflow": names[:1]}.Encode()
	}
	return []string{
		approvers,
		fmt.Sprintf("operators: the console is at %s/console/; sign in with %s", base, token),
		// A form needs no quotation marks, which a log in JSON would escape.
		fmt.Sprintf("a first request: curl %s--oauth2-bearer %s --data orderId=A-1 --data taskToken=test %s%s "+
			"(nobody waits for its answer, so the callback will be refused)", certificates, bearer, base, path),
	}
}

// reachableAddress returns a listener's address as a client on this machine writes it.
func reachableAddress(listener net.Addr) string {
	at, err := netip.ParseAddrPort(addressText(listener))
	if err != nil || !at.Addr().IsUnspecified() {
		return addressText(listener)
	}
	return fmt.Sprintf("localhost:%d", at.Port())
}
