// Package keys is the key ring of the program. It seals secrets at rest, and signs links, forms and cookies that the
// program later gets back.
//
// A ring has a primary key and any number of other keys. The primary key seals and signs; all keys open and verify.
// Keys can therefore rotate while sealed records and signed links are still in use. From each master key, a separate
// key for every purpose is derived (HKDF-SHA256, RFC 5869): a signature for a purpose is worthless for every other.
package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The errors of opening and verifying.
var (
	ErrUnknownKey = errors.New("the key is not in the ring")
	ErrCorrupt    = errors.New("not sealed or signed with this key")
)

// UnknownKeyError is the error of a text that was sealed with a key that is not in the ring. It wraps ErrUnknownKey.
type UnknownKeyError struct{ ID string }

// Error names the key.
func (e *UnknownKeyError) Error() string { return fmt.Sprintf("key %q: %s", e.ID, ErrUnknownKey) }

// Unwrap returns ErrUnknownKey.
func (*UnknownKeyError) Unwrap() error { return ErrUnknownKey }

// masterSize is the size of a master key, in bytes.
const masterSize = 32

// Ring is a key ring. It is safe for concurrent use and cannot be printed.
type Ring struct {
	current atomic.Pointer[[]*key] // the first is the primary
}

func ringOf(list ...*key) *Ring {
	r := &Ring{}
	r.current.Store(&list)
	return r
}

// keys returns the keys of now.
func (r *Ring) keys() []*key { return *r.current.Load() }

// Replace gives the ring the keys of another ring. All that use the ring use them from now on.
func (r *Ring) Replace(other *Ring) {
	list := other.keys()
	r.current.Store(&list)
}

// key is a master key, with the keys derived from it.
type key struct {
	id      string // 8 hex digits
	created time.Time
	master  []byte
	aead    cipher.AEAD

	mu   sync.Mutex
	macs map[string]*sync.Pool // of hash.Hash with the derived key, by purpose
}

// NewRing returns a ring with a single new key.
func NewRing(now time.Time) *Ring { return ringOf(generateKey(now)) }

func generateKey(now time.Time) *key {
	master := make([]byte, masterSize)
	id := make([]byte, 4)
	_, _ = rand.Read(master) // never fails, see crypto/rand
	_, _ = rand.Read(id)
	return newKey(hex.EncodeToString(id), now.UTC().Truncate(time.Second), master)
}

func newKey(id string, created time.Time, master []byte) *key {
	k := &key{
		id:      id,
		created: created,
		master:  master,
		macs:    map[string]*sync.Pool{},
	}
	block, err := aes.NewCipher(k.deriveKey("seal"))
	if err != nil {
		panic(err) // 32 bytes are a valid key
	}
	k.aead, err = cipher.NewGCMWithRandomNonce(block) // the only GCM that FIPS 140 admits
	if err != nil {
		panic(err) // GCM requires the block size of AES
	}
	return k
}

func (k *key) deriveKey(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k.master, nil, "approval-relay/1/"+purpose, masterSize)
	if err != nil {
		panic(err) // HKDF can derive 32 bytes
	}
	return out
}

// Rotate adds a new primary key. The other keys still open and verify.
func (r *Ring) Rotate(now time.Time) *Ring {
	return ringOf(append([]*key{generateKey(now)}, r.keys()...)...)
}

// AddSecondary adds a new key behind the others. It opens and verifies, but does not seal or sign. If several processes
// share the ring, all of them know the key before any of them uses it.
func (r *Ring) AddSecondary(now time.Time) *Ring {
	return ringOf(append(slices.Clone(r.keys()), generateKey(now))...)
}

// Promote makes a key of the ring the primary.
func (r *Ring) Promote(id string) (*Ring, error) {
	k := r.findKey(id)
	if k == nil {
		return nil, fmt.Errorf("key %q: %w", id, ErrUnknownKey)
	}
	rest := slices.DeleteFunc(slices.Clone(r.keys()), func(other *key) bool { return other == k })
	return ringOf(append([]*key{k}, rest...)...), nil
}

// PrimaryID returns the ID of the key that seals and signs.
func (r *Ring) PrimaryID() string { return r.keys()[0].id }

// ListKeys lists the keys, the primary first, with their creation times.
func (r *Ring) ListKeys() []KeyInfo {
	list := r.keys()
	out := make([]KeyInfo, len(list))
	for i, k := range list {
		out[i] = KeyInfo{ID: k.id, Created: k.created}
	}
	return out
}

// KeyInfo is the public part of a key.
type KeyInfo struct {
	ID      string
	Created time.Time
}

