package link

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

func TestCheckForm(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	shown := []byte("hash of what was shown")
	nonce := l.FormNonce(good, shown, now)
	other := func(change func(*approval.Capability)) approval.Capability {
		c := good
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		c     approval.Capability
		shown string
		nonce string
		at    time.Time
		want  error
	}{
		"the same page":          {good, string(shown), nonce, now, nil},
		"just in time":           {good, string(shown), nonce, now.Add(FormTTL - time.Second), nil},
		"too late":               {good, string(shown), nonce, now.Add(FormTTL), approval.ErrExpired},
		"too late and not ours":  {good, string(shown), nonce[:len(nonce)-4] + "AAAA", now.Add(FormTTL), ErrInvalid},
		"another page":           {good, "other", nonce, now, ErrInvalid},
		"another link":           {other(func(c *approval.Capability) { c.Nonce = "n-2" }), string(shown), nonce, now, ErrInvalid},
		"another approval":       {other(func(c *approval.Capability) { c.ApprovalID = "x" }), string(shown), nonce, now, ErrInvalid},
		"another order":          {other(func(c *approval.Capability) { c.OrderID = "x" }), string(shown), nonce, now, ErrInvalid},
		"another approver":       {other(func(c *approval.Capability) { c.Approver = "x" }), string(shown), nonce, now, ErrInvalid},
		"nothing":                {good, string(shown), "", now, ErrInvalid},
		"the link's own token":   {good, string(shown), l.LinkToken(good), now, ErrInvalid},
		"another key":            {good, string(shown), links(t, testMAC{"a1", "b"}).FormNonce(good, shown, now), now, ErrInvalid},
		"another purpose":        {good, string(shown), sealEnvelope(keyA, purposeLink, make([]byte, 8), formContext(good, shown)), now, ErrInvalid},
		"no expiry":              {good, string(shown), sealEnvelope(keyA, purposeForm, nil, formContext(good, shown)), now, ErrInvalid},
		"an expiry before 1970":  {good, string(shown), sealEnvelope(keyA, purposeForm, []byte("\xff2345678"), formContext(good, shown)), now, approval.ErrExpired},
		"with something trailed": {good, string(shown), nonce + "A", now, ErrInvalid},
	} {
		if err := l.VerifyForm(c.c, []byte(c.shown), c.nonce, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What is bound must not run together: a link's end and a page's beginning.
func TestCheckFormKeepsLinkAndPageApart(t *testing.T) {
	t.Parallel()
	a, b := good, good
	a.Nonce, b.Nonce = "n", "nx"
	l := links(t, keyA)
	if err := l.VerifyForm(b, []byte("y"), l.FormNonce(a, []byte("xy"), now), now); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestCheckFormRefusesEveryChangedCharacter(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	nonce := l.FormNonce(good, []byte("shown"), now)
	for i := range nonce {
		changed := nonce[:i] + string(rune(nonce[i]^1)) + nonce[i+1:]
		if err := l.VerifyForm(good, []byte("shown"), changed, now); !errors.Is(err, ErrInvalid) {
			t.Errorf("with character %d changed: %v", i, err)
		}
	}
	if strings.ContainsAny(nonce, `<>"'&+ `) {
		t.Errorf("%q needs escapes in a page", nonce)
	}
}

func FuzzCheckForm(f *testing.F) {
	l := links(f, keyA)
	nonce := l.FormNonce(good, []byte("shown"), now)
	f.Add(nonce)
	f.Add("1...")
	f.Fuzz(func(t *testing.T, text string) {
		if err := l.VerifyForm(good, []byte("shown"), text, now); err == nil && text != nonce {
			t.Errorf("%q was taken", text)
		}
	})
}
