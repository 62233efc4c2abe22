package main

import (
	"errors"
	"net/http"
)

// The exit statuses of the program. docs/cli.md lists them for scripts.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2 // the command line is wrong, or asks for a confirmation that nobody gave
	statusNotFound    = 3
	statusRefused     = 4 // the token is wrong, or may not do this
	statusConflict    = 5 // the approval is closed, was decided otherwise, or has changed
	statusUnavailable = 6 // no worker answered, or it asks to come again later
)

// statusError is an error with an exit status of its own.
type statusError struct {
	error
	status int
}

func (e *statusError) Unwrap() error { return e.error }

// exitStatus returns the exit status of a command that returned this error.
func exitStatus(err error) int {
	if err == nil {
		return statusDone
	}
	if own, ok := errors.AsType[*statusError](err); ok {
		return own.status
	}
	return statusFailed
}

// statusOfAnswer returns the exit status that stands for the answer of a worker.
func statusOfAnswer(code int) int {
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return statusRefused
	case http.StatusNotFound, http.StatusGone:
		return statusNotFound
	case http.StatusConflict:
		return statusConflict
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return statusUnavailable
	}
	return statusFailed
}
