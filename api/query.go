package api

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// checkedQuery refuses unknown, repeated and malformed query parameters of the JSON API, because a filter that is dropped
// selects everything. Pages and webhooks ignore them.
func checkedQuery(r route, next http.Handler) http.Handler {
	if !r.access.isJSON() {
		return next
	}
	known := queryParameters(r.pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := validateQuery(r.URL.RawQuery, known); err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// queryError is returned for a query with an unknown, repeated or malformed parameter.
type queryError struct {
	public string // for the sender; it quotes the query
	// detail is for the operator. It names known parameters only, because another name may be a secret that was put in
	// the wrong place.
	detail string
}

func (e *queryError) Error() string { return "query: " + e.public }

func validateQuery(query string, known []string) error {
	if query == "" {
		return nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return approval.Permanent(&queryError{fmt.Sprintf("is malformed: %.80s", err), "is malformed"})
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(known, name):
			names := cmp.Or(strings.Join(known, ", "), "none")
			return approval.Permanent(&queryError{
				public: fmt.Sprintf("has the unknown parameter %.40q; known here: %s", name, names),
				detail: "has an unknown parameter; known here: " + names,
			})
		case len(values[name]) > 1:
			text := fmt.Sprintf("has the parameter %q more than once", name)
			return approval.Permanent(&queryError{text, text})
		}
	}
	return nil
}
