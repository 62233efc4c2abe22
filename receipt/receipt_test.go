package receipt_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/receipt"
)

const purchase = `{"id": "P-7", "total": 4200.50, "lines": [{"sku": "a", "count": 2}, {"sku": "b", "count": 1}], "vendor": "Müller"}`

// closed returns an approval that two people decided; the second edited the total.
func closed(t *testing.T) *approval.Approval {
	t.Helper()
	at := time.Date(2026, 7, 2, 10, 15, 0, 123e6, time.UTC)
	a := &approval.Approval{ID: "ap-1", Status: approval.Approved, RequestedAt: at, ClosedAt: at.Add(time.Hour)}
	a.Workflow, a.Step, a.Execution, a.Requester = "purchases", "manager", "arn:aws:states:eu-west-1:1:execution:shop:e-1", "req@example.com"
	a.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}
	a.Approvers = []approval.Approver{{ID: "bob@example.com"}, {ID: "ann@example.com"}}
	a.Receipt, a.Audience, a.RulesVersion = true, "arn:aws:states:eu-west-1:1:execution:shop:e-1", strings.Repeat("a", 64)
	a.Choices = []approval.Choice{{ID: "up_to", Means: approval.Approve, Fields: []string{"limit"}}, {ID: "reject", Means: approval.Reject}}
	var err error
	a.RequestDigest, err = canonical.Digest([]byte(purchase))
	require.NoError(t, err)
	a.Votes = []approval.Vote{
		{
			DecisionID: "d-1", Outcome: approval.Approve, Choice: "up_to", By: "ann@example.com", Via: approval.ViaLink,
			At: at.Add(time.Minute), ShownDigest: "s1", Comment: "fine", Void: true,
		},
		{
			DecisionID: "d-2", Outcome: approval.Approve, Choice: "up_to", By: "bob@example.com", Via: approval.ViaSSO,
			At: at.Add(time.Hour), ShownDigest: "s2", Values: json.RawMessage(`{"limit":4200.5}`),
			Changes: []approval.Change{{
				Field: "limit", Path: "/total", From: json.RawMessage("5000"), To: json.RawMessage("4200.5"), By: "bob@example.com",
			}},
		},
	}
	return a
}

func TestAReceiptStatesWhatWasDecided(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	a := closed(t)
	text, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", a)
	require.NoError(t, err)
	v, err := receipt.Verify([]byte(text), ring.PublicKeys(receipt.Purpose))
	require.NoError(t, err)
	require.NoError(t, v.Receipt.CheckPayload([]byte(purchase)))
	assert.Equal(t, receipt.KeyID(ring.PublicKeys(receipt.Purpose)[0]), v.KeyID)
	var rules struct{ Rules receipt.Rules }
	require.NoError(t, json.Unmarshal(v.Payload, &rules))
	assert.Len(t, rules.Rules.Digest, 64)
	assert.JSONEq(t, fmt.Sprintf(`{
		"iss": "https://approvals.example.com", "iat": 1782990900, "jti": "ap-1",
		"aud": "arn:aws:states:eu-west-1:1:execution:shop:e-1",
		"order": "A-1001", "approval": "ap-1", "workflow": "purchases", "step": "manager",
		"execution": "arn:aws:states:eu-west-1:1:execution:shop:e-1", "requester": "req@example.com",
		"requestDigest": %q, "shownDigest": "s2",
		"status": "approved", "choice": "up_to", "outcome": "approve", "values": {"limit": 4200.5},
		"decidedBy": "bob@example.com", "principal": "bob@example.com", "via": "sso",
		"changes": [{"path": "/total", "from": 5000, "to": 4200.5, "by": "bob@example.com"}],
		"votes": [
			{"by": "ann@example.com", "principal": "ann@example.com", "via": "link", "choice": "up_to", "outcome": "approve",
				"shownDigest": "s1", "at": "2026-07-02T10:16:00.123Z", "void": true,
				"commentDigest": "d14a58bae804a2b80b5b76a010239c88ffca1fc7951a90f8e9131beda1e23c1b"},
			{"by": "bob@example.com", "principal": "bob@example.com", "via": "sso", "choice": "up_to", "outcome": "approve",
				"values": {"limit": 4200.5}, "shownDigest": "s2", "at": "2026-07-02T11:15:00.123Z"}
		],
		"rules": {"digest": %q, "version": %q},
		"requestedAt": "2026-07-02T10:15:00.123Z", "closedAt": "2026-07-02T11:15:00.123Z"
	}`, a.RequestDigest, rules.Rules.Digest, a.RulesVersion), string(v.Payload))
}

