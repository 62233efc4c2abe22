package api

import "net/http"

// Reloaded is the answer to POST /-/reload.
type Reloaded struct {
	// Warnings are settings that are most likely mistakes, each with line and field.
	Warnings []string `json:"warnings"`
}

// ReloadError is a configuration that was not applied. The program keeps its former configuration.
type ReloadError struct {
	Message string
	Faults  []string // each with line and field; empty if the file has no faults, but needs a restart
}

// Error returns the message.
func (e *ReloadError) Error() string { return e.Message }

// reload reads the configuration again.
func (e *Endpoints) reload() http.Handler {
	return operatorHandler(func(r *http.Request, _ []byte) (any, error) { return e.Reload(r.Context()) })
}