// LostIn returns the IDs of the keys of the ring that another ring lacks, or has with another content.
func (r *Ring) LostIn(other *Ring) []string {
	var ids []string
	for _, k := range r.keys() {
		if same := other.findKey(k.id); same == nil || subtle.ConstantTimeCompare(same.master, k.master) == 0 {
			ids = append(ids, k.id)
		}
	}
	return ids
}

func (r *Ring) findKey(id string) *key { return findIn(r.keys(), id) }

func findIn(list []*key, id string) *key {
	for _, k := range list {
		if k.id == id {
			return k
		}
	}
	return nil
}

// sealVersion is the first byte of every sealed text. In version 1 the key's ID (8 bytes of text), a nonce (12 bytes)
// and the output of AES-256-GCM follow.
const sealVersion = 1

// headerSize is the number of bytes before the nonce.
const headerSize = 1 + 8

// Seal encrypts and authenticates a plaintext, bound to its associated data: Open needs the same data. Nonces are
// random. NIST SP 800-38D (8.3) allows 2^32 of them for a key, so the key must rotate before four thousand million
// seals.
func (r *Ring) Seal(plaintext []byte, associated ...string) ([]byte, error) {
	k := r.keys()[0]
	out := make([]byte, headerSize, headerSize+len(plaintext)+k.aead.Overhead())
	out[0] = sealVersion
	copy(out[1:], k.id)
	return k.aead.Seal(out, nil, plaintext, joinParts(associated)), nil
}

// Open returns the sealed plaintext, or an *UnknownKeyError or ErrCorrupt.
func (r *Ring) Open(sealed []byte, associated ...string) ([]byte, error) {
	if len(sealed) < headerSize || sealed[0] != sealVersion {
		return nil, ErrCorrupt
	}
	k := r.findKey(string(sealed[1:headerSize]))
	if k == nil {
		return nil, &UnknownKeyError{ID: string(sealed[1:headerSize])}
	}
	plain, err := k.aead.Open(nil, nil, sealed[headerSize:], joinParts(associated))
	if err != nil {
		return nil, ErrCorrupt
	}
	return plain, nil
}

// IsCurrent reports whether a text was sealed with the key that Seal uses now.
func (r *Ring) IsCurrent(sealed []byte) bool {
	return len(sealed) >= headerSize && sealed[0] == sealVersion && string(sealed[1:headerSize]) == r.PrimaryID()
}

// joinParts encodes the parts with their lengths, so that different lists of parts never look the same.
func joinParts(parts []string) []byte {
	size := 0
	for _, p := range parts {
		size += 4 + len(p)
	}
	out := make([]byte, 0, size)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	return out
}

// MAC signs a message for a purpose (HMAC-SHA256) with the primary key, and returns that key's ID.
func (r *Ring) MAC(purpose string, message []byte) (keyID string, mac []byte) {
	k := r.keys()[0]
	return k.id, k.computeMAC(purpose, message)
}

// VerifyMAC returns nil if the key signed the message for the purpose, otherwise ErrUnknownKey or ErrCorrupt.
func (r *Ring) VerifyMAC(purpose, keyID string, message, mac []byte) error {
	k := r.findKey(keyID)
	if k == nil {
		return ErrUnknownKey
	}
	if !hmac.Equal(k.computeMAC(purpose, message), mac) {
		return ErrCorrupt
	}
	return nil
}

// computeMAC returns the MAC of a message. The hashes of a purpose are used again: making one costs more than a message.
func (k *key) computeMAC(purpose string, message []byte) []byte {
	k.mu.Lock()
	hashes, ok := k.macs[purpose]
	if !ok {
		derived := k.deriveKey("mac/" + purpose)
		hashes = &sync.Pool{New: func() any { return hmac.New(sha256.New, derived) }}
		k.macs[purpose] = hashes
	}
	k.mu.Unlock()
	h, _ := hashes.Get().(hash.Hash)
	defer hashes.Put(h)
	h.Reset()
	h.Write(message)
	return h.Sum(nil)
}

// String hides the keys.
func (r *Ring) String() string { return "[keys]" }

// GoString hides the keys.
func (r *Ring) GoString() string { return "[keys]" }

// Format hides the keys from every verb.
func (r *Ring) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[keys]")) }

// LogValue hides the keys.
func (r *Ring) LogValue() slog.Value { return slog.StringValue("[keys]") }

// MarshalJSON hides the keys.
func (r *Ring) MarshalJSON() ([]byte, error) { return []byte(`"[keys]"`), nil }

func encodeMaster(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
