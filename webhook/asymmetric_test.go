package webhook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStandardAsymmetric(t *testing.T) {
	t.Parallel()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	text := func(k ed25519.PrivateKey) string {
		return "whpk_" + base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // always this type
	}
	secret := base64.StdEncoding.EncodeToString([]byte(key))
	both, err := NewStandardAsymmetric([]string{text(other), text(private)}, []string{secret})
	if err != nil {
		t.Fatal(err)
	}
	keysOnly, err := NewStandardAsymmetric([]string{text(private)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	symmetric, _ := NewStandard(secret)
	const sent = "1700000000"
	sig := func(k ed25519.PrivateKey, signed string) string {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(k, []byte(signed)))
	}
	head := func(signature string) http.Header {
		return header("webhook-id", "id-1", "webhook-timestamp", sent, "webhook-signature", signature)
	}
	good := sig(private, "id-1."+sent+".body")
	v1 := symmetric.Sign("id-1", now, []byte("body")).Get("webhook-signature")
	for name, c := range map[string]struct {
		v    Verifier
		h    http.Header
		at   time.Duration
		body string
		want error
	}{
		"good":                          {keysOnly, head(good), 0, "body", nil},
		"by the second key":             {both, head(good), 0, "body", nil},
		"by the secret":                 {both, head(v1), 0, "body", nil},
		"by one of both":                {both, head("v1,AAAA " + good), 0, "body", nil},
		"another body":                  {keysOnly, head(good), 0, "Body", ErrMismatch},
		"another ID":                    {keysOnly, head(sig(private, "id-2."+sent+".body")), 0, "body", ErrMismatch},
		"of another key":                {keysOnly, head(sig(other, "id-1."+sent+".body")), 0, "body", ErrMismatch},
		"a MAC where a key is expected": {keysOnly, head(v1), 0, "body", ErrMissing},
		"a MAC under the other name":    {keysOnly, head("v1a" + v1[2:]), 0, "body", ErrMismatch},
		"late":                          {keysOnly, head(good), standardTolerance + time.Second, "body", ErrStale},
		"after others":                  {keysOnly, head(strings.Repeat("v1a,AAAA ", maxAsymmetric-1) + good), 0, "body", nil},
		"after too many":                {keysOnly, head(strings.Repeat("v1a,AAAA ", maxAsymmetric) + good), 0, "body", ErrMismatch},
		"malformed":                     {keysOnly, head("v1a,***"), 0, "body", ErrMalformed},
	} {
		if err := c.v.Verify(now.Add(c.at), Request{Header: c.h, Body: []byte(c.body)}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range [][2][]string{
		{nil, nil},
		{{""}, nil},
		{{"whpk_AAAA"}, nil},
		{{text(private), "whpk_***"}, nil},
		{{text(private)}, {"short"}},
	} {
		if _, err := NewStandardAsymmetric(bad[0], bad[1]); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}
