package web

import (
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// roundView is the round of a request that was returned before: the votes and comments of then, and the differences
// since.
type roundView struct {
	Number      string
	ReturnedAt  look.Moment
	Votes       []voteView
	Differences []changeView
	More        int // differences that are not kept
}

// round returns the round of the request, or nil in the first round.
func (v *visit) round() *roundView {
	previous := v.approval.Previous
	if previous == nil {
		return nil
	}
	out := &roundView{
		Number:     v.count(v.approval.Round),
		ReturnedAt: v.moment(previous.ReturnedAt),
		More:       previous.MoreDifferences,
	}
	for _, vote := range previous.Votes {
		choice := approval.Choice{ID: vote.Choice, Label: vote.Label, Means: vote.Outcome}
		outcome := v.text("page.outcome." + string(vote.Outcome))
		if vote.Choice != "" && hasOwnLabel(choice) {
			outcome = v.label(choice)
		}
		out.Votes = append(out.Votes, voteView{
			By:      v.person(vote.By),
			Own:     v.own(vote.By),
			Outcome: outcome,
			Class:   classOf(vote.Outcome),
			At:      v.moment(vote.At),
			Comment: untrusted.MultiLine(vote.Comment),
			Void:    v.void(vote.Void),
		})
	}
	for _, d := range previous.Differences {
		out.Differences = append(out.Differences, changeView{
			Label: v.detailLabel(d.Name),
			From:  v.orNotGiven(d.Before),
			To:    v.orNotGiven(d.After),
		})
	}
	return out
}

// detailLabel returns the label of a detail, also of a detail that is gone since the round before.
func (v *visit) detailLabel(name string) string {
	field := approval.Field{Name: name, IsPath: true}
	if i := slices.IndexFunc(v.approval.Details, func(f approval.Field) bool { return f.Name == name }); i >= 0 {
		field = v.approval.Details[i]
	}
	return details.Label(&field, v.Words.Tag())
}

func (r reader) orNotGiven(value string) string {
	if value == "" {
		return r.text("page.not_given")
	}
	return untrusted.MultiLine(value)
}
