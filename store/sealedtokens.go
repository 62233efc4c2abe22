package store

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/record"
)

// currentSealer is an optional interface of a Sealer. A token that it sealed keeps its sealed form from record to record,
// until another key takes over.
type currentSealer interface {
	// IsCurrent reports whether a text was sealed with the key that Seal uses now.
	IsCurrent(sealed []byte) bool
}

// sealedTokens are the sealed forms of the tokens of an order, from its last record.
type sealedTokens struct {
	tokens []record.SealedToken
	bound  []boundToken // the approval of each
}

// boundToken is a token with the approval that its sealed form is bound to.
type boundToken struct {
	orderID, approvalID string
	token               approval.Token
}

// sealAll returns the sealed tokens of an order. A token that was sealed before for the same approval, with the key of now,
// is not sealed again: an order has many updates and few tokens.
func (k *sealedTokens) sealAll(o *approval.Order, s Sealer) ([]record.SealedToken, error) {
	if k != nil && k.isOf(o, s) {
		return k.tokens, nil
	}
	var now sealedTokens
	for i, a := range o.Approvals {
		if a.Token.IsZero() {
			continue
		}
		bound := boundToken{o.ID, a.ID, a.Token}
		t, err := k.sealOne(bound, s)
		if err != nil {
			return nil, fmt.Errorf("seal token of approval %s: %w", a.ID, err)
		}
		t.Index = i
		now.tokens = append(now.tokens, t)
		now.bound = append(now.bound, bound)
	}
	if k != nil {
		*k = now
	}
	return now.tokens, nil
}

// isOf reports whether all tokens of an order are as they were sealed last.
func (k *sealedTokens) isOf(o *approval.Order, s Sealer) bool {
	current, ok := s.(currentSealer)
	n := 0
	for i, a := range o.Approvals {
		if a.Token.IsZero() {
			continue
		}
		isSame := ok && n < len(k.tokens) && k.tokens[n].Index == i && k.bound[n].isSame(boundToken{o.ID, a.ID, a.Token})
		if !isSame || !current.IsCurrent(k.tokens[n].Sealed) {
			return false
		}
		n++
	}
	return n == len(k.tokens)
}

func (k *sealedTokens) sealOne(b boundToken, s Sealer) (record.SealedToken, error) {
	if current, ok := s.(currentSealer); ok && k != nil {
		if i := slices.IndexFunc(k.bound, b.isSame); i >= 0 && current.IsCurrent(k.tokens[i].Sealed) {
			return k.tokens[i], nil
		}
	}
	text, isPacked := packToken(b.token.Reveal())
	sealed, err := s.Seal(text, b.orderID, b.approvalID)
	return record.SealedToken{Sealed: sealed, IsPacked: isPacked}, err
}

func (b boundToken) isSame(other boundToken) bool {
	return b.orderID == other.orderID && b.approvalID == other.approvalID && b.token.Reveal() == other.token.Reveal()
}

// openAll gives the approvals of an order their tokens, and keeps copies of the sealed forms unless k is nil.
func (k *sealedTokens) openAll(o *approval.Order, tokens []record.SealedToken, s Sealer) error {
	for _, t := range tokens {
		a := o.Approvals[t.Index]
		text, err := s.Open(t.Sealed, o.ID, a.ID)
		if err != nil {
			return fmt.Errorf("open token of order %q, approval %s: %w", o.ID, a.ID, err)
		}
		if t.IsPacked {
			text = base64.StdEncoding.AppendEncode(nil, text)
		}
		a.Token = approval.NewToken(string(text))
		if k == nil {
			continue
		}
		t.Sealed = slices.Clone(t.Sealed)
		k.tokens = append(k.tokens, t)
		k.bound = append(k.bound, boundToken{o.ID, a.ID, a.Token})
	}
	return nil
}

// packToken returns the bytes of a token that are sealed. The tokens of Step Functions are base64 of 500 to 700 bytes, which
// cannot be compressed once they are sealed, so they are decoded before.
func packToken(text string) (packed []byte, isPacked bool) {
	const worthwhile = 32
	if len(text) >= worthwhile && len(text)%4 == 0 {
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if err == nil && base64.StdEncoding.EncodedLen(len(b)) == len(text) { // it is without the line breaks that Decode skips
			return b, true
		}
	}
	return []byte(text), false
}
