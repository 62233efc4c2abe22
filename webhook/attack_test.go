package webhook

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
)

// Lists are for signatures only. A time, an ID or a token in a list, or sent twice, is refused: a proxy or a framework
// may have chosen the other.
func TestListsAreForSignaturesOnly(t *testing.T) {
	t.Parallel()
	s := HMACSettings{Header: "X-Sig", TimestampHeader: "X-Time", IDHeader: "X-ID", Secrets: secret.NewAll([]string{key})}
	v, err := NewHMAC(s)
	require.NoError(t, err)
	good := header("X-Time", nowText, "X-ID", "1", "X-Sig", hexMAC(key, "1."+nowText+".body"))
	verify := func(h http.Header) error { return v.Verify(now, Request{Header: h, Body: []byte("body")}) }
	require.NoError(t, verify(good))
	for _, name := range []string{"X-Time", "X-ID"} {
		value := good.Get(name)
		for _, values := range [][]string{
			{value, value}, {value, ""}, {"", value}, {value + "," + value}, {value + ", "}, {value + " " + value}, {value, "2"},
		} {
			h := good.Clone()
			h[http.CanonicalHeaderKey(name)] = values
			require.Error(t, verify(h), "%s: %q", name, values)
		}
	}
	for _, value := range []string{" " + nowText, "+" + nowText, "0" + nowText, nowText + ".0", "1_700_000_000", "0x6553f100", "١٧٠٠٠٠٠٠٠٠"} {
		h := header("X-Time", value, "X-ID", "1", "X-Sig", hexMAC(key, "1."+value+".body"))
		require.ErrorIs(t, verify(h), ErrMalformed, value)
	}
}

// At most 16 signatures are tried, wherever they are, so that a request costs no more than one of a sender.
func TestSignaturesAreBounded(t *testing.T) {
	t.Parallel()
	wrong := "sha256=" + strings.Repeat("0", 64)
	right := "sha256=" + hexMAC(key, "body")
	settings := HMACSettings{Headers: []string{"X-A", "X-B"}, Prefix: "sha256=", Secrets: secret.NewAll([]string{key})}
	v, err := NewHMAC(settings)
	require.NoError(t, err)
	fill := func(n int) http.Header {
		h := http.Header{}
		for i := range n {
			h.Add([]string{"X-A", "X-B"}[i*2/n], wrong)
		}
		h.Add("X-B", right)
		return h
	}
	require.NoError(t, v.Verify(now, Request{Header: fill(maxSignatures - 1), Body: []byte("body")}))
	require.ErrorIs(t, v.Verify(now, Request{Header: fill(maxSignatures), Body: []byte("body")}), ErrMismatch)
	list := header("X-A", strings.Repeat(wrong+",", maxSignatures)+right)
	require.ErrorIs(t, v.Verify(now, Request{Header: list, Body: []byte("body")}), ErrMismatch)
}

