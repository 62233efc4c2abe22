package keys_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/approval-relay/approval-relay/keys"
)

func TestSignaturesVerifyWithThePublicKey(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	public, signature := ring.Sign("receipt", []byte("message"))
	assert.True(t, ed25519.Verify(public, []byte("message"), signature))
	assert.False(t, ed25519.Verify(public, []byte("massage"), signature))
	assert.Equal(t, []ed25519.PublicKey{public}, ring.PublicKeys("receipt"))

	again, same := ring.Sign("receipt", []byte("message"))
	assert.Equal(t, public, again)
	assert.Equal(t, signature, same, "the same key signs the same message in the same way")
}

func TestEachPurposeHasItsOwnSigningKey(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	seen := map[string]string{}
	for _, purpose := range []string{"receipt", "link", "mac/receipt", ""} {
		public, _ := ring.Sign(purpose, nil)
		_, known := seen[string(public)]
		assert.False(t, known, purpose)
		seen[string(public)] = purpose
	}
	other, _ := keys.NewRing(time.Now()).Sign("receipt", nil)
	assert.NotContains(t, seen, string(other), "another ring has other keys")
}

func TestRotationKeepsTheOldPublicKeys(t *testing.T) {
	t.Parallel()

	old := keys.NewRing(time.Now())
	public, _ := old.Sign("receipt", nil)
	rotated := old.Rotate(time.Now())
	primary, _ := rotated.Sign("receipt", nil)
	assert.NotEqual(t, public, primary)
	assert.Equal(t, []ed25519.PublicKey{primary, public}, rotated.PublicKeys("receipt"))

	prepared := old.AddSecondary(time.Now())
	still, _ := prepared.Sign("receipt", nil)
	assert.Equal(t, public, still, "a prepared key does not sign")
	assert.Len(t, prepared.PublicKeys("receipt"), 2, "but its public key is known already")
}
