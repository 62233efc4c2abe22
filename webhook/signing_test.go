package webhook_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

const (
	firstSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secondSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
	seed         = "whsk_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="
)

// Every secret and every key signs, and each signature is accepted by a receiver that knows only its counterpart.
func TestSignerSignsInEveryWay(t *testing.T) {
	t.Parallel()
	private, public, err := webhook.NewKeyPair()
	require.NoError(t, err)
	signer, err := webhook.NewSigner([]string{firstSecret, secondSecret}, []string{seed, private.Reveal()})
	require.NoError(t, err)
	require.Len(t, signer.PublicKeys(), 2)
	require.Equal(t, public, signer.PublicKeys()[1])

	at, body := time.Unix(1_782_907_200, 0), []byte(`{"approved":true}`)
	header := signer.Sign("id-1", at, body)
	require.Len(t, strings.Fields(header.Get("webhook-signature")), 4)
	verifiers := []webhook.Verifier{}
	for _, s := range []string{firstSecret, secondSecret} {
		v, err := webhook.NewStandard(s)
		require.NoError(t, err)
		verifiers = append(verifiers, v)
	}
	for _, key := range signer.PublicKeys() {
		v, err := webhook.NewStandardAsymmetric([]string{key}, nil)
		require.NoError(t, err)
		verifiers = append(verifiers, v)
	}
	for i, v := range verifiers {
		require.NoError(t, v.Verify(at, webhook.Request{Header: header, Body: body}), i)
		require.Error(t, v.Verify(at, webhook.Request{Header: header, Body: []byte(`{"approved":false}`)}), i)
		require.Error(t, v.Verify(at, webhook.Request{Header: signer.Sign("id-2", at, body).Clone(), Body: append(body, ' ')}), i)
	}
	_, other, err := webhook.NewKeyPair()
	require.NoError(t, err)
	stranger, err := webhook.NewStandardAsymmetric([]string{other}, nil)
	require.NoError(t, err)
	require.ErrorIs(t, stranger.Verify(at, webhook.Request{Header: header, Body: body}), webhook.ErrMismatch)
}

// A target with keys only has no secret by which a receiver could sign.
func TestKeysAloneSign(t *testing.T) {
	t.Parallel()
	signer, err := webhook.NewSigner(nil, []string{seed})
	require.NoError(t, err)
	header := signer.Sign("id", time.Unix(0, 0), nil)
	require.True(t, strings.HasPrefix(header.Get("webhook-signature"), "v1a,"), header)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", signer, signer, signer), "abcdefghijklmnopqrstuvwxyz012345")
}

func TestSigningSettingsAreValidated(t *testing.T) {
	t.Parallel()
	private, public, err := webhook.NewKeyPair()
	require.NoError(t, err)
	mixed := "whsk_" + strings.TrimPrefix(seed, "whsk_")[:40] + strings.TrimPrefix(private.Reveal(), "whsk_")[40:]
	for name, c := range map[string]struct {
		secrets, keys []string
		want          string
	}{
		"nothing":               {want: "t.secrets: are missing, and so are signing_keys: callbacks are signed"},
		"a secret":              {secrets: []string{firstSecret}},
		"a seed":                {keys: []string{seed}},
		"a seed without prefix": {keys: []string{strings.TrimPrefix(seed, "whsk_")}},
		"a whole key":           {keys: []string{private.Reveal() + "\n"}},
		"a short secret":        {secrets: []string{"whsec_c2hvcnQ="}, keys: []string{seed}, want: "t.secrets[0]: has 5 bytes"},
		"a secret as a key":     {keys: []string{firstSecret}, want: "t.signing_keys[0]: is not a private key"},
		"a public key":          {keys: []string{seed, public}, want: "t.signing_keys[1]: is not a private key"},
		"not base64":            {keys: []string{"whsk_!"}, want: "t.signing_keys[0]: is not whsk_"},
		"a short key":           {keys: []string{"whsk_c2hvcnQ="}, want: "t.signing_keys[0]: is not whsk_"},
		"halves of two":         {keys: []string{mixed}, want: "t.signing_keys[0]: has a public key that is not"},
	} {
		s := webhook.SigningSettings{}
		for _, text := range c.secrets {
			s.Secrets = append(s.Secrets, secret.New(text))
		}
		for _, text := range c.keys {
			s.SigningKeys = append(s.SigningKeys, secret.New(text))
		}
		var faults []string
		s.Validate(setup.NewCheck("t", func(path string, _ setup.Severity, message string) {
			faults = append(faults, path+": "+message)
		}), "callbacks")
		if c.want == "" {
			require.Empty(t, faults, name)
			require.NotEmpty(t, s.Signer().Sign("id", time.Unix(0, 0), nil), name)
			continue
		}
		require.Len(t, faults, 1, name)
		require.True(t, strings.HasPrefix(faults[0], c.want), "%s: %s", name, faults[0])
		for _, text := range append(c.secrets, c.keys...) {
			require.NotContains(t, faults[0], strings.TrimSpace(text))
		}
	}
}

// TestSignerOfSettingsIsUsedConcurrently holds that signatures by hashes that are used again are those of new hashes.
func TestSignerOfSettingsIsUsedConcurrently(t *testing.T) {
	t.Parallel()
	texts := []string{firstSecret, secondSecret}
	s := webhook.SigningSettings{Secrets: secret.NewAll(texts)}
	s.Validate(setup.NewCheck("t", func(string, setup.Severity, string) { t.Error("invalid") }), "callbacks")
	expected, err := webhook.NewSigner(texts, nil)
	require.NoError(t, err)
	signer := s.Signer()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				id, at, body := fmt.Sprint(i), time.Unix(int64(n), 0), bytes.Repeat([]byte{'b'}, n*i)
				require.Equal(t, expected.Sign(id, at, body), signer.Sign(id, at, body))
			}
		})
	}
	all.Wait()
	same := webhook.SigningSettings{Secrets: secret.NewAll(texts)}
	same.Validate(setup.NewCheck("t", func(string, setup.Severity, string) { t.Error("invalid") }), "callbacks")
	require.True(t, reflect.DeepEqual(s, same), "a reload keeps what has the same settings")
}
