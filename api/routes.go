// Package api is the program's HTTP side: its routes, the checks of credentials,
// the ingress that turns requests into messages, the JSON API for operators, and
// the description of all of it (openapi.json).
package api

import (
	"net/http"

	"github.com/approval-relay/approval-relay/role"
)

// route is a line of the tables below.
type route struct {
	pattern string // as http.ServeMux reads it; also the label of the route's metrics
	access  access
	right   role.Right                    // that an operator needs, or noRight
	handler func(*Endpoints) http.Handler // returns nil if the route is not configured
}

// access is the proof that a route needs of its caller. PublicHandler and OperatorHandler
// check tokens before the route's handler runs; the handler itself verifies links,
// signatures and sessions.
type access string

const (
	accessOpen      access = "open"      // nothing
	accessLink      access = "link"      // a signed link, verified by the page
	accessSignature access = "signature" // a signature over the body, verified by the source's policy or by Slack's handler
	accessAsk       access = "ask"       // the bearer token of an operator, or of a program with this verb
	accessDecide    access = "decide"    // the same
	accessRead      access = "read"      // the same; a program reads what it asked for itself
	accessCancel    access = "cancel"    // the same; a program cancels what it asked for itself
	accessOperator  access = "operator"  // an operator's bearer token
	accessMetrics   access = "metrics"   // an operator's bearer token, unless metrics are open
	accessSession   access = "session"   // an operator's session, verified by the console, which has the rights of its pages
)

// noRight stands in the lines of routes that need no right of an operator.
const noRight role.Right = ""

// publicRoutes are served on the public address. Everybody can reach it.
func publicRoutes() []route {
	return []route{
		{"/a/{token}", accessLink, noRight, (*Endpoints).decisionPage},
		{"GET /a/{token}/files/{detail}", accessLink, noRight, (*Endpoints).requestFiles},
		{"/s/{token}", accessLink, noRight, (*Endpoints).statusPage},
		{"POST /webhooks/{source}", accessSignature, noRight, (*Endpoints).webhooks},
		{"GET /webhooks/{source}", accessSignature, noRight, (*Endpoints).handshakes},
		{"OPTIONS /webhooks/{source}", accessSignature, noRight, (*Endpoints).handshakes},
		{"GET /signin/{token}", accessLink, noRight, (*Endpoints).signInBegin},
		{"GET /signin/callback", accessOpen, noRight, (*Endpoints).signInEnd},
		{"POST /signin/callback", accessOpen, noRight, (*Endpoints).signInEnd},
		{"GET /signin/out", accessOpen, noRight, (*Endpoints).signOut},
		{"POST /signin/out", accessOpen, noRight, (*Endpoints).signOut},
		{"POST /slack/interactions", accessSignature, noRight, (*Endpoints).slackInteractions},
		{"POST /teams/messages", accessSignature, noRight, (*Endpoints).teamsMessages},
		{"GET /assets/{name}", accessOpen, noRight, (*Endpoints).logo},
		{"GET " + ReceiptKeysPath, accessOpen, noRight, (*Endpoints).receiptKeys},
		{"GET /healthz", accessOpen, noRight, (*Endpoints).health},
		{"GET /openapi.json", accessOpen, noRight, (*Endpoints).publicDescription},
	}
}

