// Package api is the program's HTTP side: its routes, the checks of credentials,
// the ingress that turns requests into messages, the JSON API for operators, and
// the description of all of it (openapi.json).
package api

import "net/http"

// route is a line of the tables below.
type route struct {
	pattern string // as http.ServeMux reads it; also the label of the route's metrics
	access  access
	handler func(*Endpoints) http.Handler // returns nil if the route is not configured
}

// access is the proof that a route needs. PublicHandler and OperatorHandler
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
	accessSession   access = "session"   // an operator's session, verified by the console
)

// publicRoutes are served on the public address. Everybody can reach it.
func publicRoutes() []route {
	return []route{
		{"/a/{token}", accessLink, (*Endpoints).decisionPage},
		{"GET /a/{token}/files/{detail}", accessLink, (*Endpoints).requestFiles},
		{"/s/{token}", accessLink, (*Endpoints).statusPage},
		{"POST /webhooks/{source}", accessSignature, (*Endpoints).webhooks},
		{"GET /webhooks/{source}", accessSignature, (*Endpoints).handshakes},
		{"OPTIONS /webhooks/{source}", accessSignature, (*Endpoints).handshakes},
		{"GET /signin/{token}", accessLink, (*Endpoints).signInBegin},
		{"GET /signin/callback", accessOpen, (*Endpoints).signInEnd},
		{"POST /signin/callback", accessOpen, (*Endpoints).signInEnd},
		{"GET /signin/out", accessOpen, (*Endpoints).signOut},
		{"POST /signin/out", accessOpen, (*Endpoints).signOut},
		{"POST /slack/interactions", accessSignature, (*Endpoints).slackInteractions},
		{"POST /teams/messages", accessSignature, (*Endpoints).teamsMessages},
		{"GET /assets/{name}", accessOpen, (*Endpoints).logo},
		{"GET " + ReceiptKeysPath, accessOpen, (*Endpoints).receiptKeys},
		{"GET /healthz", accessOpen, (*Endpoints).health},
		{"GET /openapi.json", accessOpen, (*Endpoints).publicDescription},
	}
}

// operatorRoutes are served on the operator's address.
func operatorRoutes() []route {
	return []route{
		{"GET /healthz", accessOpen, (*Endpoints).health},
		{"GET /readyz", accessOpen, (*Endpoints).readiness},
		{"GET /metrics", accessMetrics, (*Endpoints).metrics},
		{"GET /openapi.json", accessOpen, (*Endpoints).description},

		{"POST /v1/requests", accessAsk, (*Endpoints).requests},
		{"POST /v1/orders/{orderId}/decisions", accessDecide, (*Endpoints).decisions},
		{"GET /v1/orders/{orderId}", accessRead, (*Endpoints).showOrder},
		{"POST /v1/orders/{orderId}/cancel", accessCancel, (*Endpoints).cancelOrder},
		{"GET /v1/orders/{orderId}/approvals/{approvalId}/receipt", accessRead, (*Endpoints).showReceipt},

		{"GET /v1/orders", accessOperator, (*Endpoints).listOrders},
		{"POST /v1/orders/{orderId}/decide", accessOperator, (*Endpoints).decideOrder},
		{"POST /v1/orders/{orderId}/reminders", accessOperator, (*Endpoints).remindOrder},
		{"POST /v1/orders/{orderId}/approvers", accessOperator, (*Endpoints).changeApprovers},
		{"POST /v1/orders/{orderId}/deadline", accessOperator, (*Endpoints).extendDeadline},
		{"GET /v1/deadletters", accessOperator, (*Endpoints).listDeadLetters},
		{"GET /v1/refused", accessOperator, (*Endpoints).listRefused},
		{"GET /v1/refused/{id}", accessOperator, (*Endpoints).showRefusedBody},
		{"POST /v1/redrive", accessOperator, (*Endpoints).redrive},
		{"GET /v1/controls", accessOperator, (*Endpoints).listControls},
		{"PUT /v1/controls", accessOperator, (*Endpoints).setControl},
		{"DELETE /v1/controls", accessOperator, (*Endpoints).removeControl},
		{"PUT /v1/controls/{workflow}", accessOperator, (*Endpoints).setControl},
		{"DELETE /v1/controls/{workflow}", accessOperator, (*Endpoints).removeControl},
		{"POST /-/reload", accessOperator, (*Endpoints).reload},

		{"GET /{$}", accessOpen, (*Endpoints).redirectToConsole},
		{"GET /console", accessOpen, (*Endpoints).redirectToConsole},
		{"GET /console/{$}", accessSession, (*Endpoints).consolePages},
		{"GET /console/exhausted", accessSession, (*Endpoints).consolePages},
		{"GET /console/order", accessSession, (*Endpoints).consolePages},
		{"GET /console/dead-letters", accessSession, (*Endpoints).consolePages},
		{"GET /console/refused", accessSession, (*Endpoints).consolePages},
		{"POST /console/refused", accessSession, (*Endpoints).consolePages},
		{"GET /console/signin", accessSession, (*Endpoints).consolePages},
		{"POST /console/signin", accessSession, (*Endpoints).consolePages},
		{"POST /console/signout", accessSession, (*Endpoints).consolePages},
		{"POST /console/decide", accessSession, (*Endpoints).consolePages},
		{"POST /console/act", accessSession, (*Endpoints).consolePages},
		{"POST /console/redrive", accessSession, (*Endpoints).consolePages},
	}
}

// queryParameters lists the query parameters of the JSON API's routes. Any other parameter is refused, because a
// misspelt filter would otherwise select everything.
func queryParameters(pattern string) []string {
	switch pattern {
	case "POST /v1/requests":
		return []string{"workflow"}
	case "GET /v1/orders":
		return []string{"after", "limit", "state"}
	case "GET /v1/refused":
		return []string{"limit", "reason", "source"}
	case "GET /v1/deadletters":
		return []string{"after", "limit"}
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
