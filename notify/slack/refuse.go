package slack

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
)

// refuse answers a request that is not an interaction of Slack.
func (i *Interactions) refuse(ctx context.Context, w http.ResponseWriter, status int, err error) {
	i.Observer.SlackInteractionRefused()
	why, ok := errors.AsType[*refusal.Error](err)
	if !ok {
		why = &refusal.Error{Code: refusal.Format, Detail: "the request is not an interaction of Slack"}
	}
	i.record(ctx, why, status)
	if status == http.StatusUnauthorized { // RFC 9110, section 11.6.1
		w.Header().Set("WWW-Authenticate", `Signature realm="approval-relay", header="X-Slack-Signature"`)
	}
	http.Error(w, cmp.Or(why.Public, "the request is refused"), status)
}

// record records a refusal for the operator.
func (i *Interactions) record(ctx context.Context, why *refusal.Error, status int) {
	i.Refusals.RecordRefusal(ctx, refusal.Refusal{
		Time:   i.Now(),
		Source: Source,
		Code:   why.Code,
		Field:  why.Field,
		Detail: why.Detail,
		Status: status,
	})
}

// slackID matches an ID of Slack. The log has nothing else of a payload.
var slackID = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,30}$`)

func knownID(id string) string {
	if id != "" && !slackID.MatchString(id) {
		return "unreadable"
	}
	return id
}

// bodyStatus returns the status for a body that could not be read.
func bodyStatus(err error) int {
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, inbound.ErrBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, inbound.ErrSlow):
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// unread returns the refusal of a body that could not be read.
func unread(err error) error {
	why := &refusal.Error{
		Code:   refusal.Incomplete,
		Field:  "body",
		Detail: "the body did not arrive whole, or not fast enough",
		Public: "the body could not be read",
	}
	switch bodyStatus(err) {
	case http.StatusRequestEntityTooLarge:
		why.Code, why.Detail = refusal.TooLarge, "the body is larger than Slack sends"
	case http.StatusServiceUnavailable:
		why.Code, why.Detail = refusal.Busy, "no memory is left for the bodies of strangers now"
	}
	return why
}

// unsigned returns the refusal of a request that no app has signed. The sender learns which headers are looked for.
func unsigned(failed error) error {
	why, ok := errors.AsType[*refusal.Error](failed)
	if !ok {
		why = &refusal.Error{Code: refusal.Mismatch, Field: "X-Slack-Signature"}
	}
	return &refusal.Error{
		Code:   why.Code,
		Field:  cmp.Or(why.Field, "X-Slack-Signature"),
		Detail: cmp.Or(why.Detail, "the signature fits none of signing_secrets") + " (channels.NAME.slack.signing_secrets)",
		Public: "the signature is missing or not right: looked for in the headers X-Slack-Signature and X-Slack-Request-Timestamp",
	}
}

// badButton returns the denial of a button that cannot be opened.
func badButton(err error) *denial {
	why := &refusal.Error{
		Code:   refusal.Mismatch,
		Field:  "value",
		Detail: "the button was not made by this worker, or the key that signed it was removed from the key file",
	}
	if errors.Is(err, approval.ErrExpired) {
		why.Code, why.Detail = refusal.Stale, "the time of the button has passed"
	}
	return &denial{why: why, key: "slack.refused.button"}
}

// notCounted returns the denial of a decision that does not count.
func notCounted(key, verdict string) *denial {
	return &denial{
		why: &refusal.Error{
			Code:   refusal.Decision,
			Field:  "actions",
			Detail: "the decision does not count: " + verdict,
		},
		key: key,
	}
}
