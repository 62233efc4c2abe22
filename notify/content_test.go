package notify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

func TestHeadline(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]approval.Message{
		"Approval needed":                  {Kind: approval.NotifyRequest},
		"Reminder: approval needed":        {Kind: approval.NotifyReminder},
		"Still undecided, approval needed": {Kind: approval.NotifyEscalation},
		"approval.decided x":               {Kind: approval.NotifyEvent, Event: "approval.decided\r\nx"},
		"Approved":                         {Kind: approval.NotifyOutcome, Status: approval.Approved},
		"Rejected":                         {Kind: approval.NotifyOutcome, Status: approval.Rejected},
		"Timed out":                        {Kind: approval.NotifyOutcome, Status: approval.TimedOut},
		"Cancelled":                        {Kind: approval.NotifyOutcome, Status: approval.Cancelled},
		"Superseded by a newer request":    {Kind: approval.NotifyOutcome, Status: approval.Superseded},
		"Pending":                          {Kind: approval.NotifyOutcome, Status: approval.Pending},
	} {
		require.Equal(t, want, notify.HeadlineFor(m))
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	c := notify.NewContent(notifytest.NewMessage(), notify.Limits{})
	require.Equal(t, "Your decision is needed", c.Lead)
	require.Equal(t, "Refund of 480 EUR to Ada Lovelace", c.Title)
	require.Equal(t, "Decide until=Tuesday 3 March 2026, 17:00 UTC Requested by=grace@example.com For=alan@example.com "+
		"Order=A-1001 Workflow=refunds Step=finance Requested=Monday 2 March 2026, 09:30 UTC", facts(c))
	require.Equal(t, []notify.Detail{
		{Name: "Amount", Lines: []string{"480.00 EUR"}},
		{Name: "Reason", Lines: []string{"Damaged in transit.", "Photos are in the ticket."}},
	}, c.Details)
	require.Equal(t, "Review and decide", c.LinkLabel)
	require.Contains(t, c.LinkNote, "in the name of the approver")
	require.Empty(t, c.Approvers)
	require.Empty(t, c.LeftOutNote())
	require.Empty(t, c.CutNote(c.Details[0]))
}

// A message to a group names the approvers only if the link does not decide there.
func TestContentForGroup(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Approver = ""
	c := notify.NewContent(m, notify.Limits{})
	require.Equal(t, "Review and decide", c.LinkLabel, "everybody may decide")
	require.NotContains(t, c.LinkNote, "in the name of")

	m.Approvers = []string{"alan@example.com", "bar\u202ebara@example.com"}
	c = notify.NewContent(m, notify.Limits{Heading: 10})
	require.Equal(t, "See the request", c.LinkLabel)
	require.Contains(t, c.LinkNote, "Only the approvers can decide")
	require.Equal(t, []string{"alan@exam…", "bar\ufffdbara@…"}, c.Approvers)
}

func TestContentOfOutcome(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Kind, m.Status, m.Title = approval.NotifyOutcome, approval.Approved, ""
	c := notify.NewContent(m, notify.Limits{})
	require.Equal(t, "refunds", c.Title)
	require.Equal(t, "Requested by=grace@example.com Order=A-1001 Workflow=refunds Step=finance", facts(c))
}

// Every limit cuts, and the notes give the numbers.
func TestContentLimits(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Title, m.Step = strings.Repeat("t", 50), "a\nb\u202e"
	m.Details = []approval.Field{
		{Name: strings.Repeat("n", 50), Value: strings.Repeat("v", 50)},
		{Name: "lines", Value: " 1\r\n2\n3\n4 "},
		{Name: "left", Value: "out"},
	}
	c := notify.NewContent(m, notify.Limits{
		Heading: 10,
		Details: 2,
		Value:   20,
		Lines:   2,
	})
	require.Equal(t, "ttttttttt…", c.Title)
	require.Contains(t, facts(c), "Step=a b\ufffd ")
	require.Equal(t, []notify.Detail{
		{Name: "nnnnnnnnn…", Lines: []string{strings.Repeat("v", 20)}, Cut: 30},
		{Name: "lines", Lines: []string{"1", "2"}, Cut: 3},
	}, c.Details)
	require.Equal(t, "Cut here: 30 more characters are on the page.", c.CutNote(c.Details[0]))
	require.Equal(t, "1 more detail is on the page.", c.LeftOutNote())
}

func facts(c notify.Content) string {
	var out []string
	for _, f := range c.Facts {
		out = append(out, f.Label+"="+f.Value)
	}
	return strings.Join(out, " ")
}
