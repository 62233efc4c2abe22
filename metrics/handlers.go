package metrics

import "strings"

// The router names its handlers "request-", "decision-" and the configured name, and those of requests by HTTP have a
// suffix.
const (
	requestPrefix  = "request-"
	decisionPrefix = "decision-"
	httpSuffix     = "-http"
)

// handlerKinds are the kinds of handlers, see handlerKindOf.
func handlerKinds() []string {
	return []string{"request", "request-http", "decision", "notifications", "callbacks"}
}

// handlerKindOf returns the kind of a handler. A histogram for each handler would have hundreds of series for each
// hundred workflows.
func handlerKindOf(handler string) string {
	switch {
	case isHTTPHandler(handler):
		return "request-http"
	case isRequestHandler(handler):
		return "request"
	case strings.HasPrefix(handler, decisionPrefix):
		return "decision"
	}
	return handler
}

func isRequestHandler(name string) bool { return strings.HasPrefix(name, requestPrefix) }

// isHTTPHandler reports whether a handler takes the requests of a workflow by HTTP. Most workflows have a queue, and
// never use it.
func isHTTPHandler(name string) bool {
	return isRequestHandler(name) && strings.HasSuffix(name, httpSuffix)
}
