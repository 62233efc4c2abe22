package receipt_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/receipt"
)

// fixedSigner signs with the same key in every run.
type fixedSigner struct{}

func (fixedSigner) Sign(_ string, message []byte) (ed25519.PublicKey, []byte) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, _ := private.Public().(ed25519.PublicKey)
	return public, ed25519.Sign(private, message)
}

// FuzzVerify checks that the only text that verifies is the receipt itself, with or without its answer.
func FuzzVerify(f *testing.F) {
	text, err := receipt.Sign(fixedSigner{}, receipt.Receipt{
		Order:         "A-1001",
		Approval:      "ap-1",
		Workflow:      "purchases",
		Status:        "approved",
		RequestDigest: "d",
		Values:        receipt.Part("{}"),
	})
	require.NoError(f, err)
	public, _ := fixedSigner{}.Sign("", nil)
	f.Add(text)
	f.Add(`{"receipt": "` + text + `", "approved": true}`)
	f.Add(text[:len(text)-1])

	f.Fuzz(func(t *testing.T, changed string) {
		v, err := receipt.Verify([]byte(changed), []ed25519.PublicKey{public})
		if err == nil {
			assert.Equal(t, "A-1001", v.Receipt.Order)
			assert.Equal(t, "approved", v.Receipt.Status)
			assert.Equal(t, "d", v.Receipt.RequestDigest)
		}
	})
}

// FuzzParseKeys checks that keys are either refused, or written and read again as they are.
func FuzzParseKeys(f *testing.F) {
	public, _ := fixedSigner{}.Sign("", nil)
	f.Add(receipt.MarshalJWKS([]ed25519.PublicKey{public}))
	text, err := receipt.MarshalPEM([]ed25519.PublicKey{public, public})
	require.NoError(f, err)
	f.Add(text)

	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := receipt.ParseKeys(text)
		if err != nil {
			return
		}
		again, err := receipt.ParseKeys(receipt.MarshalJWKS(keys))
		assert.NoError(t, err)
		assert.Equal(t, keys, again)
	})
}
