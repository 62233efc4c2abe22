package api

import (
	_ "embed"
	"net/http"
)

// openAPI describes every route. Tests compare it with the routes and the types.
//
//go:embed openapi.json
var openAPI []byte

// description serves openapi.json.
func (e *Endpoints) description() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(openAPI)
	})
}
