package api

import (
	"net/http"

	"github.com/approval-relay/approval-relay/inbound"
)

func (e *Endpoints) teamsMessages() http.Handler {
	if e.TeamsMessages == nil {
		return nil
	}
	return e.limitAnswers(inbound.Signatures("teams"), true, e.TeamsMessages, http.StatusUnauthorized)
}
