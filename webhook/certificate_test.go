package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

func TestCertificate(t *testing.T) {
	t.Parallel()
	v, err := NewCertificate(CertificateSettings{
		Header:         "X-Fingerprint",
		Allowed:        []string{"aa", "bb"},
		VerifiedHeader: "X-Verify",
		VerifiedValue:  "SUCCESS",
	})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		header http.Header
		want   error
	}{
		"allowed":          {http.Header{"X-Fingerprint": {"bb"}, "X-Verify": {"SUCCESS"}}, nil},
		"another":          {http.Header{"X-Fingerprint": {"cc"}, "X-Verify": {"SUCCESS"}}, ErrMismatch},
		"not verified":     {http.Header{"X-Fingerprint": {"aa"}, "X-Verify": {"FAILED"}}, ErrMismatch},
		"nothing verified": {http.Header{"X-Fingerprint": {"aa"}}, ErrMissing},
		"no certificate":   {http.Header{"X-Verify": {"SUCCESS"}}, ErrMissing},
		"two":              {http.Header{"X-Fingerprint": {"aa", "bb"}, "X-Verify": {"SUCCESS"}}, ErrMalformed},
	} {
		require.ErrorIs(t, v.Verify(time.Now(), Request{Header: tc.header}), tc.want, name)
	}
	for want, c := range map[string]CertificateSettings{
		"header: is missing\nallowed: is missing":                        {},
		"allowed[1]: is empty":                                           {Header: "X", Allowed: []string{"a", ""}},
		"verified_header: needs verified_value, and the other way round": {Header: "X", Allowed: []string{"a"}, VerifiedHeader: "Y"},
	} {
		_, err := NewCertificate(c)
		require.EqualError(t, err, want)
	}
}

func TestHMACAlgorithms(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef"
	for name, h := range map[string]func() hash.Hash{"sha512": sha512.New, "sha1": sha1.New} {
		v, err := NewHMAC(HMACSettings{
			Algorithm: name,
			Header:    "X-Sig",
			Encoding:  "hex",
			Secrets:   secret.NewAll([]string{key}),
		})
		require.NoError(t, err)
		mac := hmac.New(h, []byte(key))
		mac.Write([]byte("body"))
		header := http.Header{"X-Sig": {hex.EncodeToString(mac.Sum(nil))}}
		require.NoError(t, v.Verify(time.Now(), Request{Header: header, Body: []byte("body")}))
		require.ErrorIs(t, v.Verify(time.Now(), Request{Header: header, Body: []byte("bodi")}), ErrMismatch)
		other, err := NewHMAC(HMACSettings{Header: "X-Sig", Encoding: "hex", Secrets: secret.NewAll([]string{key})})
		require.NoError(t, err)
		require.ErrorIs(t, other.Verify(time.Now(), Request{Header: header, Body: []byte("body")}), ErrMismatch,
			"a sender cannot choose another algorithm")
	}
	_, err := NewHMAC(HMACSettings{
		Algorithm: "md5",
		Header:    "X-Sig",
		Encoding:  "hex",
		Secrets:   secret.NewAll([]string{key}),
	})
	require.ErrorContains(t, err, "md5")
}

