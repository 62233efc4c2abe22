package dynamodb

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// tableContent returns all content of the table. Compressed content is included in both forms.
func tableContent(t *testing.T, s *Store) []byte {
	t.Helper()
	out, err := dynamodb.NewFromConfig(s.config.AWS).Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.config.Table})
	require.NoError(t, err)
	require.Empty(t, out.LastEvaluatedKey)
	var all []byte
	for _, i := range out.Items {
		for name, v := range i {
			all = append(all, name...)
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				all = append(all, v.Value...)
			case *types.AttributeValueMemberB:
				all = append(all, v.Value...)
				if plain, err := decompress(v.Value); err == nil {
					all = append(all, plain...)
				}
			case *types.AttributeValueMemberN, *types.AttributeValueMemberM:
			default:
				require.Fail(t, "an attribute of another kind", name)
			}
		}
	}
	return all
}

func TestSecretsAreNowhereInTheTable(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		addVote(o)
		o.Approvals[0].Votes[0].By = "finance-team@example.com"
		o.Approvals[0].Votes[0].Comment = strings.Repeat("a long comment ", 200)
		return nil
	})
	stored, err := s.getItem(t.Context(), orderKey("o"))
	require.NoError(t, err)
	require.Equal(t, byte(deflated), getBytes(stored, "order_record")[0])
	body := `{"taskToken":"` + tokenOf("letter") + `"}`
	_, err = s.PutDeadLetter(t.Context(), store.DeadLetter{
		Source:   "a source",
		Reason:   "a reason",
		Body:     []byte(body),
		Metadata: map[string]string{"m": tokenOf("metadata")},
	})
	require.NoError(t, err)
	all := tableContent(t, s)
	for _, text := range []string{"payments", "a reason", "finance-team@example.com"} {
		require.True(t, bytes.Contains(all, []byte(text)), "what is no secret is found by the same search: %s", text)
	}
	for _, id := range []string{"o", "letter", "metadata"} {
		secret := tokenOf(id)
		for at := 0; at+16 <= len(secret); at++ {
			part := []byte(secret[at : at+16])
			require.False(t, bytes.Contains(all, part), "in the clear: %s", part)
			require.False(t, bytes.Contains(all, []byte(hex.EncodeToString(part))), "in hex: %s", part)
			require.False(t, bytes.Contains(all, []byte(base64.RawStdEncoding.EncodeToString(part[:15]))), "in base64: %s", part)
		}
	}
}

// TestKeysRotateAcrossProcesses seals with a key that another process has as an older key.
func TestKeysRotateAcrossProcesses(t *testing.T) {
	t.Parallel()
	old := keys.NewRing(time.Now())
	c := Config{Settings: Settings{Table: newTable(), Create: true}, Sealer: old}
	one := open(t, c)
	c.Sealer = old.Rotate(time.Now())
	two := open(t, c)
	mustUpdate(t, one, "o", addRequest)
	mustUpdate(t, two, "o", func(o *approval.Order) error { addVote(o); return nil })
	o, err := two.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Equal(t, tokenOf("o"), o.Approvals[0].Token.Reveal())
	_, err = one.Get(t.Context(), "o")
	require.ErrorIs(t, err, keys.ErrUnknownKey)
	err = one.Update(t.Context(), "o", func(*approval.Order) error { return nil })
	require.ErrorIs(t, err, keys.ErrUnknownKey, "and it keeps its hands off")
	require.False(t, approval.IsPermanent(err), "another process, or this one after its restart, can")
}

// TestLargeOrders fills an item. A further request is refused for now, decisions are still recorded, and nothing is lost.
func TestLargeOrders(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	noise := func(kb int) string { return base64.StdEncoding.EncodeToString(randomBytes(kb << 10 * 3 / 4)) }
	mustUpdate(t, s, "o", addRequest)
	ask := func(kb int) error {
		return s.Update(t.Context(), "o", func(o *approval.Order) error {
			o.Approvals = append(o.Approvals, &approval.Approval{ID: "more", Status: approval.Approved, Reason: noise(kb)})
			return nil
		})
	}
	err := ask(420)
	require.True(t, approval.IsPermanent(err), "%v", err)
	require.ErrorContains(t, err, "order: is too large")
	require.NoError(t, ask(380))
	var full *approval.OrderFullError
	require.ErrorAs(t, ask(60), &full)
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		o.Approvals[0].Reason = noise(60)
		addVote(o)
		return nil
	})
	err = s.Update(t.Context(), "o", func(o *approval.Order) error {
		o.Approvals[0].Reason = noise(300)
		return nil
	})
	require.ErrorAs(t, err, &full)
	o, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Len(t, o.Approvals[0].Votes, 1)
	require.Len(t, o.Approvals, 2)
}

// TestLargeDeadLetters stores a dead letter of 1 MiB, the limit of SQS.
func TestLargeDeadLetters(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	body := randomBytes(1 << 20)
	id, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Body: body, At: startTime})
	require.NoError(t, err)
	got, err := s.GetDeadLetter(t.Context(), id)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got.Body))
	require.NoError(t, s.DeleteDeadLetter(t.Context(), id))
	require.NotContains(t, string(tableContent(t, s)), "letter#", "nothing is left of it")
	_, err = s.PutDeadLetter(t.Context(), store.DeadLetter{Body: randomBytes(4 << 20)})
	require.ErrorContains(t, err, "KB")
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}
