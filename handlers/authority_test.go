package handlers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// approversOf returns a change of the workflow: it names approvers, and adds those of requests or not.
func approversOf(add bool, approvers ...string) func(*handlers.Workflow) {
	return func(w *handlers.Workflow) {
		w.Approvers, w.RequestsAddApprovers = approvers, add
		w.People = handlers.People{
			Groups: map[string][]string{"finance": {"ann@example.com", "bob@example.com"}, "empty": nil},
			Persons: map[approval.PersonID]handlers.Person{
				"eve@example.com": {Away: []handlers.Absence{{
					From:        began.Add(-time.Hour),
					Until:       began.Add(time.Hour),
					Substitutes: []string{"Zoë <zoe@example.com>"},
				}}},
			},
			Aliases: map[approval.PersonID]string{"octocat": "ann@example.com", "e": "eve@example.com"},
		}
	}
}

// Who may decide follows from the configuration, and from the fields at the top of a request where the configuration
// permits it. Authority that a request has and that is not used is noted.
func TestWhoMayDecideARequest(t *testing.T) {
	t.Parallel()
	nobody := approversOf(false)
	boss := approversOf(false, "boss@example.com")
	bossOrOthers := approversOf(true, "boss@example.com")
	for name, c := range map[string]struct {
		body   map[string]any
		change func(*handlers.Workflow)
		want   []string
		notes  int
		fault  string // the field at fault
	}{
		"nobody is named":        {change: nobody},
		"the request names them": {body: map[string]any{"approvers": []string{"ann@example.com"}}, change: nobody, want: []string{"ann@example.com"}},
		"in another field":       {body: map[string]any{"managerEmail": "ann@example.com"}, change: nobody, want: []string{"ann@example.com"}},
		"a null is no approver": {
			body: map[string]any{"approvers": nil, "managerEmail": "ann@example.com"}, change: nobody, want: []string{"ann@example.com"},
		},
		"the workflow names them": {change: boss, want: []string{"boss@example.com"}},
		"the request's are not added": {
			body: map[string]any{"approvers": []string{"mallory@evil.example"}}, change: boss, want: []string{"boss@example.com"}, notes: 1,
		},
		"not to a group either": {
			body: map[string]any{"approvers": "mallory@evil.example"}, change: approversOf(false, "group:finance"),
			want: []string{"ann@example.com", "bob@example.com"}, notes: 1,
		},
		"not even read": {
			body: map[string]any{"approvers": map[string]any{"mail": "x"}}, change: boss, want: []string{"boss@example.com"}, notes: 1,
		},
		"unless the configuration says where they are": {
			body: map[string]any{"approvers": "ann@example.com; Boss@example.com"}, change: bossOrOthers,
			want: []string{"boss@example.com", "ann@example.com"},
		},
		"nested data": {
			body:   map[string]any{"order": map[string]any{"managerEmail": "mallory@evil.example"}},
			change: nobody, notes: 1,
		},
		"nested data beside the names of the workflow": {
			body: map[string]any{"approvalRequest": map[string]any{
				"approvers": []string{"mallory@evil.example"}, "requester": "boss@example.com", "deadline": from(time.Second), "timeoutSeconds": 1,
			}},
			change: boss, want: []string{"boss@example.com"}, notes: 4,
		},
		"an empty nested value is no attempt": {
			body: map[string]any{"approvalRequest": map[string]any{"approvers": nil}}, change: nobody,
		},

		"null":           {body: map[string]any{"approvers": nil}, change: nobody, fault: "approvers"},
		"empty text":     {body: map[string]any{"approvers": ""}, change: nobody, fault: "approvers"},
		"white space":    {body: map[string]any{"approvers": " "}, change: nobody, fault: "approvers"},
		"empty list":     {body: map[string]any{"approvers": []string{}}, change: nobody, fault: "approvers"},
		"empty JSON":     {body: map[string]any{"approvers": "[]"}, change: nobody, fault: "approvers"},
		"empty names":    {body: map[string]any{"approvers": []string{"", " "}}, change: nobody, fault: "approvers"},
		"a null alone":   {body: map[string]any{"managerEmail": nil}, change: nobody, fault: "approvers"},
		"an empty group": {body: map[string]any{"approvers": "group:empty"}, change: nobody, fault: "approvers"},
		"only commas":    {body: map[string]any{"approvers": ", ,"}, change: nobody, fault: "approvers"},

		"null beside the names of the workflow":       {body: map[string]any{"approvers": nil}, change: boss, want: []string{"boss@example.com"}},
		"empty list beside the names of the workflow": {body: map[string]any{"approvers": []string{}}, change: bossOrOthers, want: []string{"boss@example.com"}},

		"the requester removes themself": {
			body:   map[string]any{"requester": "Boss <BOSS@example.com>", "approvers": []string{"ann@example.com"}},
			change: bossOrOthers, want: []string{"ann@example.com"},
		},
		"nobody else": {
			body:   map[string]any{"requester": "dan@example.com"},
			change: boss, want: []string{"boss@example.com"},
		},
		"never the last one": {body: map[string]any{"requester": "boss@example.com"}, change: boss, fault: "approvers"},
		"nor for an outsider": {
			body:   map[string]any{"requester": "boss@example.com", "approvers": []string{"mallory@evil.example"}},
			change: boss, fault: "approvers",
		},
		"several requesters": {body: map[string]any{"requester": "ann@example.com, bob@example.com"}, change: boss, fault: "requester"},
		"an unclear one":     {body: map[string]any{"requester": "requested by ann@example.com"}, change: boss, fault: "requester"},

		"an alias":                    {body: map[string]any{"approvers": []string{"OctoCat"}}, change: nobody, want: []string{"ann@example.com"}},
		"an alias of the requester":   {body: map[string]any{"requester": "octocat"}, change: approversOf(false, "group:finance"), want: []string{"bob@example.com"}},
		"one person under two names":  {body: map[string]any{"approvers": []string{"octocat", "Ann <ann@example.com>"}}, change: nobody, want: []string{"ann@example.com"}},
		"the substitutes of an alias": {body: map[string]any{"approvers": []string{"e"}}, change: nobody, want: []string{"eve@example.com", "zoe@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			requests := h.requests(c.change)
			m := msg(t, body(c.body), metadata.SentAt, began.Format(time.RFC3339Nano))
			err := requests.Handle(m)
			if c.fault != "" {
				requireField(t, c.fault, err)
				return
			}
			require.NoError(t, err)
			a := h.approval(t, "A-1")
			var got []string
			nonces := map[string]bool{}
			for _, p := range a.Approvers {
				got = append(got, p.ID)
				nonces[p.Nonce] = true
			}
			require.Equal(t, c.want, got)
			require.Len(t, nonces, len(got), "each link is of its own")
			require.Equal(t, began.Add(24*time.Hour), a.Deadline.UTC())
			reading, err := requests.ReadForPreview(m)
			require.NoError(t, err)
			require.Len(t, reading.Notes, c.notes, "%q", reading.Notes)
			for _, note := range reading.Notes {
				require.NotContains(t, note, "example", "a note has no values")
			}
		})
	}
}

