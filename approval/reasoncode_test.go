package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
)

func TestReasonCodeOf(t *testing.T) {
	t.Parallel()
	coded := approval.WithReasonCode(approval.ReasonThrottled, errors.New("slow down"))
	for want, errs := range map[approval.ReasonCode][]error{
		approval.ReasonUnknown: {errors.New("odd"), approval.Permanent(errors.New("odd")), nil},
		approval.ReasonThrottled: {
			coded,
			fmt.Errorf("SendTaskSuccess for order %q: %w", "A-1", approval.RetryAfter(approval.NotApplied(coded), 1)),
			approval.WithReasonCode(approval.ReasonThrottled, approval.WithReasonCode(approval.ReasonDenied, errors.New("odd"))),
		},
		approval.ReasonTaskClosed:   {approval.ErrClosed, fmt.Errorf("%w: %w", approval.ErrClosed, coded)},
		approval.ReasonNotFound:     {fmt.Errorf("order: %w", approval.ErrNotFound)},
		"invalid_field:order":       {approval.InvalidField("order", "is missing")},
		"invalid_field:decision_id": {approval.InvalidField("decision_id", "is %d bytes long", 300)},
		"decision_refused:not_approver": {
			approval.Permanent((approval.Verdict{Code: approval.VerdictNotApprover}).Err()),
		},
	} {
		for _, err := range errs {
			if got := approval.ReasonCodeOf(err); got != want {
				t.Errorf("%v: %q, not %q", err, got, want)
			}
		}
	}
	if approval.WithReasonCode(approval.ReasonDenied, nil) != nil {
		t.Error("an error out of nothing")
	}
}

func TestReasonCodeForms(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]approval.ReasonCode{
		"InvalidOutput":          "invalid_output",
		"ValidationException":    "validation_exception",
		"callbackUrl":            "callback_url",
		"policy.quorum":          "policy.quorum",
		"a b\x00ü":               "a_b__",
		"":                       approval.ReasonUnknown,
		strings.Repeat("x", 100): approval.ReasonCode(strings.Repeat("x", 60)),
	} {
		if got := approval.NamedReasonCode(name); got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
	for text, want := range map[string]approval.ReasonCode{
		"throttled":           approval.ReasonThrottled,
		"invalid_field:order": "invalid_field:order",
		"Ada <a@example.com>": approval.ReasonUnknown,
		"":                    approval.ReasonUnknown,
	} {
		if got := approval.ParseReasonCode(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
	for status, want := range map[int]approval.ReasonCode{
		503:  "http_503",
		0:    approval.ReasonUnknown,
		1000: approval.ReasonUnknown,
	} {
		if got := approval.HTTPReasonCode(status); got != want {
			t.Errorf("%d: %q, not %q", status, got, want)
		}
	}
}
