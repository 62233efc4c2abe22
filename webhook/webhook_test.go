package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/approval-relay/approval-relay/secret"
)

const key = "a secret of enough bytes"

var now = time.Unix(1_700_000_000, 0)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func hexMAC(secret, text string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func TestHMAC(t *testing.T) {
	t.Parallel()
	plain, err := NewHMAC(HMACSettings{
		Header:   "X-Sig",
		Prefix:   "sha256=",
		Encoding: "hex",
		Secrets:  secret.NewAll([]string{"another of enough bytes", key}),
	})
	if err != nil {
		t.Fatal(err)
	}
	timed, err := NewHMAC(HMACSettings{
		Header:          "X-Sig",
		Encoding:        "hex",
		Secrets:         secret.NewAll([]string{key}),
		TimestampHeader: "X-Time",
		Tolerance:       time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	sent, late := "1700000060", "1700000061"
	for _, c := range []struct {
		name string
		v    Verifier
		h    http.Header
		want error
	}{
		{"good", plain, header("X-Sig", "sha256="+hexMAC(key, "body")), nil},
		{"upper case", plain, header("X-Sig", "sha256="+strings.ToUpper(hexMAC(key, "body"))), nil},
		{"rotated", plain, header("X-Sig", "sha256="+hexMAC("another of enough bytes", "body")), nil},
		{"none", plain, header(), ErrMissing},
		{"two lines", plain, header("X-Sig", "x", "X-Sig", "sha256="+hexMAC(key, "body")), nil},
		{"two lines of others", plain, header("X-Sig", "x", "X-Sig", "sha256="+hexMAC(key+"!", "body")), ErrMismatch},
		{"prefix once, right one last", plain, header("X-Sig", "sha256="+hexMAC("x", "body")+","+hexMAC(key, "body")), nil},
		{"prefix once, both wrong", plain, header("X-Sig", "sha256="+hexMAC("x", "body")+","+hexMAC("y", "body")), ErrMismatch},
		{"prefix only on the second", plain, header("X-Sig", hexMAC(key, "body")+",sha256="+hexMAC("x", "body")), ErrMismatch},
		{"space behind the prefix", plain, header("X-Sig", "sha256= "+hexMAC(key, "body")), nil},
		{"semicolon", plain, header("X-Sig", "sha256="+hexMAC("x", "body")+";sha256="+hexMAC(key, "body")), nil},
		{"two times", timed, header("X-Sig", hexMAC(key, sent+".body"), "X-Time", sent, "X-Time", sent), ErrMalformed},
		{"no prefix", plain, header("X-Sig", hexMAC(key, "body")), ErrMalformed},
		{"no hex", plain, header("X-Sig", "sha256=zz"), ErrMalformed},
		{"cut", plain, header("X-Sig", "sha256="+hexMAC(key, "body")[:62]), ErrMismatch},
		{"empty", plain, header("X-Sig", "sha256="), ErrMismatch},
		{"other body", plain, header("X-Sig", "sha256="+hexMAC(key, "Body")), ErrMismatch},
		{"other secret", plain, header("X-Sig", "sha256="+hexMAC(key+"!", "body")), ErrMismatch},
		{"timed", timed, header("X-Sig", hexMAC(key, sent+".body"), "X-Time", sent), nil},
		{"no time", timed, header("X-Sig", hexMAC(key, sent+".body")), ErrMissing},
		{"other time", timed, header("X-Sig", hexMAC(key, sent+".body"), "X-Time", "1700000059"), ErrMismatch},
		{"too early", timed, header("X-Sig", hexMAC(key, late+".body"), "X-Time", late), ErrStale},
		{"time is no number", timed, header("X-Sig", hexMAC(key, "x.body"), "X-Time", "x"), ErrMalformed},
		{"time with a sign", timed, header("X-Sig", hexMAC(key, "+1700000000.body"), "X-Time", "+1700000000"), ErrMalformed},
	} {
		if err := c.v.Verify(now, Request{Header: c.h, Body: []byte("body")}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	v, err := NewBearer(key, "another of enough bytes")
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]error{
		"Bearer " + key:                  nil,
		"bearer " + key:                  nil,
		"Bearer another of enough bytes": nil,
		"":                               ErrMissing,
		"Basic " + key:                   ErrMalformed,
		"Bearer":                         ErrMismatch,
		"Bearer " + key + "!":            ErrMismatch,
		"Bearer " + key[1:]:              ErrMismatch,
	} {
		if err := v.Verify(now, Request{Header: header("Authorization", value)}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", value, err, want)
		}
	}
}

// TestStandardVector signs the example in the specification.
func TestStandardVector(t *testing.T) {
	t.Parallel()
	s, err := NewStandard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"test": 2432232314}`)
	got := s.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), body)
	if sig, want := got.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; sig != want {
		t.Errorf("signature %s, want %s", sig, want)
	}
}

func TestStandard(t *testing.T) {
	t.Parallel()
	old := base64.StdEncoding.EncodeToString([]byte(key))
	young := base64.StdEncoding.EncodeToString([]byte("another of enough bytes"))
	s, _ := NewStandard("whsec_"+old, young)
	first, _ := NewStandard(old)
	body := []byte("body")
	good := s.Sign("id-1", now, body)
	strange, _ := NewStandard(base64.StdEncoding.EncodeToString([]byte("a secret of somebody else")))
	own, foreign := first.Sign("id-1", now, body).Get("webhook-signature"), strange.Sign("id-1", now, body).Get("webhook-signature")
	change := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	for _, c := range []struct {
		name string
		v    *Standard
		h    http.Header
		at   time.Duration
		want error
	}{
		{"good", s, good, 0, nil},
		{"one of two secrets", first, good, 0, nil},
		{"five minutes late", s, good, standardTolerance, nil},
		{"later", s, good, standardTolerance + time.Second, ErrStale},
		{"earlier", s, good, -standardTolerance - time.Second, ErrStale},
		{"other ID", s, change("webhook-id", "id-2"), 0, ErrMismatch},
		{"other time", s, change("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)), 0, ErrMismatch},
		{"only other versions", s, change("webhook-signature", "v1a,abc v2,def"), 0, ErrMissing},
		{"malformed", s, change("webhook-signature", "v1,***"), 0, ErrMalformed},
		{"lines joined by a comma", s, change("webhook-signature", foreign+","+own), 0, nil},
		{"joined by a comma and a space", s, change("webhook-signature", own+", "+foreign), 0, nil},
		{"joined, none of ours", s, change("webhook-signature", foreign+","+foreign), 0, ErrMismatch},
		{"a version without a signature", s, change("webhook-signature", "v1"), 0, ErrMissing},
		{"an unknown one first", s, change("webhook-signature", "v1a,abc "+good.Get("webhook-signature")), 0, nil},
	} {
		if err := c.v.Verify(now.Add(c.at), Request{Header: c.h, Body: body}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if err := s.Verify(now, Request{Header: good, Body: []byte("Body")}); !errors.Is(err, ErrMismatch) {
		t.Errorf("other body: %v", err)
	}
}

func TestStandardAgreesWithItsLibrary(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(key))
	ours, _ := NewStandard(secret)
	theirs, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"a":1}`)
	if err := theirs.VerifyIgnoringTimestamp(body, ours.Sign("id", now, body)); err != nil {
		t.Errorf("they refuse what we sign: %v", err)
	}
	signature, err := theirs.Sign("id", now, body)
	if err != nil {
		t.Fatal(err)
	}
	h := header("webhook-id", "id", "webhook-timestamp", strconv.FormatInt(now.Unix(), 10), "webhook-signature", signature)
	if err := ours.Verify(now, Request{Header: h, Body: body}); err != nil {
		t.Errorf("we refuse what they sign: %v", err)
	}
}

func TestWeakSecretsAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]string{nil, {""}, {"   "}, {"short"}, {key, ""}} {
		if _, err := NewBearer(bad...); err == nil {
			t.Errorf("bearer accepts %q", bad)
		}
		if _, err := NewHMAC(HMACSettings{Header: "X", Encoding: "hex", Secrets: secret.NewAll(bad)}); err == nil {
			t.Errorf("hmac accepts %q", bad)
		}
		if _, err := NewStandard(bad...); err == nil {
			t.Errorf("standard accepts %q", bad)
		}
	}
	if _, err := NewStandard("whsec_***"); err == nil || strings.Contains(err.Error(), "***") {
		t.Errorf("standard: %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	h, _ := NewHMAC(HMACSettings{Header: "X", Encoding: "hex", Secrets: secret.NewAll([]string{key})})
	s, _ := NewStandard(base64.StdEncoding.EncodeToString([]byte(key)))
	for _, v := range []any{h, s, *h, *s} {
		b, _ := json.Marshal(v)
		text := fmt.Sprintf("%v %+v %#v %s %d %x", v, v, v, v, v, v) + string(b)
		if strings.Contains(text, key) || strings.Contains(text, hex.EncodeToString([]byte(key))) {
			t.Errorf("%T shows its secret", v)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s, _ := NewStandard(base64.StdEncoding.EncodeToString([]byte(key)))
	h, _ := NewHMAC(HMACSettings{
		Header:          "X-Sig",
		Encoding:        "base64",
		Secrets:         secret.NewAll([]string{key}),
		TimestampHeader: "X-Time",
		Tolerance:       time.Minute,
	})
	b, _ := NewBearer(key)
	slack, _ := NewSlack(key)
	stripe, _ := NewStripe("", key)
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	public := private.Public().(ed25519.PublicKey) //nolint:forcetypeassert // always this type
	asymmetric, _ := NewStandardAsymmetric([]string{base64.StdEncoding.EncodeToString(public)}, nil)
	proxied, _ := NewCertificate(CertificateSettings{Header: "X-Sig", Allowed: []string{key}})
	f.Add("id", "1700000000", "v1a,"+strings.Repeat("A", 86)+"==", "v0=00", []byte("body"))
	f.Add("id", "1700000000", "t=1700000000,v1=00,v1=", "v0=00", []byte("body"))
	f.Add("id", "1700000000", "v1,AAAA", "Bearer x", []byte("body"))
	f.Add("", "-1", "v1, v1,= ,,", "Bearer", []byte{})
	f.Fuzz(func(t *testing.T, id, sent, signature, auth string, body []byte) {
		head := header(headerID, id, headerTimestamp, sent, headerSignature, signature, "X-Sig", signature,
			"X-Time", sent, "Authorization", auth, "Stripe-Signature", signature,
			"X-Slack-Signature", auth, "X-Slack-Request-Timestamp", sent)
		for _, v := range []Verifier{s, h, b, slack, stripe, asymmetric, proxied} {
			err := v.Verify(now, Request{Header: head, Body: body})
			if err == nil && !strings.Contains(auth+signature, key) {
				t.Errorf("%T accepts %q", v, signature)
			}
			if err != nil && len(signature) > 12 && strings.Contains(err.Error(), signature) {
				t.Errorf("the error holds the signature: %v", err)
			}
		}
	})
}
