package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
