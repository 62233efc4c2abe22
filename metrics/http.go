package metrics

import (
	"net/http"
	"strconv"
	"time"
)

// httpSeries show the HTTP requests that the program answers.
type httpSeries struct {
	requests       counter
	requestSeconds histogram
}

func newHTTPSeries(b *builder, config Config) httpSeries {
	route := label{name: "route", values: config.Routes}
	class := label{name: "code", values: []string{"2xx", "3xx", "4xx", "5xx"}}
	return httpSeries{
		requests: b.newCounter("http_requests_total",
			"HTTP requests answered, by class of status.", route, class),
		requestSeconds: b.newHistogram("http_request_duration_seconds",
			"Time that an HTTP request took.", callBuckets, route),
	}
}

// HTTPAnswered counts an HTTP request that was answered. The code 0 stands for 200.
func (m *Metrics) HTTPAnswered(route string, code int, took time.Duration) {
	if code == 0 {
		code = http.StatusOK
	}
	m.http.requests.inc(route, strconv.Itoa(code/100)+"xx")
	m.http.requestSeconds.observeDuration(took, route)
}
