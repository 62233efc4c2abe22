package keys

import "crypto/ed25519"

// Sign signs a message for a purpose (Ed25519) with the primary key. It returns the public key of the signature. Unlike
// a MAC, everybody who has the public key can verify the signature, without the ring.
//
// The same key signs the same message in the same way.
func (r *Ring) Sign(purpose string, message []byte) (public ed25519.PublicKey, signature []byte) {
	private := r.keys()[0].deriveSigningKey(purpose)
	return publicKey(private), ed25519.Sign(private, message)
}

// PublicKeys lists the public keys of a purpose, one for each key of the ring, the primary key's first.
func (r *Ring) PublicKeys(purpose string) []ed25519.PublicKey {
	list := r.keys()
	out := make([]ed25519.PublicKey, len(list))
	for i, k := range list {
		out[i] = publicKey(k.deriveSigningKey(purpose))
	}
	return out
}

// deriveSigningKey returns a key for signatures. Its seed is for nothing else: neither for a MAC of the same purpose, nor
// for signatures of another.
func (k *key) deriveSigningKey(purpose string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(k.deriveKey("ed25519/" + purpose))
}

func publicKey(private ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := private.Public().(ed25519.PublicKey)
	return public
}
