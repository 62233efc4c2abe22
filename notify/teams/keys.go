package teams

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/approval-relay/approval-relay/outbound"
)

// Times and bounds of the keys of the Bot Connector.
const (
	// refreshKeys is the age at which the keys are fetched again. If that fails, they are used up to maxKeyAge, as
	// Microsoft's own library does.
	refreshKeys = 24 * time.Hour
	maxKeyAge   = 5 * 24 * time.Hour
	// keyPause is the time between two attempts to fetch the keys, however many tokens with unknown keys arrive.
	keyPause     = time.Minute
	keyTimeout   = 5 * time.Second
	maxKeyAnswer = 1 << 20 // in bytes; Microsoft sends some 30 kB
	minKeyBits   = 2048
)

// signingKey is a key of the Bot Connector.
type signingKey struct {
	public       *rsa.PublicKey
	endorsements []string // the channels for which it signs
}

// keySet has the keys that sign the tokens of the Bot Connector, by their IDs.
type keySet struct {
	client    *http.Client
	openIDURL string
	now       func() time.Time

	fetching sync.Mutex // held during a fetch, so that there is one at a time
	tried    time.Time  // guarded by fetching

	mu      sync.Mutex
	keys    map[string]*signingKey
	fetched time.Time
}

func newKeySet(c BotConfig) *keySet {
	return &keySet{client: c.Client, openIDURL: c.OpenIDURL, now: c.Now}
}

// find returns the key with an ID, or nil. The error is errKeys if there are no keys at all now.
func (s *keySet) find(ctx context.Context, id string) (*signingKey, error) {
	key, age := s.look(id)
	if key != nil && age < refreshKeys {
		return key, nil
	}
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if key, age = s.look(id); key != nil && age < refreshKeys {
		return key, nil
	}
	if now := s.now(); s.tried.IsZero() || now.Sub(s.tried) >= keyPause {
		s.tried = now
		// The keys serve everybody, so the end of this request does not end their fetch.
		if keys, err := s.fetch(context.WithoutCancel(ctx)); err == nil {
			s.mu.Lock()
			s.keys, s.fetched = keys, now
			s.mu.Unlock()
		}
	}
	key, age = s.look(id)
	if age >= maxKeyAge {
		return nil, errKeys
	}
	return key, nil
}

// look returns the key with an ID as it is known, and the age of the keys.
func (s *keySet) look(id string) (*signingKey, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		return nil, maxKeyAge
	}
	return s.keys[id], s.now().Sub(s.fetched)
}

// fetch returns the keys that the OpenID metadata name.
func (s *keySet) fetch(ctx context.Context) (map[string]*signingKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.get(ctx, s.openIDURL, &metadata); err != nil {
		return nil, err
	}
	own, err := url.Parse(s.openIDURL)
	if err != nil {
		return nil, errKeys
	}
	if named, err := url.Parse(metadata.JWKSURI); err != nil || named.Scheme != own.Scheme || named.Host == "" {
		return nil, errors.New("the metadata name no address of keys")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, metadata.JWKSURI, &set); err != nil {
		return nil, err
	}
	keys := map[string]*signingKey{}
	for _, text := range set.Keys {
		if id, key := parseKey(text); key != nil {
			keys[id] = key
		}
	}
	if len(keys) == 0 {
		return nil, errKeys
	}
	return keys, nil
}

// parseKey returns an RSA key with its ID, or nil for any other key.
func parseKey(text json.RawMessage) (string, *signingKey) {
	var key jose.JSONWebKey
	var more struct {
		Endorsements []string `json:"endorsements"`
	}
	if json.Unmarshal(text, &key) != nil || json.Unmarshal(text, &more) != nil || key.KeyID == "" {
		return "", nil
	}
	public, ok := key.Key.(*rsa.PublicKey)
	if !ok || public.N.BitLen() < minKeyBits || key.Use != "" && key.Use != "sig" {
		return "", nil
	}
	return key.KeyID, &signingKey{public: public, endorsements: more.Endorsements}
}

func (s *keySet) get(ctx context.Context, address string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errKeys
	}
	req.Header.Set("User-Agent", "approval-relay")
	resp, err := s.client.Do(req)
	if err != nil {
		return errKeys
	}
	defer outbound.CloseResponse(resp)
	if resp.StatusCode != http.StatusOK {
		return errKeys
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxKeyAnswer)).Decode(out)
}
