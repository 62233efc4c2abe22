package link

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

func TestVerifyForm(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	shown := []byte("digest of the page")
	nonce := l.FormNonce(good, shown, now)
	digest := string(shown)
	other := func(change func(*approval.Capability)) approval.Capability {
		c := good
		change(&c)
		return c
	}
	sealed := func(purpose, expires string) string {
		return sealEnvelope(keyA, purpose, []byte(expires), formContext(good, shown))
	}
	otherKey := links(t, testMAC{"a1", "b"})
	otherNonce := other(func(c *approval.Capability) { c.Nonce = "n-2" })
	otherApproval := other(func(c *approval.Capability) { c.ApprovalID = "x" })
	otherOrder := other(func(c *approval.Capability) { c.OrderID = "x" })
	otherApprover := other(func(c *approval.Capability) { c.Approver = "x" })
	for name, c := range map[string]struct {
		c     approval.Capability
		shown string
		nonce string
		at    time.Time
		want  error
	}{
		"the same page":         {good, digest, nonce, now, nil},
		"just in time":          {good, digest, nonce, now.Add(FormTTL - time.Second), nil},
		"too late":              {good, digest, nonce, now.Add(FormTTL), approval.ErrExpired},
		"too late and not ours": {good, digest, nonce[:len(nonce)-4] + "AAAA", now.Add(FormTTL), ErrInvalid},
		"another page":          {good, "other", nonce, now, ErrInvalid},
		"another link":          {otherNonce, digest, nonce, now, ErrInvalid},
		"another approval":      {otherApproval, digest, nonce, now, ErrInvalid},
		"another order":         {otherOrder, digest, nonce, now, ErrInvalid},
		"another approver":      {otherApprover, digest, nonce, now, ErrInvalid},
		"nothing":               {good, digest, "", now, ErrInvalid},
		"the link's own token":  {good, digest, l.LinkToken(good), now, ErrInvalid},
		"another key":           {good, digest, otherKey.FormNonce(good, shown, now), now, ErrInvalid},
		"another purpose":       {good, digest, sealed(purposeLink, "\x00\x00\x00\x00\x00\x00\x00\x00"), now, ErrInvalid},
		"no expiry":             {good, digest, sealed(purposeForm, ""), now, ErrInvalid},
		"an expiry before 1970": {good, digest, sealed(purposeForm, "\xff2345678"), now, approval.ErrExpired},
		"with trailing data":    {good, digest, nonce + "A", now, ErrInvalid},
	} {
		if err := l.VerifyForm(c.c, []byte(c.shown), c.nonce, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The end of a link and the beginning of a page must not run together.
func TestVerifyFormSeparatesLinkAndPage(t *testing.T) {
	t.Parallel()
	a, b := good, good
	a.Nonce, b.Nonce = "n", "nx"
	l := links(t, keyA)
	if err := l.VerifyForm(b, []byte("y"), l.FormNonce(a, []byte("xy"), now), now); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestVerifyFormRefusesEveryChangedCharacter(t *testing.T) {
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

func FuzzVerifyForm(f *testing.F) {
	l := links(f, keyA)
	nonce := l.FormNonce(good, []byte("shown"), now)
	f.Add(nonce)
	f.Add("1...")
	f.Fuzz(func(t *testing.T, text string) {
		if err := l.VerifyForm(good, []byte("shown"), text, now); err == nil && text != nonce {
			t.Errorf("%q was accepted", text)
		}
	})
}
