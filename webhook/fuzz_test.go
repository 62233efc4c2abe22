package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

func requireRefusal(t *testing.T, err error) *refusal.Error {
	t.Helper()
	refused, ok := errors.AsType[*refusal.Error](err)
	require.True(t, ok, "%v", err)
	return refused
}

// FuzzSenders holds that no sender's scheme accepts a request that was not signed, that each refusal is one, and that it
// quotes nothing of the request.
func FuzzSenders(f *testing.F) {
	schemes := map[string]Scheme{}
	headers := map[string]HMACSettings{}
	for name, s := range senders() {
		settings := s.settings
		settings.Secrets = secret.NewAll([]string{key})
		scheme, err := settings.Scheme()
		if err != nil {
			f.Fatal(err)
		}
		schemes[name], headers[name] = scheme, settings
	}
	f.Add("sha256=00,sha256=11", "v0=AAAA", nowText, "id-1", "a=b", []byte("body"))
	f.Add("ts="+nowText+";h1=00;h1=zz", "HMAC AAAA, HMAC BBBB", nowText+"000", "{", "?", []byte("{}"))
	f.Add("v0= v0=, ,", "", "2023-11-14T22:13:20Z", "", "%", []byte{})
	f.Fuzz(func(t *testing.T, signature, second, sent, id, query string, body []byte) {
		const mark = "k7Qx-mark" // no text of an error has it
		for name, scheme := range schemes {
			settings := headers[name]
			for _, end := range []string{"", mark} {
				h := http.Header{}
				for i, header := range settings.signatureHeaders() {
					h[http.CanonicalHeaderKey(header)] = [][]string{{signature + end, second + end}, {second + end}}[i]
				}
				if settings.TimestampHeader != "" {
					h.Set(settings.TimestampHeader, sent+end)
				}
				if settings.IDHeader != "" {
					h.Set(settings.IDHeader, id+end)
				}
				err := scheme.Verify(now, Request{Method: "POST", URL: "https://x.example.com/?" + query, Header: h, Body: body})
				if err == nil {
					t.Fatalf("%s accepts %q and %q", name, signature, second)
				}
				_ = requireRefusal(t, err)
				if strings.Contains(err.Error(), mark) {
					t.Fatalf("%s quotes a header: %v", name, err)
				}
			}
		}
	})
}

// FuzzSignatureLists holds that a right signature is found in any list of at most 16, and never counts for another body.
func FuzzSignatureLists(f *testing.F) {
	settings := HMACSettings{Header: "X-Sig", Prefix: "sha256=", Encoding: "base64", Secrets: secret.NewAll([]string{key})}
	v, err := NewHMAC(settings)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("sha256=AAAA,", " sha256=BBBB", "body")
	f.Add("v9=x ", "\t", "")
	f.Fuzz(func(t *testing.T, before, after, body string) {
		value := before + ", sha256=" + base64MAC(key, body) + " ," + after
		h := header("X-Sig", value)
		other := v.Verify(now, Request{Header: h, Body: []byte(body + "x")})
		require.Error(t, other)
		err := v.Verify(now, Request{Header: h, Body: []byte(body)})
		if strings.Count(before, "=") < maxSignatures {
			require.NoError(t, err, value)
		}
	})
}

// FuzzTemplate holds that a template that is read signs the body whole, and its text around it.
func FuzzTemplate(f *testing.F) {
	f.Add("v0:{timestamp}:{body}", []byte("body"))
	f.Add("{url}{body}{{body}", []byte{})
	f.Add("}{", []byte("{body}"))
	f.Fuzz(func(t *testing.T, text string, body []byte) {
		parsed, err := parseTemplate(text)
		if err != nil {
			return
		}
		filled := parsed.fill(templateValues{body: body, sent: "T", id: "I", method: "M", url: "U"})
		want := strings.NewReplacer(
			"{body}", string(body), "{timestamp}", "T", "{id}", "I", "{method}", "M", "{url}", "U",
		).Replace(text)
		require.Equal(t, want, string(filled))
	})
}

