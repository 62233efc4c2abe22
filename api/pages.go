package api

import (
	"net/http"

	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/inbound"
)

func (e *Endpoints) requestFiles() http.Handler { return e.RequestFiles }
func (e *Endpoints) statusPage() http.Handler   { return e.StatusPage }

// decisionPage serves the page of a link. Browsers send people there with the methods of the page only.
func (e *Endpoints) decisionPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodPost:
			e.DecisionPage.ServeHTTP(w, r)
		default:
			const allow = "GET, HEAD, POST"
			w.Header().Set("Allow", allow)
			writeAnswer(w, r, nil, &methodError{r.Method, allow})
		}
	})
}

func (e *Endpoints) logo() http.Handler { return e.Logo }

func (e *Endpoints) slackInteractions() http.Handler {
	if e.SlackInteractions == nil {
		return nil
	}
	return e.limitAnswers(inbound.Signatures("slack"), true, e.SlackInteractions, http.StatusUnauthorized)
}

func (e *Endpoints) consolePages() http.Handler { return e.ConsolePages }

func (e *Endpoints) signInBegin() http.Handler {
	if e.SignIn == nil {
		return nil
	}
	return http.HandlerFunc(e.SignIn.StartSignIn)
}

func (e *Endpoints) signInEnd() http.Handler {
	if e.SignIn == nil {
		return nil
	}
	// Each try makes the worker call the provider.
	return e.limitAnswers(inbound.Signatures("signin"), false, http.HandlerFunc(e.SignIn.CompleteSignIn),
		http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable)
}

func (e *Endpoints) signOut() http.Handler {
	if e.SignIn == nil {
		return nil
	}
	return http.HandlerFunc(e.SignIn.SignOut)
}

// redirectToConsole leads to the console. The address is relative, so that it
// works behind any path prefix of a proxy.
func (e *Endpoints) redirectToConsole() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "./console/")
		w.WriteHeader(http.StatusSeeOther)
	})
}

// callerPolicy is the policy for programs and operators, whose bearer token was checked before.
func callerPolicy() SourcePolicy {
	return SourcePolicy{SignedID: true, CoversRequest: true, Body: body.Auto}
}
