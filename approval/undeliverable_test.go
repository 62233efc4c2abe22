package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFallback(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	mailAndChat := withChannels("mail", "chat")
	fallback := func(a *Request) { a.FallbackChannels = []string{"chat", "sms", "pager"} }
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("ann"), mailAndChat, fallback), envAt(0))
	more := failAll(t, o, actions[:1], 1)
	require.Equal(t, "dead_letter notify", joinKinds(more))
	want := "request mail>ann exhausted; request chat>ann owed; request sms>ann owed"
	require.Equal(t, want, listNotifications(a), "chat is under way already")
	more = failAll(t, o, more, 2)
	require.Contains(t, listNotifications(a), "sms>ann exhausted; request pager>ann owed")
	failAll(t, o, more, 3)
	require.False(t, a.Undeliverable, "chat may still succeed")
	failAll(t, o, actions[1:], 4)
	require.True(t, a.Undeliverable)
	require.Len(t, a.Notifications, 4, "there is no other channel")
}

func TestApproversHaveTheirOwnChannels(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", withChannels("mail"), func(a *Request) {
		a.Approvers = []Approver{
			{ID: "ann", Nonce: "1", Channels: []string{"chat"}, FallbackChannels: []string{"sms"}},
			{ID: "bob", Nonce: "2"},
		}
		a.FallbackChannels = []string{"pager"}
	}), envAt(0))
	require.Equal(t, "request chat>ann owed; request mail>bob owed", listNotifications(a))
	failAll(t, o, actions, 1)
	require.Contains(t, listNotifications(a), "request sms>ann owed; request pager>bob owed")
}

func TestGroupGetsASingleMessage(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("ann", "bob"), withChannels("group"), func(a *Request) {
		a.GroupChannels = []string{"group"}
		a.FallbackChannels = []string{"mail"}
		a.Reminders = []time.Time{at(time.Hour)}
	}), envAt(0))
	require.Equal(t, "request group> owed", listNotifications(a))
	failAll(t, o, actions, 1)
	want := "request group> exhausted; request mail>ann owed; request mail>bob owed"
	require.Equal(t, want, listNotifications(a), "each approver separately now")
	o.Advance(envAt(time.Hour))
	require.Contains(t, listNotifications(a), "reminder group> owed")
}

func TestUndeliverable(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("ann"), byMail), envAt(0))
	require.Equal(t, "dead_letter", joinKinds(failAll(t, o, actions, 1)))
	require.True(t, a.Undeliverable)
	require.Equal(t, EventUndeliverable, o.NewEvents()[len(o.NewEvents())-1].Kind)
	require.Equal(t, Pending, a.Status)

	o = &Order{ID: "o-1"}
	cancel := func(a *Request) { a.OnUndeliverable = UndeliverableCancel }
	a, actions = addRequest(t, o, newRequest("t1", withApprovers("ann"), byMail, cancel), envAt(0))
	require.Equal(t, "dead_letter call_back", joinKinds(failAll(t, o, actions, 1)))
	require.Equal(t, Cancelled, a.Status)
	require.Equal(t, "no notification could be delivered", a.Reason)

	o = &Order{ID: "o-1"}
	escalate := func(a *Request) {
		a.OnUndeliverable = UndeliverableEscalate
		a.Escalations = []Escalation{escalationToBoss(time.Hour), escalationToBoss(90 * time.Minute)}
	}
	a, actions = addRequest(t, o, newRequest("t1", withApprovers("ann"), byMail, escalate), envAt(0))
	more := failAll(t, o, actions, 1)
	require.Equal(t, "dead_letter notify", joinKinds(more))
	require.Contains(t, listNotifications(a), "escalation mail>boss owed", "at once")
	require.False(t, a.Undeliverable)
	failAll(t, o, more, 2)
	require.Equal(t, 2, a.EscalationsDone, "the second escalation adds nobody")
	require.True(t, a.Undeliverable)
}

func TestASingleDeliveryIsEnough(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("ann", "bob"), byMail), envAt(0))
	o.RecordNotificationResult(actions[0], ok, envAt(1))
	failAll(t, o, actions[1:], 2)
	require.False(t, a.Undeliverable)
	require.Equal(t, at(1), a.FirstNotifiedAt)
}

// An approval that has no notification to send is undeliverable from the start, unless programs know of it.
func TestUndeliverableWithoutNotification(t *testing.T) {
	t.Parallel()
	named, noChannel := withApprovers("ann"), func(*Request) {}
	decidedBy := func(sources ...string) func(*Request) { return func(r *Request) { r.Sources = sources } }
	events := func(r *Request) { r.ProgramChannels = []string{"bus"} }
	for name, c := range map[string]struct {
		options []func(*Request)
		want    bool
	}{
		"no channel, approvers named":              {[]func(*Request){named, noChannel}, true},
		"no channel, no approver":                  {[]func(*Request){noChannel}, true},
		"no source may decide":                     {[]func(*Request){named, decidedBy(NoSource)}, true},
		"the workflow names a source":              {[]func(*Request){named, decidedBy("erp")}, false},
		"programs are told":                        {[]func(*Request){named, events}, false},
		"a channel":                                {[]func(*Request){named, byMail}, false},
		"a channel of the approver alone":          {[]func(*Request){func(r *Request) { r.Approvers = []Approver{{ID: "ann", Nonce: "1", Channels: []string{"chat"}}} }}, false},
		"a channel, and no source that may decide": {[]func(*Request){named, byMail, decidedBy(NoSource)}, false},
	} {
		o := &Order{ID: "o-1"}
		a, _ := addRequest(t, o, newRequest("t1", append(c.options, func(*Request) {})...), envAt(0))
		require.Equal(t, c.want, a.Undeliverable, name)
		require.Equal(t, Pending, a.Status, name)
	}

	o := &Order{ID: "o-1"}
	cancel := func(r *Request) { r.OnUndeliverable = UndeliverableCancel }
	a, actions := addRequest(t, o, newRequest("t1", named, cancel), envAt(0))
	require.Equal(t, Cancelled, a.Status)
	require.Equal(t, "call_back", joinKinds(actions), "the workflow continues at once")
}
