package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
)

// testMAC is HMAC-SHA256 with a key for each purpose.
type testMAC struct{ id, secret string }

var errMAC = errors.New("wrong mac")

func (m testMAC) MAC(purpose string, msg []byte) (string, []byte) {
	h := hmac.New(sha256.New, []byte(m.secret+"/"+purpose))
	h.Write(msg)
	return m.id, h.Sum(nil)
}

func (m testMAC) VerifyMAC(purpose, keyID string, msg, mac []byte) error {
	if _, want := m.MAC(purpose, msg); keyID != m.id || !hmac.Equal(mac, want) {
		return errMAC
	}
	return nil
}

var (
	now  = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	keyA = testMAC{"a1", "secret a"}
	good = approval.Capability{
		OrderID: "order-4711", ApprovalID: "0123456789abcdef0123456789abcdef", Approver: "ann@example.com",
		Allowed: []approval.Outcome{approval.Approve, approval.Reject}, Expires: now.Add(72 * time.Hour), Nonce: "n-1",
	}
)

func links(tb testing.TB, m MAC) *Links {
	tb.Helper()
	base, err := url.Parse("https://relay.example.com/prefix/?q=1#f")
	if err != nil {
		tb.Fatal(err)
	}
	return NewLinks(m, base)
}

func golden(tb testing.TB, name, got string) string {
	tb.Helper()
	path := "testdata/" + name
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(want))
}

// Links of an older release are still in use when a newer release runs. The format must stay readable and, until there
// is a version 2, unchanged.
func TestFormatOfLinksIsStable(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	out := golden(t, "good_link.txt", l.URL(good))
	if got := l.URL(good); got != out {
		t.Errorf("the format of links has changed:\n got %s\nwant %s", got, out)
	}
	c, err := l.OpenLink(strings.TrimPrefix(out, "https://relay.example.com/prefix/a/"), now)
	if err != nil || !reflect.DeepEqual(c, good) {
		t.Errorf("an existing link is read as %+v, %v", c, err)
	}
	form := golden(t, "good_form.txt", l.FormNonce(good, []byte("shown"), now))
	if err := l.VerifyForm(good, []byte("shown"), form, now); err != nil {
		t.Errorf("an existing form: %v", err)
	}
}

func TestOpenReturnsTheSignedCapability(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	text := rapid.StringN(-1, -1, approval.MaxOrderID)
	rapid.Check(t, func(t *rapid.T) {
		c := approval.Capability{
			OrderID: rapid.StringN(-1, approval.MaxOrderID, 3*approval.MaxOrderID).Draw(t, "order"), ApprovalID: text.Draw(t, "approval"), Approver: text.Draw(t, "approver"),
			Nonce:   rapid.StringN(-1, -1, 64).Draw(t, "nonce"),
			Expires: time.Unix(now.Unix()+rapid.Int64Range(1, 1e9).Draw(t, "expires"), 0).UTC(),
			Allowed: rapid.SampledFrom([][]approval.Outcome{
				nil, {approval.Approve}, {approval.Reject}, {approval.Approve, approval.Reject},
				{approval.Approve, approval.Return}, approval.AllOutcomes(),
			}).Draw(t, "allowed"),
		}
		token := l.LinkToken(c)
		if len(token) > maxText {
			t.Fatalf("a token of %d characters", len(token))
		}
		got, err := l.OpenLink(token, now)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("%+v became %+v, %v", c, got, err)
		}
	})
}

// A button is not a link, and a link is not a button. A button does not identify an approver.
func TestButton(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	button := l.ButtonToken(good)
	got, err := l.OpenButton(button, now)
	want := approval.Capability{OrderID: good.OrderID, ApprovalID: good.ApprovalID, Expires: good.Expires}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, err := range map[string]error{
		"a button as a link": second(l.OpenLink(button, now)),
		"a link as a button": second(l.OpenButton(l.LinkToken(good), now)),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.OpenButton(button, good.Expires); !errors.Is(err, approval.ErrExpired) {
		t.Error(err)
	}
}

// A button has the digest of the content that was shown. A button of an older version has none, and still opens.
func TestButtonHasTheDigest(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	rapid.Check(t, func(t *rapid.T) {
		digest := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest")
		c := approval.Capability{
			OrderID:    rapid.StringN(-1, approval.MaxOrderID, approval.MaxOrderID).Draw(t, "order"),
			ApprovalID: rapid.StringN(-1, -1, 64).Draw(t, "approval"),
			Expires:    good.Expires,
			Shown:      hex.EncodeToString(digest),
		}
		token := l.ButtonToken(c)
		if len(token) > 2000 { // the limit of a button's value in Slack
			t.Fatalf("a token of %d characters", len(token))
		}
		got, err := l.OpenButton(token, now)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("%+v became %+v, %v", c, got, err)
		}
	})
	before := sealEnvelope(l.mac, purposeButton, encodeCapability(approval.Capability{OrderID: "A-1", Expires: good.Expires}), nil)
	if got, err := l.OpenButton(before, now); err != nil || got.OrderID != "A-1" || got.Shown != "" {
		t.Errorf("%+v, %v", got, err)
	}
	c := good
	c.Shown = "not a digest"
	if got, err := l.OpenButton(l.ButtonToken(c), now); err != nil || got.Shown != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestURLKeepsHostAndPrefix(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://r.example.com":         "https://r.example.com/a/",
		"https://r.example.com/":        "https://r.example.com/a/",
		"https://r.example.com/x/y":     "https://r.example.com/x/y/a/",
		"http://localhost:8080/x%2Fy/":  "http://localhost:8080/x%2Fy/a/",
		"https://u:p@r.example.com?a=b": "https://r.example.com/a/",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLinks(keyA, u)
		if got := l.URL(good); got != want+l.LinkToken(good) {
			t.Errorf("%s gives %s", base, got)
		}
		back, err := url.Parse(l.URL(good))
		if err != nil || back.String() != l.URL(good) || !strings.HasSuffix(back.Path, l.LinkToken(good)) {
			t.Errorf("%s does not survive a URL parser: %v", l.URL(good), err)
		}
	}
}