// operatorRoutes are served on the operator's address.
func operatorRoutes() []route {
	return []route{
		{"GET /healthz", accessOpen, noRight, (*Endpoints).health},
		{"GET /readyz", accessOpen, noRight, (*Endpoints).readiness},
		{"GET /metrics", accessMetrics, role.Metrics, (*Endpoints).metrics},
		{"GET /openapi.json", accessOpen, noRight, (*Endpoints).description},

		{"POST /v1/requests", accessAsk, role.Act, (*Endpoints).requests},
		{"POST /v1/orders/{orderId}/decisions", accessDecide, role.Act, (*Endpoints).decisions},
		{"GET /v1/orders/{orderId}", accessRead, role.Read, (*Endpoints).showOrder},
		{"POST /v1/orders/{orderId}/cancel", accessCancel, role.Act, (*Endpoints).cancelOrder},
		{"GET /v1/orders/{orderId}/approvals/{approvalId}/receipt", accessRead, role.Audit, (*Endpoints).showReceipt},

		{"GET /v1/orders", accessOperator, role.Read, (*Endpoints).listOrders},
		{"GET /v1/export", accessOperator, role.Audit, (*Endpoints).export},
		{"POST /v1/orders/{orderId}/decide", accessOperator, role.Act, (*Endpoints).decideOrder},
		{"POST /v1/orders/{orderId}/reminders", accessOperator, role.Act, (*Endpoints).remindOrder},
		{"POST /v1/orders/{orderId}/approvers", accessOperator, role.Act, (*Endpoints).changeApprovers},
		{"POST /v1/orders/{orderId}/dismissal", accessOperator, role.Act, (*Endpoints).dismissOrder},
		{"POST /v1/orders/{orderId}/proposals/{proposalId}", accessOperator, role.Act, (*Endpoints).confirmProposal},
		{"POST /v1/orders/{orderId}/deadline", accessOperator, role.Act, (*Endpoints).extendDeadline},
		{"GET /v1/deadletters", accessOperator, role.Read, (*Endpoints).listDeadLetters},
		{"POST /v1/deadletters/dismissal", accessOperator, role.Act, (*Endpoints).dismissLetters},
		{"GET /v1/refused", accessOperator, role.Read, (*Endpoints).listRefused},
		{"GET /v1/refused/{id}", accessOperator, role.Audit, (*Endpoints).showRefusedBody},
		{"POST /v1/redrive", accessOperator, role.Act, (*Endpoints).redrive},
		{"GET /v1/controls", accessOperator, role.Read, (*Endpoints).listControls},
		{"PUT /v1/controls", accessOperator, role.Administer, (*Endpoints).setControl},
		{"DELETE /v1/controls", accessOperator, role.Administer, (*Endpoints).removeControl},
		{"PUT /v1/controls/{workflow}", accessOperator, role.Act, (*Endpoints).setControl},
		{"DELETE /v1/controls/{workflow}", accessOperator, role.Act, (*Endpoints).removeControl},
		{"GET /v1/backup", accessOperator, role.Administer, (*Endpoints).backup},
		{"POST /-/reload", accessOperator, role.Administer, (*Endpoints).reload},

		{"GET /{$}", accessOpen, noRight, (*Endpoints).redirectToConsole},
		{"GET /console", accessOpen, noRight, (*Endpoints).redirectToConsole},
		{"GET /console/{$}", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/exhausted", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/order", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/export", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/controls", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/controls", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/icon.svg", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/dead-letters", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/refused", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/refused", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/signin", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/signin", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/oidc", accessSession, noRight, (*Endpoints).consolePages},
		{"GET /console/oidc-callback", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/oidc-callback", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/signout", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/decide", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/confirm", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/act", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/redrive", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/dead-letters", accessSession, noRight, (*Endpoints).consolePages},
		{"POST /console/dismiss", accessSession, noRight, (*Endpoints).consolePages},
	}
}

// queryParameters lists the query parameters of the JSON API's routes. Any other parameter is refused, because a
// misspelt filter would otherwise select everything.
func queryParameters(pattern string) []string {
	switch pattern {
	case "POST /v1/requests":
		return []string{"workflow"}
	case "GET /v1/orders":
		return listParameters()
	case "GET /v1/export":
		return exportParameters()
	case "GET /v1/refused":
		return []string{"limit", "reason", "source"}
	case "GET /v1/deadletters":
		return []string{"after", "body", "limit", "reason", "source"}
	}
	return nil
}

// Routes lists the pattern of every route once, for metrics that start at 0 and
// for the docs.
func Routes() []string {
	var patterns []string
	seen := map[string]bool{}
	for _, r := range append(publicRoutes(), operatorRoutes()...) {
		if !seen[r.pattern] {
			patterns = append(patterns, r.pattern)
		}
		seen[r.pattern] = true
	}
	return patterns
}

// ConsoleRoutes lists the patterns of the console's pages.
func ConsoleRoutes() []string {
	var patterns []string
	for _, r := range operatorRoutes() {
		if r.access == accessSession {
			patterns = append(patterns, r.pattern)
		}
	}
	return patterns
}
