package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// prefersPage reports whether the sender of a request is a person in a browser: it reads, and prefers HTML to JSON. A
// wildcard is not enough, because programs send it.
func prefersPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	page, data := 0.0, 0.0
	for _, header := range r.Header.Values("Accept") {
		for entry := range strings.SplitSeq(header, ",") {
			kind, parameters, err := mime.ParseMediaType(entry)
			if err != nil {
				continue
			}
			quality := 1.0
			if q, given := parameters["q"]; given {
				if quality, err = strconv.ParseFloat(q, 64); err != nil {
					continue
				}
			}
			switch kind {
			case "text/html", "application/xhtml+xml":
				page = max(page, quality)
			case "application/json", "application/problem+json":
				data = max(data, quality)
			}
		}
	}
	return page > data
}