func TestOpenRefusesEveryChangedCharacter(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	token := l.LinkToken(good)
	for i := range token {
		for _, c := range []byte{'A', 'B', '_', '.', '1', '2', '\n', '=', 0, 0xff, token[i] ^ 1, token[i] ^ 0x20} {
			changed := token[:i] + string(rune(c)) + token[i+1:]
			if changed == token {
				continue
			}
			if _, err := l.OpenLink(changed, now); !errors.Is(err, ErrInvalid) {
				t.Fatalf("with character %d made %q: %v", i, c, err)
			}
		}
		if _, err := l.OpenLink(token[:i], now); !errors.Is(err, ErrInvalid) {
			t.Fatalf("cut after %d: %v", i, err)
		}
		if _, err := l.OpenLink(token[:i]+"\n"+token[i:], now); !errors.Is(err, ErrInvalid) {
			t.Fatalf("with a line end at %d: %v", i, err)
		}
	}
}

// sign returns a token with a valid signature over any payload.
func sign(payload []byte) string { return sealEnvelope(keyA, purposeLink, payload, nil) }

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	payload := encodeCapability(good)
	past := good
	past.Expires = now
	longLength := append([]byte{0x80 | byte(len(good.OrderID)), 0}, payload[1:]...) // 10 in two bytes
	highBit := append([]byte(nil), payload...)
	highBit[len(payload)-9] |= 16
	huge := append(binary.AppendUvarint(nil, 1<<63), payload...)
	fields := strings.Split(l.LinkToken(good), ".")
	long := good
	long.Approver = strings.Repeat("a", maxText)
	expiredChanged := links(t, testMAC{"a1", "secret b"}).LinkToken(past)
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing":                       {"", ErrInvalid},
		"another version":               {"2" + l.LinkToken(good)[1:], ErrInvalid},
		"a longer version":              {"11" + l.LinkToken(good)[1:], ErrInvalid},
		"too long":                      {l.LinkToken(good) + strings.Repeat("A", maxText), ErrInvalid},
		"signed and too long":           {l.LinkToken(long), ErrInvalid},
		"one more part":                 {l.LinkToken(good) + ".", ErrInvalid},
		"padding":                       {l.LinkToken(good) + "=", ErrInvalid},
		"trailing data":                 {sign(append(slices.Clip(payload), 0)), ErrInvalid},
		"a cut payload":                 {sign(payload[:len(payload)-1]), ErrInvalid},
		"an empty payload":              {sign(nil), ErrInvalid},
		"a length in too many bytes":    {sign(longLength), ErrInvalid},
		"a length beyond the end":       {sign(huge), ErrInvalid},
		"an unknown decision":           {sign(highBit), ErrInvalid},
		"another key":                   {links(t, testMAC{"a1", "secret b"}).LinkToken(good), ErrInvalid},
		"another key's ID":              {links(t, testMAC{"a2", "secret a"}).LinkToken(good), ErrInvalid},
		"another purpose":               {sealEnvelope(keyA, purposeForm, payload, nil), ErrInvalid},
		"a form's nonce":                {l.FormNonce(good, nil, now), ErrInvalid},
		"with a context":                {sealEnvelope(keyA, purposeLink, payload, []byte("x")), ErrInvalid},
		"no MAC":                        {strings.Join([]string{fields[0], fields[1], fields[2], ""}, "."), ErrInvalid},
		"expired now":                   {l.LinkToken(past), approval.ErrExpired},
		"expired, and not ours":         {expiredChanged, ErrInvalid},
		"expired, with a changed field": {"1.AAAA" + l.LinkToken(past)[6:], ErrInvalid},
	} {
		got, err := l.OpenLink(c.token, now)
		isEmpty := reflect.DeepEqual(got, approval.Capability{})
		if !errors.Is(err, c.want) || isEmpty != (c.want == ErrInvalid) { //nolint:errorlint // one of two sentinels
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if name == "another version" && !strings.Contains(err.Error(), "version") {
			t.Errorf("%s: %v", name, err)
		}
		if c.token != "" && err != nil && strings.Contains(err.Error(), c.token) {
			t.Errorf("%s: the error holds the token", name)
		}
	}
}

func TestLinkIsValidUntilItsLastNanosecond(t *testing.T) {
	t.Parallel()
	l := links(t, keyA)
	token := l.LinkToken(good)
	if _, err := l.OpenLink(token, good.Expires.Add(-time.Nanosecond)); err != nil {
		t.Error(err)
	}
	if _, err := l.OpenLink(token, good.Expires); !errors.Is(err, approval.ErrExpired) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	l := links(f, keyA)
	f.Add(l.LinkToken(good), false)
	f.Add(string(encodeCapability(good)), true)
	f.Add("1...", false)
	f.Fuzz(func(t *testing.T, text string, signed bool) {
		if signed { // reach the payload behind the MAC
			text = sign([]byte(text))
		}
		c, err := l.OpenLink(text, now)
		switch {
		case err == nil && l.LinkToken(c) != text:
			t.Errorf("%q and %q are the same link", text, l.LinkToken(c))
		case err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, approval.ErrExpired):
			t.Errorf("%q: %v", text, err)
		}
	})
}
