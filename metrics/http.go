package metrics

import (
	"net/http"
	"time"
)

// httpSeries show the HTTP requests that the program answers.
type httpSeries struct {
	requests       counter
	requestSeconds histogram
}

func newHTTPSeries(b *builder, config Config) httpSeries {
	route := label{name: "route", values: config.Routes}
	class := label{name: "code", values: statusClasses[2:]}
	return httpSeries{
		requests: b.newCounter("http_requests_total",
			"HTTP requests answered, by class of status.", route, class),
		requestSeconds: b.newHistogram("http_request_duration_seconds",
			"Time that an HTTP request took.", callBuckets, route),
	}
}

// statusClasses has the classes of HTTP statuses, by their first digit.
var statusClasses = [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}

// classOf returns the class of a status.
func classOf(code int) string {
	if first := code / 100; 0 < first && first < len(statusClasses) {
		return statusClasses[first]
	}
	return other
}

// HTTPAnswered counts an HTTP request that was answered. The code 0 stands for 200.
func (m *Metrics) HTTPAnswered(route string, code int, took time.Duration) {
	if code == 0 {
		code = http.StatusOK
	}
	m.http.requests.inc(route, classOf(code))
	m.http.requestSeconds.observeDuration(took, route)
}
