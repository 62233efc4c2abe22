package browser

import (
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

var errSMTP = errors.New("smtp: 421 4.7.0 try again later, closing connection (mail.example.com:587)")

const denied = "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/relay/i-0abc " +
	"is not authorized to perform: states:SendTaskSuccess"

// approversNamed returns approvers with these names.
func approversNamed(names ...string) (out []approval.Approver) {
	for _, n := range names {
		out = append(out, approval.Approver{ID: n + "@example.com", Nonce: "nonce-of-" + n})
	}
	return out
}

// addRequest records a request and returns the actions that are due.
func (d *consoleSite) addRequest(
	order string, ago, deadline time.Duration, change func(*approval.Request),
) (out []approval.Action) {
	d.t.Helper()
	a := approval.Request{
		Token:             approval.NewToken("task-token-of-" + order),
		Target:            "stepfunctions",
		Workflow:          "refunds",
		Step:              "finance",
		Policy:            approval.Policy{Kind: approval.PolicyAny},
		Approvers:         approversNamed("alan", "barbara"),
		Channels:          []string{"slack", "mail"},
		GroupChannels:     []string{"slack"},
		Deadline:          d.now.Add(deadline),
		TaskExpires:       d.now.Add(deadline + time.Hour),
		Retention:         30 * 24 * time.Hour,
		CallbackRetry:     approval.RetrySchedule{Base: time.Second, Cap: 5 * time.Minute, MaxAge: 24 * time.Hour},
		NotificationRetry: approval.RetrySchedule{Base: 10 * time.Second, Cap: 15 * time.Minute, MaxAge: 6 * time.Hour},
	}
	change(&a)
	d.on(order, func(o *approval.Order) {
		var err error
		_, out, err = o.AddRequest(a, d.ago(ago))
		require.NoError(d.t, err)
	})
	return out
}

// addNotifiedRequest records a request whose notifications are delivered.
func (d *consoleSite) addNotifiedRequest(order string, ago, deadline time.Duration, change func(*approval.Request)) {
	acts := d.addRequest(order, ago, deadline, change)
	d.on(order, func(o *approval.Order) { end(o, acts, d.ago(ago-2*time.Second), ok) })
}

// addAll fills the store with orders in every state that an operator may see.
func (d *consoleSite) addAll() {
	d.addIncident()
	d.addNotifiedRequest("REF-20931", 26*time.Hour, 22*time.Hour, func(a *approval.Request) {
		a.Title = "Refund of 480.00 EUR to Ada Lovelace"
		a.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}
		a.Approvers = approversNamed("alan", "barbara", "edsger", "grace", "john")
	})
	d.addNotifiedRequest("REL-2026.03.1", 9*time.Hour, 25*time.Minute, func(a *approval.Request) {
		a.Title = "Release 2026.03.1 to production"
		a.Workflow = "releases"
		a.Step = "go-live"
		a.Approvers = approversNamed("margaret")
	})
	mail := d.addRequest("REF-20944", 5*time.Hour, 43*time.Hour, func(a *approval.Request) {
		a.Title = "Refund of 12.90 EUR to Niklaus Wirth"
		a.GroupChannels = nil
		a.Channels = []string{"mail"}
	})
	d.on("REF-20944", func(o *approval.Order) { end(o, mail, d.ago(5*time.Hour-time.Second), failed(errSMTP.Error())) })
	lost := d.addRequest("PAY-7719", 80*time.Minute, 46*time.Hour, func(a *approval.Request) {
		a.Title = "Payout of 1,250,000.00 EUR to ACME GmbH"
		a.Workflow = "payouts"
		a.Step = "second-signature"
		a.Approvers = approversNamed("treasury")
		a.GroupChannels = nil
		a.Channels = []string{"mail"}
	})
	d.on("PAY-7719", func(o *approval.Order) {
		end(o, lost, d.ago(79*time.Minute), func(string) approval.Result {
			return approval.Result{Kind: approval.ResultRefused, Reason: "smtp: 550 5.1.1 treasury@example.com: user unknown"}
		})
	})
	d.addNotifiedRequest(
		"REF-20951",
		7*time.Minute,
		48*time.Hour,
		func(a *approval.Request) { a.Title = "Refund of 75.50 EUR to Grace Hopper" },
	)
	for i := range 3 {
		d.addExhausted(fmt.Sprintf("PAY-77%02d", 2+i), time.Duration(6-i)*time.Hour)
	}
	missing := store.DeadLetter{Source: "request-orders", Reason: "order: is missing", ReasonCode: "invalid_field:order"}
	redriven := missing
	redriven.Redrives = 1
	for i, l := range []store.DeadLetter{
		missing,
		missing,
		redriven,
		{
			Source:     "decision-erp",
			Reason:     "outcome: has 5 characters and is neither an approval nor a rejection",
			ReasonCode: "invalid_field:outcome",
		},
		{
			Source:     "request-orders",
			Reason:     "body: invalid character '<' looking for beginning of value",
			ReasonCode: "invalid_field:body",
		},
	} {
		l.At = d.now.Add(-time.Duration(20-3*i) * time.Hour)
		l.Body = []byte(`{"taskToken":"secret"}`)
		_, err := d.store.PutDeadLetter(d.t.Context(), l)
		require.NoError(d.t, err)
	}
}