// FuzzPlainCredentials holds that only the configured credential is accepted.
func FuzzPlainCredentials(f *testing.F) {
	secrets := secret.NewAll([]string{key})
	var schemes []Scheme
	for _, s := range []Settings{
		&TokenSettings{Header: "Authorization", Prefix: "GenieKey ", Tokens: secrets},
		&BasicSettings{Username: "azure", Passwords: secrets},
		&BasicSettings{Passwords: secrets},
		&QuerySettings{Parameter: "key", Tokens: secrets},
		&BearerSettings{Tokens: secrets},
	} {
		scheme, err := s.Scheme()
		if err != nil {
			f.Fatal(err)
		}
		schemes = append(schemes, scheme)
	}
	f.Add("Basic YXp1cmU6eA==", "key=x&key=y;")
	f.Add("GenieKey ", "key=%zz")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		for _, scheme := range schemes {
			err := scheme.Verify(now, Request{Header: header("Authorization", authorization), Query: query})
			if err == nil {
				require.Contains(t, authorization+query, "enough", "%T", scheme.Verifier)
				continue
			}
			_ = requireRefusal(t, err)
			if len(authorization) > 12 {
				require.NotContains(t, err.Error(), authorization)
			}
		}
	})
}

// FuzzHandshakes holds that no answer to a stranger reflects more than a short plain text, in a type that no browser runs.
func FuzzHandshakes(f *testing.F) {
	schemes := map[string]Scheme{}
	for kind := range HandshakeKinds() {
		scheme, err := (&HMACSettings{Header: "X-Sig", Secrets: secret.NewAll([]string{key})}).Scheme()
		if err != nil {
			f.Fatal(err)
		}
		settings := HandshakeSettings{Kind: kind}
		if kind == "meta" {
			settings.Tokens = secret.NewAll([]string{"a token"})
		}
		if schemes[kind], err = scheme.WithHandshake(settings); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(0, "challenge=a&validationToken=b&crc_token=c&hub.mode=subscribe&hub.challenge=d&hub.verify_token=a+token", "x", []byte("{}"))
	f.Add(1, "validationToken=%3Cb%3E", "<b>", []byte(`{"type":"url_verification","challenge":"x"}`))
	f.Add(2, "", "eventgrid.azure.net", []byte(`[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"x"}}]`))
	f.Add(3, "", "", []byte(`{"event":"endpoint.url_validation","payload":{"plainToken":"x"}}`))
	f.Fuzz(func(t *testing.T, method int, query, value string, body []byte) {
		methods := []string{http.MethodGet, http.MethodPost, http.MethodOptions, http.MethodHead}
		r := Request{
			Method: methods[uint(method)%4], Query: query, Body: body,
			Header: header("X-Okta-Verification-Challenge", value, "X-AdobeSign-ClientId", value, "WebHook-Request-Origin", value),
		}
		for kind, scheme := range schemes {
			for _, answer := range answersOf(t, scheme, r) {
				switch answer.ContentType {
				case "text/plain; charset=utf-8":
					require.NotContains(t, string(answer.Body), "<", kind)
				case "application/json":
					require.True(t, json.Valid(answer.Body), kind)
				default:
					require.Empty(t, answer.Body, kind)
				}
				require.LessOrEqual(t, len(answer.Body), maxChallenge+200, kind)
				for _, values := range answer.Header {
					require.NotContains(t, strings.Join(values, ""), "\n", kind)
				}
			}
		}
	})
}

// answersOf returns the answers to a request that is not signed, and as if it were.
func answersOf(t *testing.T, s Scheme, r Request) []*Answer {
	t.Helper()
	var answers []*Answer
	for _, ask := range []func() (*Answer, error){
		func() (*Answer, error) { return s.AnswerOpen(time.Time{}, r) },
		func() (*Answer, error) { return s.AnswerVerified(r) },
	} {
		answer, err := ask()
		if err != nil {
			_ = requireRefusal(t, err)
			require.Nil(t, answer)
			continue
		}
		if answer != nil {
			answers = append(answers, answer)
		}
	}
	return answers
}
