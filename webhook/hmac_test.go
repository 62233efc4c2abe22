package webhook

import (
	"crypto/hmac"
	"crypto/sha1" // as Trello signs
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

func macOf(newHash func() hash.Hash, key, text string) []byte {
	h := hmac.New(newHash, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func base64MAC(key, text string) string {
	return base64.StdEncoding.EncodeToString(macOf(sha256.New, key, text))
}

// sender is a service, as its documentation describes its signature.
type sender struct {
	settings HMACSettings
	// sign returns the headers of a body. The time is now.
	sign func(key, body string) http.Header
}

const (
	senderURL = "https://relay.example.com/webhooks/x?a=b"
	nowText   = "1700000000"
)

// senders are services that sign by the same MAC in different ways. Each vendor's documentation is the source.
func senders() map[string]sender {
	rfc3339 := now.UTC().Format(time.RFC3339)
	return map[string]sender{
		"Zendesk": {
			HMACSettings{
				Header: "X-Zendesk-Webhook-Signature", Encoding: "base64",
				TimestampHeader: "X-Zendesk-Webhook-Signature-Timestamp", Signed: "{timestamp}{body}",
			},
			func(key, body string) http.Header {
				return header("X-Zendesk-Webhook-Signature-Timestamp", rfc3339,
					"X-Zendesk-Webhook-Signature", base64MAC(key, rfc3339+body))
			},
		},
		"Webflow": {
			HMACSettings{Header: "X-Webflow-Signature", TimestampHeader: "X-Webflow-Timestamp", Signed: "{timestamp}:{body}"},
			func(key, body string) http.Header {
				return header("X-Webflow-Timestamp", nowText+"678", "X-Webflow-Signature", hexMAC(key, nowText+"678:"+body))
			},
		},
		"Paddle": {
			HMACSettings{
				Header: "Paddle-Signature", Signed: "{timestamp}:{body}",
				Parameters: &Parameters{Separator: ";", Signature: "h1", Timestamp: "ts"},
			},
			func(key, body string) http.Header {
				return header("Paddle-Signature", "ts="+nowText+";h1="+hexMAC(key, nowText+":"+body))
			},
		},
		"HubSpot v3": {
			HMACSettings{
				Header: "X-HubSpot-Signature-v3", Encoding: "base64", TimestampHeader: "X-HubSpot-Request-Timestamp",
				TimestampFormat: "unix_ms", Signed: "{method}{url}{body}{timestamp}",
			},
			func(key, body string) http.Header {
				return header("X-HubSpot-Request-Timestamp", nowText+"000",
					"X-HubSpot-Signature-v3", base64MAC(key, "POST"+senderURL+body+nowText+"000"))
			},
		},
		"Box": {
			HMACSettings{
				Headers: []string{"Box-Signature-Primary", "Box-Signature-Secondary"}, Encoding: "base64",
				TimestampHeader: "Box-Delivery-Timestamp", Signed: "{body}{timestamp}",
			},
			func(key, body string) http.Header {
				return header("Box-Delivery-Timestamp", rfc3339, "Box-Signature-Primary", base64MAC("the other key of Box", body),
					"Box-Signature-Secondary", base64MAC(key, body+rfc3339))
			},
		},
		"Linear": {
			HMACSettings{Header: "Linear-Signature"},
			func(key, body string) http.Header { return header("Linear-Signature", hexMAC(key, body)) },
		},
		"Hookdeck Outpost": { // with a signature of each secret while one rotates
			HMACSettings{Header: "X-Outpost-Signature", Prefix: "v0="},
			func(key, body string) http.Header {
				return header("X-Outpost-Signature", "v0="+hexMAC("the secret that ends", body)+","+hexMAC(key, body))
			},
		},
		"Calendly": {
			HMACSettings{
				Header:     "Calendly-Webhook-Signature",
				Parameters: &Parameters{Separator: ",", Signature: "v1", Timestamp: "t"},
			},
			func(key, body string) http.Header {
				return header("Calendly-Webhook-Signature", "t="+nowText+",v1="+hexMAC(key, nowText+"."+body))
			},
		},
		"Intercom": {
			HMACSettings{Header: "X-Hub-Signature", Prefix: "sha1=", Algorithm: "sha1"},
			func(key, body string) http.Header {
				return header("X-Hub-Signature", "sha1="+hex.EncodeToString(macOf(sha1.New, key, body)))
			},
		},
		"Shopify": {
			HMACSettings{Header: "X-Shopify-Hmac-Sha256", Encoding: "base64"},
			func(key, body string) http.Header { return header("X-Shopify-Hmac-Sha256", base64MAC(key, body)) },
		},
		"Typeform": {
			HMACSettings{Header: "Typeform-Signature", Prefix: "sha256=", Encoding: "base64"},
			func(key, body string) http.Header {
				return header("Typeform-Signature", "sha256="+base64MAC(key, body))
			},
		},
		"Square": {
			HMACSettings{Header: "X-Square-Hmacsha256-Signature", Encoding: "base64", Signed: "{url}{body}"},
			func(key, body string) http.Header {
				return header("X-Square-Hmacsha256-Signature", base64MAC(key, senderURL+body))
			},
		},
		"Trello": {
			HMACSettings{Header: "X-Trello-Webhook", Encoding: "base64", Algorithm: "sha1", Signed: "{body}{url}"},
			func(key, body string) http.Header {
				return header("X-Trello-Webhook", base64.StdEncoding.EncodeToString(macOf(sha1.New, key, body+senderURL)))
			},
		},
		"Zoom": {
			HMACSettings{
				Header: "X-Zm-Signature", Prefix: "v0=", TimestampHeader: "X-Zm-Request-Timestamp",
				Signed: "v0:{timestamp}:{body}",
			},
			func(key, body string) http.Header {
				return header("X-Zm-Request-Timestamp", nowText, "X-Zm-Signature", "v0="+hexMAC(key, "v0:"+nowText+":"+body))
			},
		},
		"a scheme with parameters": {
			HMACSettings{
				Header: "Authorization", Prefix: "HMAC-SHA256 ", Encoding: "base64",
				Parameters: &Parameters{Separator: ",", Signature: "signature", Timestamp: "created"},
			},
			func(key, body string) http.Header {
				return header("Authorization", `HMAC-SHA256 keyId="k", created=`+nowText+`, signature="`+base64MAC(key, nowText+"."+body)+`"`)
			},
		},
		"Standard Webhooks with a secret as text": {
			HMACSettings{
				Header: "webhook-signature", Prefix: "v1,", Encoding: "base64",
				TimestampHeader: "webhook-timestamp", IDHeader: "webhook-id",
			},
			func(key, body string) http.Header {
				return header("webhook-timestamp", nowText, "webhook-id", "id-1",
					"webhook-signature", "v1,"+base64MAC(key, "id-1."+nowText+"."+body))
			},
		},
		"with an ID": {
			HMACSettings{Header: "X-Sig", TimestampHeader: "X-Time", IDHeader: "X-ID"},
			func(key, body string) http.Header {
				return header("X-Time", nowText, "X-ID", "id-1", "X-Sig", hexMAC(key, "id-1."+nowText+"."+body))
			},
		},
		"Teams outgoing": {
			HMACSettings{Header: "Authorization", Prefix: "HMAC ", Encoding: "base64"},
			func(key, body string) http.Header { return header("Authorization", "HMAC "+base64MAC(key, body)) },
		},
	}
}

// Each sender is understood as it signs, while its secret rotates, and in the spellings that proxies and frameworks
// make of a signature. Anything else is refused.
func TestSenders(t *testing.T) {
	t.Parallel()
	const body, other = `{"orderId":"A-1"}`, "the secret after the rotation"
	for name, s := range senders() {
		settings := s.settings
		settings.Secrets = secret.NewAll([]string{other, key})
		scheme, err := settings.Scheme()
		require.NoError(t, err, name)
		settings.Secrets = secret.NewAll([]string{"a secret of somebody else"})
		strange, err := settings.Scheme()
		require.NoError(t, err, name)
		verify := func(s Scheme, h http.Header, body string) error {
			return s.Verify(now, Request{Method: "POST", URL: senderURL, Header: h, Body: []byte(body)})
		}
		for _, k := range []string{key, other} {
			h := s.sign(k, body)
			require.NoError(t, verify(scheme, h, body), name)
			require.ErrorIs(t, verify(scheme, h, body+" "), ErrMismatch, name)
			require.ErrorIs(t, verify(strange, h, body), ErrMismatch, name)
		}
		require.ErrorIs(t, verify(scheme, http.Header{}, body), ErrMissing, name)
		good := s.sign(key, body)
		for _, header := range settings.lookedFor() {
			h := good.Clone()
			h.Del(header)
			if slices.Contains(settings.Headers, header) {
				continue // the other header has a signature
			}
			require.ErrorIs(t, verify(scheme, h, body), ErrMissing, "%s without %s", name, header)
		}
		if settings.hasTime() {
			late := Request{Method: "POST", URL: senderURL, Header: good, Body: []byte(body)}
			require.ErrorIs(t, scheme.Verify(now.Add(6*time.Minute), late), ErrStale, name)
			require.ErrorIs(t, scheme.Verify(now.Add(-6*time.Minute), late), ErrStale, name)
		}
		for _, spelling := range spellings(settings, good) {
			require.NoError(t, verify(scheme, spelling, body), "%s as %v", name, spelling)
		}
	}
}

// spellings returns other ways in which the same signature is sent.
func spellings(s HMACSettings, good http.Header) []http.Header {
	name := s.signatureHeaders()[len(s.signatureHeaders())-1]
	value := good.Get(name)
	with := func(values ...string) http.Header {
		h := good.Clone()
		h[http.CanonicalHeaderKey(name)] = values
		return h
	}
	list := []http.Header{with("canary", value)}
	if s.Parameters == nil {
		wrong := s.Prefix + strings.Repeat("A", 40)
		list = append(list, with(wrong, value), with(value, wrong), with(wrong+","+value), with(wrong+", "+value), with("v9=x, "+value))
	} else {
		list[0] = with(value + s.Parameters.Separator + s.Parameters.Signature + "=" + strings.Repeat("0", 64))
	}
	if s.Parameters != nil && s.Prefix != "" {
		list = append(list, with(strings.ToLower(s.Prefix)+value[len(s.Prefix):]))
	} else if s.Encoding == "base64" {
		raw := strings.TrimRight(value, "=")
		list = append(list, with(raw), with(strings.NewReplacer("+", "-", "/", "_").Replace(raw)))
	} else if prefix := len(s.Prefix); s.Parameters == nil {
		list = append(list, with(value[:prefix]+strings.ToUpper(value[prefix:])))
	}
	return list
}

// A secret may be shown in an encoding of the key.
func TestSecretEncodings(t *testing.T) {
	t.Parallel()
	for encoding, texts := range map[string][]string{
		"text": {key},
		"base64": {
			base64.StdEncoding.EncodeToString([]byte(key)), base64.RawStdEncoding.EncodeToString([]byte(key)),
			base64.RawURLEncoding.EncodeToString([]byte(key)),
		},
		"hex": {hex.EncodeToString([]byte(key)), strings.ToUpper(hex.EncodeToString([]byte(key)))},
	} {
		for _, text := range texts {
			v, err := NewHMAC(HMACSettings{Header: "X-Sig", SecretEncoding: encoding, Secrets: secret.NewAll([]string{text + "\n"})})
			require.NoError(t, err, encoding)
			require.NoError(t, v.Verify(now, Request{Header: header("X-Sig", hexMAC(key, "body")), Body: []byte("body")}), encoding)
			require.ErrorIs(t, v.Verify(now, Request{Header: header("X-Sig", hexMAC(text+"!", "body")), Body: []byte("body")}),
				ErrMismatch, encoding)
		}
	}
	for encoding, text := range map[string]string{"base64": "not base64, canary", "hex": "not hex, canary"} {
		_, err := NewHMAC(HMACSettings{Header: "X-Sig", SecretEncoding: encoding, Secrets: secret.NewAll([]string{text})})
		require.ErrorContains(t, err, "secrets[0]: is not "+encoding)
		require.NotContains(t, err.Error(), "canary")
	}
}

// What is used must be signed, or a replay could change it.
func TestHMACSettingsAreValidated(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]HMACSettings{
		"signed: has no {body}":              {Signed: "{timestamp}", TimestampHeader: "X-Time"},
		"signed: has no {timestamp}":         {Signed: "{body}", TimestampHeader: "X-Time"},
		"signed: has no {id}":                {Signed: "{body}", IDHeader: "X-ID"},
		"signed: has {timestamp}, and nei":   {Signed: "{timestamp}.{body}"},
		"signed: has {id}, and id_header":    {Signed: "{id}.{body}"},
		"signed: has a {":                    {Signed: "{body}{secret}"},
		"signed: has a { that does":          {Signed: "{body}{"},
		"url: is set":                        {URL: "https://x.example.com"},
		"signature_headers: are set, and so": {Header: "X", Headers: []string{"Y"}},
		"signature_headers[1]: is empty":     {Headers: []string{"Y", ""}},
		"timestamp_header: is set":           {TimestampHeader: "X", Parameters: &Parameters{Timestamp: "t"}},
		"timestamp_format: \"iso\"":          {TimestampFormat: "iso"},
	} {
		s.SetDefaults(setup.Common{})
		require.ErrorContains(t, setup.FaultsOf(&s), want)
	}
}

// A URL that is signed must be known, and the one in the settings wins.
func TestSignedURL(t *testing.T) {
	t.Parallel()
	s := HMACSettings{Header: "X-Sig", Signed: "{url}{body}", Secrets: secret.NewAll([]string{key})}
	v, err := NewHMAC(s)
	require.NoError(t, err)
	signed := header("X-Sig", hexMAC(key, "https://a.example.com/body"))
	require.ErrorIs(t, v.Verify(now, Request{Header: signed, Body: []byte("body")}), ErrMalformed)
	require.ErrorIs(t, v.Verify(now, Request{Header: signed, Body: []byte("body"), URL: "https://b.example.com/"}), ErrMismatch)
	s.URL = "https://a.example.com/"
	v, err = NewHMAC(s)
	require.NoError(t, err)
	require.NoError(t, v.Verify(now, Request{Header: signed, Body: []byte("body"), URL: "https://b.example.com/"}))
}
