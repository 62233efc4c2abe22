package api

import (
	"errors"
	"net/http"
)

// errAnswered means that a request has its answer already.
var errAnswered = errors.New("the request is answered")

// answerHandshake returns errAnswered if the request is a handshake, and has its answer now.
func (p SourcePolicy) answerHandshake(w http.ResponseWriter, r *http.Request, body []byte, verified bool) error {
	if p.Handshake == nil {
		return nil
	}
	answered, err := p.Handshake(w, r, body, verified)
	switch {
	case err != nil:
		return InvalidCredential(err)
	case answered:
		return errAnswered
	}
	return nil
}