// The algorithm, the version and the place of a signature are the configuration's, never the request's.
func TestSendersChooseNothing(t *testing.T) {
	t.Parallel()
	stripe, err := NewStripe("", key)
	require.NoError(t, err)
	good := hexMAC(key, nowText+".body")
	for _, value := range []string{
		"t=" + nowText + ",v0=" + good,
		"T=" + nowText + ",V1=" + good,
		"t=" + nowText + ";v1=" + good,
		"t=" + nowText + ",v1 =" + good,
		"t=,t=" + nowText + ",t=" + nowText + ",v1=" + good,
		"v1=" + good + "t=" + nowText,
	} {
		require.Error(t, stripe.Verify(now, Request{Header: header("Stripe-Signature", value), Body: []byte("body")}), value)
	}
	twice := header("Stripe-Signature", "t="+nowText+",v1=00", "Stripe-Signature", "t=1700000001,v1="+good)
	require.ErrorIs(t, stripe.Verify(now, Request{Header: twice, Body: []byte("body")}), ErrMalformed, "two times in two lines")
	rotated := header("Stripe-Signature", "t="+nowText+",v1=00", "Stripe-Signature", "t="+nowText+",v1="+good)
	require.NoError(t, stripe.Verify(now, Request{Header: rotated, Body: []byte("body")}))

	standard, err := NewStandard("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
	require.NoError(t, err)
	signed := standard.Sign("1", now, []byte("body"))
	svix := header("Svix-Id", "1", "Svix-Timestamp", nowText, "Svix-Signature", signed.Get(headerSignature))
	require.NoError(t, standard.Verify(now, Request{Header: svix, Body: []byte("body")}))
	mixed := signed.Clone() // the ID is that of the headers that were verified
	mixed.Set("Svix-Id", "2")
	mixed.Set("Svix-Timestamp", nowText)
	mixed.Set("Svix-Signature", "v1,AAAA")
	require.NoError(t, standard.Verify(now, Request{Header: mixed, Body: []byte("body")}))
	scheme, err := (&StandardSettings{Secrets: secret.NewAll([]string{"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"})}).Scheme()
	require.NoError(t, err)
	require.Equal(t, "1", scheme.DeliveryID(mixed))
	require.Equal(t, "1", scheme.DeliveryID(svix))
	half := svix.Clone()
	half.Set(headerID, "2")
	require.Error(t, standard.Verify(now, Request{Header: half, Body: []byte("body")}), "an ID of one set with the signature of the other")
}

// A part of the body cannot be moved to the time, the ID or the URL before it, although the signature is then the same.
func TestPartsCannotBeMoved(t *testing.T) {
	t.Parallel()
	const body = `{"comment":"&orderId=O&decision=approve&decidedBy=boss@example.com&z="}`
	for name, s := range map[string]HMACSettings{
		"URL":        {Header: "X-Sig", Signed: "{url}{body}"},
		"ID":         {Header: "X-Sig", Signed: "{id}{body}", IDHeader: "X-ID"},
		"time":       {Header: "X-Sig", Signed: "{timestamp}{body}", TimestampHeader: "X-Time"},
		"ID, time":   {Header: "X-Sig", Signed: "{id}{timestamp}{body}", TimestampHeader: "X-Time", IDHeader: "X-ID"},
		"time after": {Header: "X-Sig", Signed: "{body}{timestamp}", TimestampHeader: "X-Time"},
	} {
		s.Secrets = secret.NewAll([]string{key})
		v, err := NewHMAC(s)
		require.NoError(t, err)
		parts := templateValues{body: []byte(body), id: "msg-1", sent: nowText, url: "https://relay.example.com/webhooks/x?a=b"}
		signature := hexMAC(key, string(v.signed.fill(parts)))
		verify := func(p templateValues) error {
			h := header("X-Sig", signature, "X-Time", p.sent, "X-ID", p.id)
			return v.Verify(now, Request{Method: "POST", URL: p.url, Header: h, Body: p.body})
		}
		require.NoError(t, verify(parts), name)
		for cut := 1; cut < len(body); cut++ {
			for _, moved := range []templateValues{
				{body: []byte(body[cut:]), id: parts.id + body[:cut], sent: parts.sent, url: parts.url},
				{body: []byte(body[cut:]), id: parts.id, sent: parts.sent + body[:cut], url: parts.url},
				{body: []byte(body[cut:]), id: parts.id, sent: parts.sent, url: parts.url + body[:cut]},
				{body: []byte(body[:cut]), id: parts.id, sent: body[cut:] + parts.sent, url: parts.url},
			} {
				require.Error(t, verify(moved), "%s at %d", name, cut)
			}
		}
		for cut := 1; cut < len(nowText) && v.signed.has("timestamp"); cut++ {
			for _, moved := range []templateValues{
				{body: []byte(nowText[cut:] + body), id: parts.id, sent: nowText[:cut], url: parts.url},
				{body: []byte(body + nowText[:cut]), id: parts.id, sent: nowText[cut:], url: parts.url},
				{body: []byte(body), id: parts.id + nowText[:cut], sent: nowText[cut:], url: parts.url},
			} {
				require.Error(t, verify(moved), "%s at %d of the time", name, cut)
			}
		}
	}
}

// The text of somebody in a form cannot become the time of sending: the fields behind it would be a message of their own,
// on the day that the text names.
func TestTextInAFormIsNoTime(t *testing.T) {
	t.Parallel()
	const fields = "orderId=O&decision=approve&z=1"
	old := now.Add(-time.Hour)
	oldText := strconv.FormatInt(old.Unix(), 10)
	standard, err := NewStandard(base64.StdEncoding.EncodeToString([]byte(key)))
	require.NoError(t, err)
	hmac, err := NewHMAC(HMACSettings{
		Header: "X-Sig", TimestampHeader: headerTimestamp, IDHeader: headerID, Secrets: secret.NewAll([]string{key}),
	})
	require.NoError(t, err)
	for _, text := range []string{"decision=reject&comment=a", "comment=a", "comment="} {
		body := text + "." + nowText + "." + fields
		for _, v := range []Verifier{standard, hmac} {
			h := standard.Sign("msg-1", old, []byte(body))
			h.Set("X-Sig", hexMAC(key, "msg-1."+oldText+"."+body))
			require.NoError(t, v.Verify(old, Request{Header: h, Body: []byte(body)}))
			h.Set(headerID, "msg-1."+oldText+"."+text)
			h.Set(headerTimestamp, nowText)
			require.ErrorIs(t, v.Verify(now, Request{Header: h, Body: []byte(fields)}), ErrMalformed, text)
		}
	}
	for _, id := range []string{"bXNnLTE=", "bXNnLTEx=="} { // base64
		h := standard.Sign(id, now, []byte(fields))
		require.NoError(t, standard.Verify(now, Request{Header: h, Body: []byte(fields)}))
	}
}

// Old and future times are refused in each format, at the border as in seconds.
func TestTimeFormats(t *testing.T) {
	t.Parallel()
	for format, texts := range map[string]struct{ good, stale, other []string }{
		"unix":    {[]string{"1700000000", "1699999940", "1700000060"}, []string{"1699999939", "1700000061", "0"}, []string{"1700000000000", "2023-11-14T22:13:20Z"}},
		"unix_ms": {[]string{"1700000000000", "1699999940000"}, []string{"1699999939999", "1700000060001", "1700000000"}, []string{"2023-11-14T22:13:20Z", "-1"}},
		"rfc3339": {
			[]string{"2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.999Z"},
			[]string{"2023-11-14T22:12:19Z", "2023-11-14T23:13:20Z"},
			[]string{"1700000000", "2023-11-14 22:13:20", "2023-11-14", "2023-11-14T22:13:20"},
		},
		"auto": {
			[]string{
				"1700000000", "1700000000000", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+0100", "2023-11-14T22:13:20.123+0000",
				"2023-11-14 22:13:20Z", "20231114T221320Z", "Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 23:13:20 +0100",
			},
			[]string{"1699999939", "1699999939999", "2023-11-14T22:12:19Z", "0", "Tue, 14 Nov 2023 22:12:19 GMT"},
			[]string{
				"", "x", "-1", "99999999999999999", "1700000000.5", "2023-11-14T22:13:20", "2023-11-14 22:13:20",
				"Tue, 14 Nov 2023 22:13:20 EST", "Tue, 14 Nov 2023 23:13:20 CET",
			},
		},
	} {
		for _, text := range texts.good {
			require.NoError(t, checkSendTime("X-Time", format, text, now, time.Minute), "%s %s", format, text)
		}
		for _, text := range texts.stale {
			require.ErrorIs(t, checkSendTime("X-Time", format, text, now, time.Minute), ErrStale, "%s %s", format, text)
		}
		for _, text := range texts.other {
			require.ErrorIs(t, checkSendTime("X-Time", format, text, now, time.Minute), ErrMalformed, "%s %s", format, text)
		}
	}
}

// The sender is told where its credential is looked for, and nothing about the reason.
func TestPublicTextsAreTheSameForAllReasons(t *testing.T) {
	t.Parallel()
	settings := HMACSettings{Header: "X-Sig", Prefix: "v1=", TimestampHeader: "X-Time", Secrets: secret.NewAll([]string{key})}
	scheme, err := settings.Scheme()
	require.NoError(t, err)
	old := "1600000000"
	for name, h := range map[string]http.Header{
		"missing":      header(),
		"missing time": header("X-Sig", "v1=00"),
		"malformed":    header("X-Sig", "v1=zz", "X-Time", nowText),
		"mismatch":     header("X-Sig", "v1=00", "X-Time", nowText),
		"stale":        header("X-Sig", "v1="+hexMAC(key, old+".body"), "X-Time", old),
	} {
		err := scheme.Verify(now, Request{Header: h, Body: []byte("body")})
		refused := requireRefusal(t, err)
		require.Equal(t, "the credential or signature is missing or wrong: looked for in the headers X-Sig, X-Time", refused.Public, name)
		require.Equal(t, "X-Sig", refused.PublicField, name)
		require.NotEqual(t, refused.Public, refused.Detail, name)
	}
}
