package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

func people() handlers.People {
	away := func(cover ...string) []handlers.Absence {
		return []handlers.Absence{{From: began.Add(-time.Hour), Until: began.Add(time.Hour), Substitutes: cover}}
	}
	return handlers.People{
		Groups: map[string][]string{"finance": {"ann", "bob"}},
		Persons: map[approval.PersonID]handlers.Person{
			"ann": {Away: away("cover")}, "cover": {Away: away("deputy"), Channels: []string{"chat"}},
			"deputy": {Away: away("cover")}, "bob": {FallbackChannels: []string{"sms"}},
		},
	}
}

// names lists approvers as "id", or "id for ID" for a substitute.
func names(in []approval.Approver) string {
	var out []string
	for _, p := range in {
		name := p.ID
		if p.SubstituteFor != "" {
			name += " for " + p.SubstituteFor
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func TestPeople(t *testing.T) {
	t.Parallel()
	p := people()
	got, err := p.ResolveApprovers([]string{"group:Finance", " eve "}, began)
	require.NoError(t, err)
	require.Equal(t, "ann, bob, eve, cover for ann, deputy for ann, cover for ann", names(got), "a ring of covers ends")
	require.Equal(t, []string{"sms"}, got[1].FallbackChannels)
	require.Equal(t, []string{"chat"}, got[3].Channels)
	nonces := map[string]bool{}
	for _, a := range got {
		nonces[a.Nonce] = true
	}
	require.Len(t, nonces, len(got))

	for _, at := range []time.Time{began.Add(-time.Hour - 1), began.Add(time.Hour)} {
		got, err = p.ResolveApprovers([]string{"ANN"}, at)
		require.NoError(t, err)
		require.Equal(t, "ANN", names(got), "who is there has no cover")
	}
	_, err = p.ResolveApprovers([]string{"group:nobody"}, began)
	require.True(t, approval.IsPermanent(err))
	require.ErrorContains(t, err, "approvers: name a group that is not configured; configured are ")
}

func TestARequestKnowsItsPeople(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) {
		w.People, w.Deadline, w.Approvers = people(), 4*time.Hour, []string{"ann"}
		w.FallbackChannels = []string{"sms"}
		w.ProgramChannels = []string{"bus"}
		w.GroupChannels = []string{"chat"}
		w.OnUndeliverable = approval.UndeliverableEscalate
		w.Escalations = []handlers.Escalation{
			{RelativeTime: handlers.RelativeTime{After: 2 * time.Hour}, To: []string{"group:finance", "chief"}},
			{RelativeTime: handlers.RelativeTime{Before: 5 * time.Hour}, To: []string{"chief"}},
			{RelativeTime: handlers.RelativeTime{Before: time.Hour}, To: []string{"chief"}},
		}
	}).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	a := h.approval(t, "A-1")
	require.Equal(t, "ann, cover for ann, deputy for ann", names(a.Approvers), "each once")
	var at []time.Duration
	for _, e := range a.Escalations {
		at = append(at, e.At.Sub(began))
	}
	require.Equal(t, []time.Duration{0, 2 * time.Hour, 3 * time.Hour}, at, "one whose time has passed is due at once")
	require.Equal(t, "ann, bob, chief", names(a.Escalations[1].Approvers), "she is back by then")
	require.Equal(t, approval.UndeliverableEscalate, a.OnUndeliverable)

	err := h.requests(func(w *handlers.Workflow) {
		w.Escalations = []handlers.Escalation{{RelativeTime: handlers.RelativeTime{After: 1}, To: []string{"group:x"}}}
	}).Handle(msg(t, `{"orderId":"A-2","taskToken":"x"}`))
	require.True(t, approval.IsPermanent(err))
}