func TestTheSameApprovalHasTheSameReceipt(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	first, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", closed(t))
	require.NoError(t, err)

	record, err := json.Marshal(closed(t))
	require.NoError(t, err)
	var read approval.Approval
	require.NoError(t, json.Unmarshal(record, &read))
	read.Approvers[0], read.Approvers[1] = read.Approvers[1], read.Approvers[0]
	again, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", &read)
	require.NoError(t, err)
	assert.Equal(t, first, again, "also when it is read from its record")
}

// TestEveryRuleAndFactIsInTheReceipt changes one thing of the approval at a time.
func TestEveryRuleAndFactIsInTheReceipt(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	seen := map[string]string{}
	for name, change := range map[string]func(*approval.Approval){
		"nothing":       func(*approval.Approval) {},
		"status":        func(a *approval.Approval) { a.Status = approval.TimedOut },
		"request":       func(a *approval.Approval) { a.RequestDigest = strings.Repeat("b", 64) },
		"workflow":      func(a *approval.Approval) { a.Workflow = "refunds" },
		"step":          func(a *approval.Approval) { a.Step = "director" },
		"execution":     func(a *approval.Approval) { a.Execution = "e-2" },
		"requester":     func(a *approval.Approval) { a.Requester = "x@example.com" },
		"audience":      func(a *approval.Approval) { a.Audience = "other" },
		"policy":        func(a *approval.Approval) { a.Policy.Quorum = 1 },
		"approvers":     func(a *approval.Approval) { a.Approvers = a.Approvers[:1] },
		"sources":       func(a *approval.Approval) { a.Sources = []string{"erp"} },
		"assurance":     func(a *approval.Approval) { a.MinAssurance = approval.AssuranceSSO },
		"choices":       func(a *approval.Approval) { a.Choices[0].Comment = approval.CommentRequired },
		"edits":         func(a *approval.Approval) { a.Edits = map[string]string{"limit": "/total"} },
		"version":       func(a *approval.Approval) { a.RulesVersion = "v" },
		"requested":     func(a *approval.Approval) { a.RequestedAt = a.RequestedAt.Add(time.Second) },
		"closed":        func(a *approval.Approval) { a.ClosedAt = a.ClosedAt.Add(time.Second) },
		"vote's maker":  func(a *approval.Approval) { a.Votes[0].By = "eve@example.com" },
		"vote's way":    func(a *approval.Approval) { a.Votes[0].Via = approval.ViaChat },
		"vote's values": func(a *approval.Approval) { a.Votes[0].Values = json.RawMessage(`{"limit":1}`) },
		"vote's choice": func(a *approval.Approval) { a.Votes[1].Choice = "reject" },
		"vote's sight":  func(a *approval.Approval) { a.Votes[1].ShownDigest = "s3" },
		"vote's time":   func(a *approval.Approval) { a.Votes[0].At = a.Votes[0].At.Add(time.Second) },
		"comment":       func(a *approval.Approval) { a.Votes[0].Comment = "fine!" },
		"second person": func(a *approval.Approval) { a.Votes[0].ConfirmedBy = "operator:bob" },
		"void":          func(a *approval.Approval) { a.Votes[0].Void = false },
		"original":      func(a *approval.Approval) { a.OriginalDigest = strings.Repeat("c", 64) },
		"edit":          func(a *approval.Approval) { a.Votes[1].Changes[0].To = json.RawMessage("1") },
	} {
		a := closed(t)
		change(a)
		text, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", a)
		require.NoError(t, err, name)
		assert.Empty(t, seen[text], "%s has the receipt of another", name)
		seen[text] = name
	}
}

func TestOnlyAClosedApprovalWithADigestHasAReceipt(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	for name, tt := range map[string]struct {
		change func(*approval.Approval)
		want   error
	}{
		"pending":   {func(a *approval.Approval) { a.Status = approval.Pending }, receipt.ErrPending},
		"no digest": {func(a *approval.Approval) { a.RequestDigest = "" }, receipt.ErrNoReceipt},
		"no wish":   {func(a *approval.Approval) { a.Receipt = false }, receipt.ErrNoReceipt},
	} {
		a := closed(t)
		tt.change(a)
		_, err := receipt.Make(ring, "", "A-1001", a)
		assert.ErrorIs(t, err, tt.want, name)
	}
}