// A person decides under the same ID by every way in.
func TestTheMakerOfADecisionIsOnePersonByEveryWayIn(t *testing.T) {
	t.Parallel()
	people := &handlers.People{Aliases: map[approval.PersonID]string{
		"octocat":           "ann@example.com",
		"x500:ann@corp.old": "ann@example.com", // no address that package identity reads
	}}
	for _, via := range approval.AllVias() {
		for _, by := range []string{
			"ann@example.com", "Ann <ANN@example.com>", "mailto:ann@example.com", "OCTOCAT", "X500:ann@corp.old",
		} {
			h := newHouse()
			body := body(map[string]any{"approvers": []string{"ann@example.com"}})
			require.NoError(t, h.requests(approversOf(false)).Handle(msg(t, body)))
			decider := &handlers.Decider{Transitions: h.Transitions, People: func() *handlers.People { return people }}
			verdict, err := decider.Decide(t.Context(), "A-1", approval.Decision{
				ID:      "d",
				By:      by,
				Via:     via,
				Outcome: approval.Approve,
			})
			require.NoError(t, err, "%s %s", via, by)
			if via == approval.ViaLink && by != "ann@example.com" { // a link has the ID of the record
				require.Equal(t, approval.VerdictNotApprover, verdict.Code)
				continue
			}
			require.Equal(t, approval.VerdictDecided, verdict.Code, "%s %s", via, by)
			require.True(t, approval.SamePerson("ann@example.com", h.approval(t, "A-1").Votes[0].By))
		}
	}
	h := newHouse()
	decider := &handlers.Decider{Transitions: h.Transitions}
	_, err := decider.Decide(t.Context(), "A-1", approval.Decision{
		ID:      "d",
		By:      "ann@example.com, bob@example.com",
		Via:     approval.ViaAPI,
		Outcome: approval.Approve,
	})
	requireField(t, "by", err)
}