// A proxy that has a secret cannot be impersonated by whoever reaches the worker past it.
func TestCertificateWithSecretOfTheProxy(t *testing.T) {
	t.Parallel()
	settings := CertificateSettings{
		Header: "X-Client", Allowed: []string{"bank"}, SecretHeader: "X-Proxy", Secrets: secret.NewAll([]string{key, "the secret of tomorrow"}),
	}
	scheme, err := settings.Scheme()
	require.NoError(t, err)
	require.Equal(t, "X-Proxy", scheme.CredentialHeader)
	for name, tc := range map[string]struct {
		header http.Header
		want   error
	}{
		"with the secret":        {header("X-Client", "bank", "X-Proxy", key), nil},
		"with the next secret":   {header("X-Client", "bank", "X-Proxy", "the secret of tomorrow"), nil},
		"without a secret":       {header("X-Client", "bank"), ErrMissing},
		"with another secret":    {header("X-Client", "bank", "X-Proxy", key+"x"), ErrMismatch},
		"with two secrets":       {header("X-Client", "bank", "X-Proxy", key, "X-Proxy", "x"), ErrMalformed},
		"of another client":      {header("X-Client", "shop", "X-Proxy", key), ErrMismatch},
		"of no client":           {header("X-Proxy", key), ErrMissing},
		"of a list with the one": {header("X-Client", "shop, bank", "X-Proxy", key), ErrMismatch},
	} {
		err := scheme.Verify(now, Request{Header: tc.header})
		require.ErrorIs(t, err, tc.want, name)
		if refused, ok := errors.AsType[*refusal.Error](err); ok {
			require.Equal(t, "the credential or signature is missing or wrong", refused.Public, "tells nothing of the header")
			require.Empty(t, refused.PublicField)
		}
	}
	for want, change := range map[string]func(*CertificateSettings){
		"secret_header: needs secrets":   func(s *CertificateSettings) { s.Secrets = nil },
		"secrets[0]: has 5 bytes":        func(s *CertificateSettings) { s.Secrets = secret.NewAll([]string{"short"}) },
		"header: is of a proxy":          func(s *CertificateSettings) { s.Subjects = []string{"CN=bank"} },
		"fingerprints[0]: is not a SHA":  func(s *CertificateSettings) { s.Fingerprints = []string{"9f86d081"} },
		"names[0]: is empty":             func(s *CertificateSettings) { s.Names = []string{""} },
		"secret_header: needs secrets, ": func(s *CertificateSettings) { s.SecretHeader = "" },
	} {
		changed := settings
		change(&changed)
		_, err := changed.Scheme()
		require.ErrorContains(t, err, want)
	}
}

// The certificate that our own listener has verified is enough, and headers say nothing beside it.
func TestCertificateOfOurListener(t *testing.T) {
	t.Parallel()
	leaf := &x509.Certificate{
		Raw:      []byte("the certificate of the bank"),
		Subject:  pkix.Name{CommonName: "bank", Organization: []string{"Example"}},
		DNSNames: []string{"bank.example.com"},
		URIs:     []*url.URL{{Scheme: "spiffe", Host: "example.com", Path: "/bank"}},
	}
	ca := &x509.Certificate{Raw: []byte("the CA"), Subject: pkix.Name{CommonName: "CA"}, DNSNames: []string{"ca.example.com"}}
	sum := sha256.Sum256(leaf.Raw)
	fingerprint := hex.EncodeToString(sum[:])
	for name, tc := range map[string]struct {
		settings CertificateSettings
		accepted bool
	}{
		"fingerprint":            {CertificateSettings{Fingerprints: []string{fingerprint}}, true},
		"fingerprint of openssl": {CertificateSettings{Fingerprints: []string{strings.ToUpper(fingerprint[:2] + ":" + fingerprint[2:])}}, true},
		"other fingerprint":      {CertificateSettings{Fingerprints: []string{strings.Repeat("0", 64)}}, false},
		"subject":                {CertificateSettings{Subjects: []string{"CN=bank,O=Example"}}, true},
		"part of a subject":      {CertificateSettings{Subjects: []string{"CN=bank"}}, false},
		"subject of the CA":      {CertificateSettings{Subjects: []string{"CN=CA"}}, false},
		"DNS name":               {CertificateSettings{Names: []string{"Bank.example.com"}}, true},
		"URI":                    {CertificateSettings{Names: []string{"spiffe://example.com/bank"}}, true},
		"name of the CA":         {CertificateSettings{Names: []string{"ca.example.com"}}, false},
		"another name":           {CertificateSettings{Names: []string{"example.com"}}, false},
	} {
		scheme, err := tc.settings.Scheme()
		require.NoError(t, err, name)
		err = scheme.Verify(now, Request{Header: http.Header{}, Certificates: []*x509.Certificate{leaf, ca}})
		require.Equal(t, tc.accepted, err == nil, "%s: %v", name, err)
		forged := header("X-Client", "CN=bank,O=Example", "X-Ssl-Client-Fingerprint", fingerprint)
		require.ErrorIs(t, scheme.Verify(now, Request{Header: forged}), ErrMissing, name)
	}
}