// TestALongReceiptHasDigests adds votes and values until they no longer fit.
func TestALongReceiptHasDigests(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	values := json.RawMessage(fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 32<<10-11)))
	for name, tt := range map[string]struct {
		votes                      int
		big                        bool
		values, changes, voteLists bool // whether they are replaced by digests
	}{
		"few":         {votes: 10},
		"long values": {votes: 10, big: true, values: true},
		"long edits":  {votes: 0, big: true, values: true, changes: true},
		"many votes":  {votes: 500, values: true, changes: true, voteLists: true},
	} {
		a := closed(t)
		if tt.changes && tt.big {
			a.Votes[1].Changes[0].To = values
		}
		for i := range tt.votes {
			v := a.Votes[0]
			v.By = fmt.Sprintf("voter%d@example.com", i)
			a.Votes = append([]approval.Vote{v}, a.Votes...)
		}
		last := &a.Votes[len(a.Votes)-1]
		if tt.big {
			last.Values = values
		}
		text, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", a)
		require.NoError(t, err, name)
		assert.LessOrEqual(t, len(text), receipt.MaxLength, name)
		v, err := receipt.Verify([]byte(text), ring.PublicKeys(receipt.Purpose))
		require.NoError(t, err, name)
		r := v.Receipt
		assert.JSONEq(t, string(last.Values), string(r.Values), "%s: the deciding values stay", name)
		assert.Equal(t, tt.changes, r.ChangesDigest != "", name)
		assert.Equal(t, tt.voteLists, r.VotesDigest != "", name)
		if !tt.voteLists {
			assert.Equal(t, tt.values, r.Votes[len(r.Votes)-1].ValuesDigest != "", name)
		}
	}
}

func TestTheRestOfAnAnswerIsNotCompared(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	text, err := receipt.Make(ring, "", "A-1001", closed(t))
	require.NoError(t, err)
	for _, rest := range []string{
		`"erpNumber": 12345678901234567890`,
		`"changes": [{"by": "bob@example.com", "path": "/total", "from": 5000, "to": 4200.50}]`,
		`"changes": [], "truncated": true`,
	} {
		answer := fmt.Sprintf(`{"receipt": %q, %s}`, text, rest)
		_, err := receipt.Verify([]byte(answer), ring.PublicKeys(receipt.Purpose))
		assert.NoError(t, err, rest)
	}
}

func TestARotatedKeyVerifiesOldReceipts(t *testing.T) {
	t.Parallel()

	old := keys.NewRing(time.Now())
	text, err := receipt.Make(old, "", "A-1001", closed(t))
	require.NoError(t, err)
	rotated := old.Rotate(time.Now())
	_, err = receipt.Verify([]byte(text), rotated.PublicKeys(receipt.Purpose))
	require.NoError(t, err)
	_, err = receipt.Verify([]byte(text), rotated.PublicKeys(receipt.Purpose)[:1])
	assert.ErrorContains(t, err, "not among the 1 key(s)")
}

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()

	public := keys.NewRing(time.Now()).Rotate(time.Now()).PublicKeys(receipt.Purpose)
	fromJWKS, err := receipt.ParseKeys(receipt.MarshalJWKS(public))
	require.NoError(t, err)
	assert.Equal(t, public, fromJWKS)
	text, err := receipt.MarshalPEM(public)
	require.NoError(t, err)
	fromPEM, err := receipt.ParseKeys(text)
	require.NoError(t, err)
	assert.Equal(t, public, fromPEM)

	single := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, base64.RawURLEncoding.EncodeToString(public[0]))
	fromJWK, err := receipt.ParseKeys([]byte(single))
	require.NoError(t, err)
	assert.Equal(t, []ed25519.PublicKey{public[0]}, fromJWK)

	for name, text := range map[string]string{
		"nothing":     "",
		"no JSON":     `{"keys": [`,
		"no keys":     `{"keys": []}`,
		"other kinds": `{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}`,
		"short":       `{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}`,
		"wrong kid":   strings.Replace(single, "{", `{"kid": "other",`, 1),
		"private key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" +
			"-----END PRIVATE KEY-----\n",
	} {
		_, err := receipt.ParseKeys([]byte(text))
		assert.Error(t, err, name)
	}
	// The example of RFC 8037, appendix A.3.
	rfc := `{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	key, err := receipt.ParseKeys([]byte(rfc))
	require.NoError(t, err)
	assert.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", receipt.KeyID(key[0]))
}
