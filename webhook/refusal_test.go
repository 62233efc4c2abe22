package webhook

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
)

// TestRefusalTexts holds that each refusal is a sentence that names the header, and quotes no value of it.
func TestRefusalTexts(t *testing.T) {
	t.Parallel()
	plain, err := NewHMAC(HMACSettings{Header: "X-Sig", Prefix: "sha256=", Encoding: "hex", Secrets: secret.NewAll([]string{key})})
	require.NoError(t, err)
	timed, err := NewHMAC(HMACSettings{
		Header:          "X-Sig",
		Encoding:        "base64",
		Secrets:         secret.NewAll([]string{key}),
		TimestampHeader: "X-Time",
		Tolerance:       time.Minute,
	})
	require.NoError(t, err)
	bearer, err := NewBearer(key)
	require.NoError(t, err)
	slack, err := NewSlack(key)
	require.NoError(t, err)
	stripe, err := NewStripe("", key)
	require.NoError(t, err)
	standard, err := NewStandard(base64.StdEncoding.EncodeToString([]byte(key)))
	require.NoError(t, err)
	certificate, err := NewCertificate(CertificateSettings{
		Header:         "X-Client",
		Allowed:        []string{"ours"},
		VerifiedHeader: "X-Verified",
		VerifiedValue:  "SUCCESS",
	})
	require.NoError(t, err)
	const sent = "1700000000"
	standardHeader := func(signature string) http.Header {
		return header(headerID, "1", headerTimestamp, sent, headerSignature, signature)
	}
	for _, c := range []struct {
		v    Verifier
		h    http.Header
		want string
	}{
		{plain, header(), "the header X-Sig is missing or empty"},
		{timed, header("X-Sig", "AAAA", "X-Time", "canary", "X-Time", "canary"), "the header X-Time was sent more than once"},
		{plain, header("X-Sig", "canary"), `the header X-Sig does not begin with "sha256="`},
		{plain, header("X-Sig", "sha256=canary"), "the signature in the header X-Sig is not hex"},
		{plain, header("X-Sig", "sha256=00"), "the signature in the header X-Sig matches none of the configured secrets"},
		{timed, header("X-Sig", "AAAA"), "the header X-Time is missing or empty"},
		{timed, header("X-Sig", "AAAA", "X-Time", "canary"), "the time of sending in the header X-Time is not in Unix seconds, " +
			"Unix milliseconds or the format of RFC 3339 or HTTP"},
		{
			timed, header("X-Sig", "AAAA", "X-Time", "1699999939"),
			"the time of sending in the header X-Time is more than 1m0s in the past",
		},
		{
			timed, header("X-Sig", "AAAA", "X-Time", "1700000061"),
			"the time of sending in the header X-Time is more than 1m0s in the future",
		},
		{bearer, header("Authorization", "Basic canary"), "the header Authorization has no bearer token"},
		{bearer, header("Authorization", "Bearer canary"), "the header Authorization has an unknown bearer token"},
		{
			slack, header("X-Slack-Signature", "canary", "X-Slack-Request-Timestamp", sent),
			`the header X-Slack-Signature does not begin with "v0="`,
		},
		{stripe, header("Stripe-Signature", "v1=00"), "the header Stripe-Signature has no time (t=)"},
		{stripe, header("Stripe-Signature", "t="+sent), "the header Stripe-Signature has no signature (v1=)"},
		{stripe, header("Stripe-Signature", "t=1,t=2"), "the header Stripe-Signature has more than one time (t=)"},
		{stripe, header("Stripe-Signature", "t=1,v1=canary"), "the signature (v1=) in the header Stripe-Signature is not hex"},
		{standard, standardHeader("v9,canary"), "the header Webhook-Signature has no signature of version v1"},
		{standard, standardHeader("v1,canary!"), "the signature in the header Webhook-Signature is not base64"},
		{
			standard, standardHeader("v1,AAAA"),
			"the signature in the header Webhook-Signature matches none of the configured secrets",
		},
		{certificate, header("X-Verified", "canary"), "the header X-Verified does not have the value of verified_value"},
		{
			certificate, header("X-Verified", "SUCCESS", "X-Client", "canary"),
			"the header X-Client names a certificate that is not allowed",
		},
	} {
		err := c.v.Verify(time.Unix(1_700_000_000, 0), Request{Header: c.h, Body: []byte("canary")})
		require.EqualError(t, err, c.want)
		require.NotContains(t, err.Error(), "canary", "the refusal quotes a value")
	}
}