// An order that an earlier version stored under an ID with white space is found by that ID.
func TestOrdersUnderTheirExactID(t *testing.T) {
	t.Parallel()
	h := newHouse()
	id, err := handlers.FindOrderID(t.Context(), h, "A-1 ")
	require.NoError(t, err)
	require.Equal(t, "A-1", id)
	require.NoError(t, h.store.Update(t.Context(), "A-1 ", func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token:    approval.NewToken(token),
			Target:   "sfn",
			Workflow: "orders",
			Policy:   approval.Policy{Kind: approval.PolicyAny},
			Deadline: began.Add(time.Hour),
		}, approval.Environment{Now: began})
		return err
	}))
	id, err = handlers.FindOrderID(t.Context(), h, "A-1 ")
	require.NoError(t, err)
	require.Equal(t, "A-1 ", id)
	for _, noSegment := range []string{".", "..", " .. ", "/"} {
		_, err = handlers.FindOrderID(t.Context(), h, noSegment)
		requireField(t, "order", err)
		requireField(t, "order", h.requests().Handle(msg(t, body(map[string]any{"orderId": noSegment}))))
		decision := `{"orderId":"` + noSegment + `","decision":"yes"}`
		requireField(t, "order", h.decisions(approval.ViaWebhook).Handle(msg(t, decision)))
	}
}

// Order IDs that people cannot tell apart are the same.
func TestOrderIDsThatLookTheSame(t *testing.T) {
	t.Parallel()
	for _, same := range []string{
		"PO 4-Größe", " PO 4-Größe\n", "PO\u00a04-Größe", "PO\u202f4\u2011Gro\u0308ße", "\ufeffPO\u200b 4\u2010Gr\u00ado\u0308ße\u200b",
	} {
		id, err := handlers.NormalizeOrderID(same)
		require.NoError(t, err)
		require.Equal(t, "PO 4-Größe", id, "%q", same)
		h := newHouse()
		require.NoError(t, h.requests().Handle(msg(t, body(map[string]any{"orderId": "PO 4-Größe"}))))
		require.NoError(t, h.decisions(approval.ViaWebhook).Handle(msg(t, body(map[string]any{"orderId": same, "decision": "yes"}))))
		require.Equal(t, approval.Approved, h.approval(t, "PO 4-Größe").Status, "%q", same)
	}
	for _, other := range []string{"po 4-Größe", "PO  4-Größe", "PO 4–Größe", "PO 4-Groesse", "PO 4-Grösse", "PO 4\u200d-Größe"} {
		id, err := handlers.NormalizeOrderID(other)
		require.NoError(t, err)
		require.NotEqual(t, "PO 4-Größe", id, "%q", other)
	}
	for _, invisible := range []string{"\u200b", "\u00ad\u2060", "\u00a0"} {
		requireField(t, "order", newHouse().requests().Handle(msg(t, body(map[string]any{"orderId": invisible}))))
	}
}