// addExhausted adds a payout with a callback that was refused permanently.
func (d *consoleSite) addExhausted(order string, ago time.Duration) {
	d.addNotifiedRequest(order, ago+time.Hour, 40*time.Hour, func(a *approval.Request) {
		a.Title = "Payout to supplier " + order
		a.Workflow = "payouts"
		a.Step = "second-signature"
	})
	d.on(order, func(o *approval.Order) {
		_, acts, err := o.Decide(approval.Decision{
			ID:      "d",
			Outcome: approval.Approve,
			By:      "alan@example.com",
			Via:     approval.ViaLink,
			Source:  "link",
		}, approval.UnmatchedRetention{}, d.ago(ago))
		require.NoError(d.t, err)
		end(o, acts, d.ago(ago-time.Second), func(string) approval.Result {
			return approval.Result{Kind: approval.ResultRefused, Reason: denied, ReasonCode: approval.ReasonDenied}
		})
	})
}

// addIncident adds an order with a long history: mail failed at first, a reminder and an escalation were sent, and one
// of two approvers has approved.
func (d *consoleSite) addIncident() {
	start := 50 * time.Hour
	acts := d.addRequest("PAY-7701", start, 70*time.Minute, func(a *approval.Request) {
		a.Title = "Payout of 84,000.00 EUR to Northwind Ltd"
		a.Workflow = "payouts"
		a.Step = "second-signature"
		a.Details = []approval.Field{
			{Name: "Amount", Value: "84,000.00 EUR"},
			{Name: "Supplier", Value: "Northwind Ltd, 221B Baker Street, London"},
			{Name: "Invoice", Value: "NW-2026-118"},
		}
		a.Requester = "grace@example.com"
		a.Execution = "arn:aws:states:eu-west-1:123456789012:execution:payouts:7701"
		a.Approvers = approversNamed("alan", "barbara")
		a.Policy = approval.Policy{Kind: approval.PolicyAll}
		a.Reminders = []time.Time{d.now.Add(-26 * time.Hour)}
		a.Escalations = []approval.Escalation{{At: d.now.Add(-2 * time.Hour), Approvers: approversNamed("treasury-lead")}}
	})
	smtp := 0
	flaky := func(channel string) approval.Result {
		if smtp++; channel == "mail" && smtp < 4 {
			return failed(errSMTP.Error())("")
		}
		return ok("")
	}
	d.on("PAY-7701", func(o *approval.Order) {
		end(o, acts, d.ago(start-time.Second), flaky)
		for _, ago := range []time.Duration{start - time.Minute, 26 * time.Hour} {
			t := d.ago(ago)
			end(o, o.Advance(t), d.ago(ago-time.Second), ok)
		}
		_, more, err := o.Decide(approval.Decision{
			ID:      "link-1",
			Outcome: approval.Approve,
			By:      "barbara@example.com",
			Comment: "Checked against the purchase order.",
			Via:     approval.ViaLink,
			Source:  "link",
		}, approval.UnmatchedRetention{}, d.ago(25*time.Hour))
		require.NoError(d.t, err)
		end(o, more, d.ago(25*time.Hour), ok)
		_, _, err = o.Decide(approval.Decision{
			ID:      "link-2",
			Outcome: approval.Approve,
			By:      "grace@example.com",
			Via:     approval.ViaLink,
			Source:  "link",
		}, approval.UnmatchedRetention{}, d.ago(3*time.Hour))
		require.NoError(d.t, err)
		t := d.ago(2 * time.Hour)
		end(o, o.Advance(t), d.ago(2*time.Hour-3*time.Second), func(channel string) approval.Result {
			if channel == "mail" {
				return failed(errSMTP.Error())("")
			}
			return ok("")
		})
	})
}
