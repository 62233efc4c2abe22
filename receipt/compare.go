package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/canonical"
)

// compare returns an error if an answer contradicts its receipt. An answer that states less is no contradiction.
func (r Receipt) compare(answer map[string]json.RawMessage) error {
	isTruncated := isTrue(answer["truncated"])
	expected := map[string]any{
		"orderId":           r.Order,
		"approvalId":        r.Approval,
		"workflow":          r.Workflow,
		"step":              r.Step,
		"execution":         r.Execution,
		"status":            r.Status,
		"approved":          r.Status == "approved",
		"decision":          r.Outcome,
		"choice":            r.Choice,
		"values":            r.Values,
		"decidedBy":         r.DecidedBy,
		"principal":         r.Principal,
		"via":               r.Via,
		"confirmedBy":       r.ConfirmedBy,
		"shownDigest":       r.ShownDigest,
		"approvalTimestamp": r.ClosedAt,
	}
	if !isTruncated && r.ChangesDigest == "" {
		expected["changes"] = r.Changes
	}
	if err := compareFields("answer", answer, expected); err != nil {
		return err
	}
	stated := r.Votes
	if votes, given := answer["votes"]; given {
		var err error
		if stated, err = r.compareVotes(votes, isTruncated); err != nil {
			return err
		}
	}
	if comment, given := answer["comment"]; given && !r.hasDecidingComment(stated, comment, isTruncated) {
		return changedError("answer", "comment")
	}
	return nil
}

// compareFields returns an error if a JSON object has one of the expected fields with another value.
func compareFields(what string, object map[string]json.RawMessage, expected map[string]any) error {
	for name, want := range expected {
		got, given := object[name]
		if !given {
			continue
		}
		wanted, err := json.Marshal(want)
		if err != nil {
			return fmt.Errorf("compare the answer: %w", err)
		}
		if !isSame(got, wanted) {
			return changedError(what, name)
		}
	}
	return nil
}

func changedError(what, name string) error {
	return fmt.Errorf("the %s was changed: its %s is not the %s of its receipt", what, name, name)
}

// hasDecidingComment reports whether a comment of an answer is that of the deciding vote, which is among those that are
// proved. A receipt that is too long for its votes does not prove the comment of an answer without them.
func (r Receipt) hasDecidingComment(proved []Vote, comment json.RawMessage, isTruncated bool) bool {
	if r.VotesDigest != "" && len(proved) == 0 {
		return true
	}
	isOfDecidingVote := func(v Vote) bool {
		return !v.Void && v.By == r.DecidedBy && v.Principal == r.Principal && v.Outcome == r.Outcome &&
			isSameComment(comment, v.CommentDigest, isTruncated)
	}
	return slices.ContainsFunc(proved, isOfDecidingVote) || r.Outcome == "" && isSameComment(comment, "", isTruncated)
}

// isSameComment reports whether a comment has a digest. A truncated answer may have the beginning of the comment, which a
// digest does not tell.
func isSameComment(comment json.RawMessage, digest string, isTruncated bool) bool {
	var text string
	if json.Unmarshal(comment, &text) != nil {
		return false
	}
	if isTruncated && (text == "" || digest != "" && strings.HasSuffix(text, "…")) {
		return true
	}
	return digestOfText(text) == digest
}

func digestOfText(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// compareVotes returns the votes that are proved, or an error if the votes of an answer contradict the receipt.
func (r Receipt) compareVotes(raw json.RawMessage, isTruncated bool) ([]Vote, error) {
	var votes []map[string]json.RawMessage
	if _, err := canonical.JSON(raw); err != nil || json.Unmarshal(raw, &votes) != nil { // also a name that occurs twice
		return nil, changedError("answer", "votes")
	}
	if r.VotesDigest != "" {
		return r.compareVotesDigest(votes, isTruncated)
	}
	if len(votes) != len(r.Votes) {
		return nil, fmt.Errorf("the answer was changed: it has %d votes, its receipt has %d", len(votes), len(r.Votes))
	}
	for i, vote := range votes {
		if err := r.Votes[i].compare(vote, isTruncated); err != nil {
			return nil, err
		}
	}
	return r.Votes, nil
}

// compare returns an error if a vote of an answer contradicts the vote of the receipt.
func (v Vote) compare(vote map[string]json.RawMessage, isTruncated bool) error {
	expected := map[string]any{
		"decidedBy":   v.By,
		"principal":   v.Principal,
		"via":         v.Via,
		"decision":    v.Outcome,
		"choice":      v.Choice,
		"shownDigest": v.ShownDigest,
		"at":          v.At,
		"void":        v.Void,
		"confirmedBy": v.ConfirmedBy,
	}
	if isText(vote["choice"], "") { // an approval without choices of its own offers the outcomes
		expected["choice"] = ""
	}
	if v.ValuesDigest == "" {
		expected["values"] = orEmptyObject(v.Values)
	}
	if err := compareFields("answer", vote, expected); err != nil {
		return fmt.Errorf("a vote: %w", err)
	}
	if values, given := vote["values"]; given && v.ValuesDigest != "" {
		if digest, err := canonical.Digest(values); err != nil || digest != v.ValuesDigest {
			return fmt.Errorf("a vote: %w", changedError("answer", "values"))
		}
	}
	if comment, given := vote["comment"]; given && !isSameComment(comment, v.CommentDigest, isTruncated) {
		return fmt.Errorf("a vote: %w", changedError("answer", "comment"))
	}
	return nil
}

func orEmptyObject(values Part) Part {
	if len(values) == 0 {
		return Part("{}")
	}
	return values
}

// compareVotesDigest compares the votes of an answer with their digest, unless the answer lacks comments, and returns the
// votes that are proved. An answer has the same empty object for votes without values and for those with empty ones.
func (r Receipt) compareVotesDigest(votes []map[string]json.RawMessage, isTruncated bool) ([]Vote, error) {
	if isTruncated {
		return nil, nil
	}
	for _, emptyIsStated := range []bool{false, true} {
		stated := []Vote{}
		for _, vote := range votes {
			v, err := newStatement(vote, emptyIsStated)
			if err != nil {
				return nil, changedError("answer", "votes")
			}
			stated = append(stated, v)
		}
		if digest, err := digestOf(stated); err == nil && digest == r.VotesDigest {
			return stated, nil
		}
	}
	return nil, changedError("answer", "votes")
}

// newStatement returns a vote of an answer as a receipt states it that is too long for the values of votes.
func newStatement(vote map[string]json.RawMessage, emptyIsStated bool) (v Vote, err error) {
	var comment string
	for name, to := range map[string]any{
		"decidedBy":   &v.By,
		"principal":   &v.Principal,
		"via":         &v.Via,
		"decision":    &v.Outcome,
		"choice":      &v.Choice,
		"shownDigest": &v.ShownDigest,
		"at":          &v.At,
		"void":        &v.Void,
		"confirmedBy": &v.ConfirmedBy,
		"comment":     &comment,
	} {
		if raw, given := vote[name]; given {
			if err := json.Unmarshal(raw, to); err != nil {
				return Vote{}, err
			}
		}
	}
	if v.Choice == "" {
		v.Choice = v.Outcome
	}
	v.CommentDigest = digestOfText(comment)
	if values := orEmptyObject(vote["values"]); emptyIsStated || !isSame(values, Part("{}")) {
		v.ValuesDigest, err = canonical.Digest(values)
	}
	return v, err
}

// isText reports whether a JSON value is a text.
func isText(value json.RawMessage, want string) bool {
	var text string
	return value != nil && json.Unmarshal(value, &text) == nil && text == want
}
