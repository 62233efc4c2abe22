package webhook

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestGitHub verifies the example in GitHub's documentation.
func TestGitHub(t *testing.T) {
	t.Parallel()
	v, err := NewGitHub("another secret of theirs", "It's a Secret to Everybody")
	if err != nil {
		t.Fatal(err)
	}
	const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	for body, want := range map[string]error{"Hello, World!": nil, "Hello, World": ErrMismatch} {
		if err := v.Verify(now, Request{Header: header("X-Hub-Signature-256", signature), Body: []byte(body)}); !errors.Is(err, want) {
			t.Errorf("%s: %v", body, err)
		}
	}
	old := Request{Header: header("X-Hub-Signature", signature), Body: []byte("Hello, World!")}
	if err := v.Verify(now, old); !errors.Is(err, ErrMissing) {
		t.Errorf("the old header, SHA-1: %v", err)
	}
}

// TestSlack verifies the example in Slack's documentation.
func TestSlack(t *testing.T) {
	t.Parallel()
	const (
		sent      = "1531420618"
		signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
		body      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G" +
			"8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
			"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZR" +
			"skXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	)
	v, err := NewSlack("8f742231b10e8888abcd99yyyzzz85a5")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1531420618, 0)
	for name, c := range map[string]struct {
		now             time.Time
		signature, sent string
		body            string
		want            error
	}{
		"good":                 {at, signature, sent, body, nil},
		"five minutes later":   {at.Add(5 * time.Minute), signature, sent, body, nil},
		"later than that":      {at.Add(5*time.Minute + time.Second), signature, sent, body, ErrStale},
		"from the future":      {at.Add(-5*time.Minute - time.Second), signature, sent, body, ErrStale},
		"another body":         {at, signature, sent, body + "&x=1", ErrMismatch},
		"another time":         {at, signature, "1531420619", body, ErrMismatch},
		"no time":              {at, signature, "", body, ErrMissing},
		"a malformed time":     {at, signature, "01531420618", body, ErrMalformed},
		"no signature":         {at, "", sent, body, ErrMissing},
		"no version":           {at, signature[3:], sent, body, ErrMalformed},
		"another version":      {at, "v1" + signature[2:], sent, body, ErrMalformed},
		"no hex":               {at, "v0=zz", sent, body, ErrMalformed},
		"a part of it":         {at, signature[:20], sent, body, ErrMalformed},
		"an even shorter part": {at, signature[:21], sent, body, ErrMismatch},
	} {
		h := header("X-Slack-Signature", c.signature, "X-Slack-Request-Timestamp", c.sent)
		if err := v.Verify(c.now, Request{Header: h, Body: []byte(c.body)}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStripe(t *testing.T) {
	t.Parallel()
	v, err := NewStripe("", "whsec_first_secret_of_theirs", key)
	if err != nil {
		t.Fatal(err)
	}
	sent := "1700000000"
	good := hexMAC(key, sent+".body")
	many := strings.Repeat("v1="+hexMAC("somebody else's secret", sent+".body")+",", maxSignatures)
	for name, c := range map[string]struct {
		value string
		want  error
	}{
		"good":                           {"t=" + sent + ",v1=" + good, nil},
		"in another order, with spaces":  {"v1=" + good + ", t=" + sent, nil},
		"one of two":                     {"t=" + sent + ",v1=" + hexMAC("an old secret of theirs", "x") + ",v1=" + good, nil},
		"beside another version":         {"t=" + sent + ",v0=zz,v1=" + good, nil},
		"with the first secret":          {"t=" + sent + ",v1=" + hexMAC("whsec_first_secret_of_theirs", sent+".body"), nil},
		"only another version":           {"t=" + sent + ",v0=" + good, ErrMissing},
		"no time":                        {"v1=" + good, ErrMissing},
		"two times":                      {"t=" + sent + ",t=" + sent + ",v1=" + good, ErrMalformed},
		"no hex":                         {"t=" + sent + ",v1=zz", ErrMalformed},
		"another time":                   {"t=1700000001,v1=" + good, ErrMismatch},
		"a time long ago":                {"t=1600000000,v1=" + hexMAC(key, "1600000000.body"), ErrStale},
		"nothing":                        {"", ErrMissing},
		"of another body":                {"t=" + sent + ",v1=" + hexMAC(key, sent+".other"), ErrMismatch},
		"good, behind too many that are": {"t=" + sent + "," + many + "v1=" + good, ErrMismatch},
	} {
		if err := v.Verify(now, Request{Header: header("Stripe-Signature", c.value), Body: []byte("body")}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := NewStripe("X-Pay-Signature", key)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Verify(now, Request{Header: header("X-Pay-Signature", "t="+sent+",v1="+good), Body: []byte("body")}); err != nil {
		t.Error(err)
	}
}

func TestSchemesRefuseEmptySecrets(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(...string) error{
		"github": func(s ...string) error { _, err := NewGitHub(s...); return err },
		"slack":  func(s ...string) error { _, err := NewSlack(s...); return err },
		"stripe": func(s ...string) error { _, err := NewStripe("", s...); return err },
	} {
		for _, list := range [][]string{nil, {""}, {"short"}, {key, " "}} {
			if create(list...) == nil {
				t.Errorf("%s accepted %q", name, list)
			}
		}
	}
}
