package receipt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
)

// The errors of an approval that has no receipt.
var (
	ErrPending   = errors.New("the approval is pending; it has a receipt when it is closed")
	ErrNoReceipt = errors.New("the workflow wanted no receipt when the request came: it needs decision.receipt")
)

// Make returns the signed receipt of a closed approval.
func Make(s Signer, issuer, orderID string, a *approval.Approval) (string, error) {
	r, err := newReceipt(issuer, orderID, a)
	if err != nil {
		return "", err
	}
	for _, shorten := range []func(*Receipt) error{
		func(*Receipt) error { return nil },
		(*Receipt).replaceVoteValues,
		(*Receipt).replaceChanges,
		(*Receipt).replaceVotes,
	} {
		if err := shorten(&r); err != nil {
			return "", err
		}
		text, err := Sign(s, r)
		if err != nil || len(text) <= MaxLength {
			return text, err
		}
	}
	return "", fmt.Errorf("the receipt is longer than %d bytes", MaxLength)
}

// newReceipt returns the receipt of an approval. A receipt without the digest of the request would be no proof.
func newReceipt(issuer, orderID string, a *approval.Approval) (Receipt, error) {
	switch {
	case a.Status == approval.Pending:
		return Receipt{}, ErrPending
	case !a.Receipt || a.RequestDigest == "":
		return Receipt{}, ErrNoReceipt
	}
	rules, err := rulesDigest(a)
	if err != nil {
		return Receipt{}, err
	}
	r := Receipt{
		Issuer:        issuer,
		IssuedAt:      a.ClosedAt.Unix(),
		ID:            a.ID,
		Audience:      a.Audience,
		Order:         orderID,
		Approval:      a.ID,
		Workflow:      a.Workflow,
		Step:          a.Step,
		Execution:     a.Execution,
		Requester:     a.Requester,
		RequestDigest: a.RequestDigest,

		OriginalRequestDigest: a.OriginalDigest,

		Status:      string(a.Status),
		Values:      Part("{}"),
		Changes:     []Change{},
		Votes:       []Vote{},
		Rules:       Rules{Digest: rules, Version: a.RulesVersion},
		RequestedAt: formatTime(a.RequestedAt),
		ClosedAt:    formatTime(a.ClosedAt),
	}
	for _, v := range a.Votes {
		r.Votes = append(r.Votes, newVote(v))
	}
	for _, c := range approval.ChangesOf(a.Votes) {
		r.Changes = append(r.Changes, newChange(c))
	}
	if v := approval.DecidingVote(a.Status, a.Votes); v != nil {
		r.ShownDigest = v.ShownDigest
		r.Choice = choiceOf(*v)
		r.Outcome = string(v.Outcome)
		r.DecidedBy = v.By
		r.Principal = v.AuthenticatedMaker()
		r.Via = string(v.Via)
		r.ConfirmedBy = v.ConfirmedBy
		if len(v.Values) > 0 {
			r.Values = v.Values
		}
	}
	return r, nil
}

func newVote(v approval.Vote) Vote {
	return Vote{
		By:          v.By,
		Principal:   v.AuthenticatedMaker(),
		Via:         string(v.Via),
		Choice:      choiceOf(v),
		Outcome:     string(v.Outcome),
		Values:      v.Values,
		ShownDigest: v.ShownDigest,
		At:          formatTime(v.At),
		Void:        v.Void,

		CommentDigest: v.DigestOfComment(),
		ConfirmedBy:   v.ConfirmedBy,
	}
}

// newChange returns an edit. A part of the request that has no canonical form, and is not part of the payload, is stated
// as text.
func newChange(c approval.Change) Change {
	from := c.From
	if _, err := canonical.JSON(from); err != nil {
		from, _ = json.Marshal(string(c.From)) // a string
	}
	return Change{
		Path: c.Path,
		From: from,
		To:   c.To,
		By:   c.By,
	}
}

// choiceOf returns the ID of the choice of a vote. Without choices of its own, an approval offers the outcomes.
func choiceOf(v approval.Vote) string {
	if v.Choice == "" {
		return string(v.Outcome)
	}
	return v.Choice
}

// rulesDigest returns the digest of the rules under which an approval was decided. Approvers are in the order of their
// IDs, because their order has no meaning.
func rulesDigest(a *approval.Approval) (string, error) {
	var approvers []string
	for _, p := range a.Approvers {
		approvers = append(approvers, p.ID)
	}
	slices.Sort(approvers)
	return digestOf(map[string]any{
		"policy":          a.Policy,
		"approvers":       approvers,
		"sources":         a.Sources,
		"sourcesRequired": a.SourcesRequired,
		"minAssurance":    a.MinAssurance,
		"choices":         a.Choices,
		"form":            a.Form,
		"edits":           a.Edits,
	})
}

// replaceVoteValues replaces the values in the list of votes by their digests. The values of the deciding vote stay at the
// top of the receipt.
func (r *Receipt) replaceVoteValues() error {
	for i := range r.Votes {
		v := &r.Votes[i]
		if len(v.Values) == 0 {
			continue
		}
		var err error
		if v.ValuesDigest, err = digestOf(v.Values); err != nil {
			return err
		}
		v.Values = nil
	}
	return nil
}

// replaceChanges replaces the edits by their digest.
func (r *Receipt) replaceChanges() (err error) {
	r.ChangesDigest, err = digestOf(r.Changes)
	r.Changes = []Change{}
	return err
}

// replaceVotes replaces the list of votes by its digest. The deciding vote stays at the top of the receipt.
func (r *Receipt) replaceVotes() (err error) {
	r.VotesDigest, err = digestOf(r.Votes)
	r.Votes = []Vote{}
	return err
}

func digestOf(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("digest a part of the receipt: %w", err)
	}
	return canonical.Digest(raw)
}

// timeFormat is RFC 3339 in UTC with milliseconds, as in answers.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }
