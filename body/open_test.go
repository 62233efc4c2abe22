package body

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
)

const limit = 4096

// headers returns headers, given as pairs of name and value.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// signature returns a function that verifies that these bytes are signed, as an HMAC does.
func signature(signed []byte) func([]byte) error {
	want := mac(signed)
	return func(b []byte) error {
		if mac(b) != want {
			return &refusal.Error{Code: refusal.Mismatch, Detail: "wrong signature"}
		}
		return nil
	}
}

func mac(b []byte) string {
	h := hmac.New(sha256.New, []byte("secret"))
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// TestContentTypes lets the header choose where the credential covers it.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	opener := Opener{Format: Auto, CoversRequest: true, Limit: limit}
	form, multi := "order=A-1&decision=approve", part(`form-data; name="a"`, "1")+"--x9--"
	for _, test := range []struct {
		contentType string
		body        string
		want        Format
	}{
		{"application/json", order, JSON},
		{"application/json; charset=utf-8", order, JSON},
		{"application/json;charset=\"UTF-8\";", order, JSON},
		{"APPLICATION/JSON", order, JSON},
		{"application/json; charset", order, JSON},
		{"application/json, application/json", order, JSON},
		{"text/json", order, JSON},
		{"application/vnd.api+json", order, JSON},
		{"application/cloudevents+json; charset=utf-8", order, JSON},
		{"application/problem+json", "not JSON", JSON},
		{"", order, JSON},
		{"", "\ufeff " + order, JSON},
		{"", "", JSON},
		{"", "[" + order + "]", JSON},
		{"application/x-www-form-urlencoded", " [" + order + "]", JSON},
		{"text/plain;charset=UTF-8", order, JSON},
		{"application/octet-stream", order, JSON},
		{"text/plain", string(utf16Of(order, false, true)), JSON},
		{"application/x-www-form-urlencoded", order, JSON}, // curl --data
		{"application/x-www-form-urlencoded", form, Form},
		{"application/x-www-form-urlencoded; charset=UTF-8", "\ufeff" + form, Form},
		{"multipart/form-data; boundary=x9", multi, Multipart},
		{`multipart/form-data; boundary="x9"`, "\r\n" + multi, Multipart},
		{"multipart/form-data; charset=utf-8; boundary=x9", multi, Multipart},
		{"multipart/form-data", multi, Multipart},
	} {
		h := http.Header{}
		if test.contentType != "" {
			h.Set("Content-Type", test.contentType)
		}
		plain, format, err := opener.Open(h, []byte(test.body))
		require.NoError(t, err, test.contentType)
		require.Equal(t, test.want, format, test.contentType)
		require.Equal(t, test.body, string(plain), test.contentType)
	}
	plain, _, err := opener.Open(headers("Content-Encoding", "br"), nil)
	require.NoError(t, err, "nothing is compressed")
	require.Empty(t, plain)
	same := headers("Content-Type", "application/json", "Content-Type", "application/json; charset=utf-8")
	_, format, err := opener.Open(same, []byte(order))
	require.NoError(t, err, "a header that was repeated")
	require.Equal(t, JSON, format)
}

// TestContentTypesNotTaken checks that the refusal names the types that are taken.
func TestContentTypesNotTaken(t *testing.T) {
	t.Parallel()
	opener := Opener{Format: Auto, CoversRequest: true, Limit: limit}
	for _, test := range []struct{ contentType, body, want string }{
		{"application/xml", "<a/>", "taken are application/json"},
		{"text/html", order, "taken are application/json"},
		{"application/json+xml", order, "taken are application/json"},
		{"text/plain", "approve A-1", "and multipart/form-data"},
		{"", "order=A-1", "the header Content-Type is missing, and the body does not begin as JSON does; taken are application/json"},
		{"multipart/mixed; boundary=x9", "--x9--", "taken are application/json"},
		{"multipart/form-data; boundary=y8", part(`form-data; name="a"`, "1"), "the boundary in the header"},
		{"; secret", order, "is malformed"},
		{"application/json; charset=a; charset=b", order, "is malformed"},
		{"application/json, text/plain", order, "is malformed"},
	} {
		h := http.Header{}
		if test.contentType != "" {
			h.Set("Content-Type", test.contentType)
		}
		_, _, err := opener.Open(h, []byte(test.body))
		requireRefusal(t, err, refusal.Format, "Content-Type", test.want, test.contentType)
	}
	different := headers("Content-Type", "application/json", "Content-Type", "application/x-www-form-urlencoded")
	_, _, err := opener.Open(different, []byte("a=1"))
	requireRefusal(t, err, refusal.Format, "Content-Type", "sent twice, with different values", "")
}

func requireRefusal(t *testing.T, err error, code refusal.Code, field, want, name string) {
	t.Helper()
	refused, ok := errors.AsType[*refusal.Error](err)
	require.True(t, ok, "%s: %v", name, err)
	require.Equal(t, code, refused.Code, name)
	require.Equal(t, field, refused.PublicField, name)
	require.Contains(t, refused.Public, want, name)
	require.NotContains(t, refused.Error(), "secret", name)
}

// TestSignedBodyHasOneReading sends the same signed bytes with other headers: no header makes it another body, or another
// format.
func TestSignedBodyHasOneReading(t *testing.T) {
	t.Parallel()
	kinds := []string{"", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=z", "text/plain", ";"}
	encodings := []string{"", "identity", "gzip", "x-gzip", "deflate", "br", "gzip, gzip", "utf-8", "zstd"}
	text := `{"kind":"note","comment":"&orderId=O&decision=approve&decidedBy=boss@example.com&z="}`
	for _, signed := range [][]byte{[]byte(text), gzipped(t, text), []byte("note=1&payload=" + text)} {
		for _, configured := range []Format{JSON, Form, Multipart, JSONOrForm} {
			opener := Opener{Format: configured, Limit: limit, Verify: signature(signed)}
			first, _, err := opener.Open(http.Header{}, signed)
			require.NoError(t, err)
			readings := 0
			for _, kind := range kinds {
				for _, encoding := range encodings {
					plain, format, err := opener.Open(headers("Content-Type", kind, "Content-Encoding", encoding), signed)
					if err != nil { // refused is not another reading
						require.Equal(t, refusal.Encoding, refusal.CodeOf(err))
						continue
					}
					readings++
					require.Equal(t, string(first), string(plain), "%s, %s", kind, encoding)
					require.Equal(t, configured, format)
				}
			}
			require.GreaterOrEqual(t, readings, 18, "most headers change nothing")
		}
	}
}

// TestSignatureOverCompressedOrPlainBytes verifies the bytes as they were sent, and then the decompressed ones.
func TestSignatureOverCompressedOrPlainBytes(t *testing.T) {
	t.Parallel()
	for encoding, sent := range map[string][]byte{
		"gzip":    gzipped(t, order),
		"x-gzip":  gzipped(t, order),
		"GZIP":    gzipped(t, order),
		"deflate": deflated(t, order),
		"":        gzipped(t, order), // a proxy has removed the header
	} {
		for name, signed := range map[string][]byte{"compressed": sent, "plain": []byte(order)} {
			opener := Opener{Format: JSON, Limit: limit, Verify: signature(signed)}
			plain, format, err := opener.Open(headers("Content-Encoding", encoding), sent)
			require.NoError(t, err, "%s, %s", encoding, name)
			require.True(t, bytes.Equal([]byte(order), plain), "%s", plain)
			require.Equal(t, JSON, format)
		}
		forged := Opener{Format: JSON, Limit: limit, Verify: signature([]byte(order + " "))}
		_, _, err := forged.Open(headers("Content-Encoding", encoding), sent)
		require.Equal(t, refusal.Mismatch, refusal.CodeOf(err), encoding)
	}
	nested := gzipped(t, string(gzipped(t, order)))
	twice := Opener{Format: JSON, Limit: limit, Verify: signature(gzipped(t, order))}
	_, _, err := twice.Open(headers("Content-Encoding", "gzip"), nested)
	require.Equal(t, refusal.Encoding, refusal.CodeOf(err), "the inner bytes are signed, but nobody sends them in gzip")
}

// TestOrderOfVerification checks that a stranger makes us decompress nothing where the credential does not need it.
func TestOrderOfVerification(t *testing.T) {
	t.Parallel()
	sent := gzipped(t, order)
	reserved := int64(0)
	reserve := func(n int64) error { reserved += n; return nil }
	for name, test := range map[string]struct {
		covers bool
		code   refusal.Code
		want   refusal.Code
	}{
		"a wrong token":       {true, refusal.Mismatch, refusal.Mismatch},
		"no token":            {true, refusal.Missing, refusal.Missing},
		"no signature":        {false, refusal.Missing, refusal.Missing},
		"a stale signature":   {false, refusal.Stale, refusal.Stale},
		"malformed signature": {false, refusal.Malformed, refusal.Malformed},
	} {
		verify := func([]byte) error { return &refusal.Error{Code: test.code, Detail: "refused"} }
		o := Opener{Format: JSON, CoversRequest: test.covers, Limit: limit, Verify: verify, Reserve: reserve}
		for _, encoding := range []string{"gzip", "br"} {
			_, _, err := o.Open(headers("Content-Encoding", encoding), sent)
			require.Equal(t, test.want, refusal.CodeOf(err), name)
		}
		require.Zero(t, reserved, name)
	}
	wrong := func([]byte) error { return &refusal.Error{Code: refusal.Mismatch, Detail: "refused"} }
	o := Opener{Format: JSON, Limit: limit, Verify: wrong, Reserve: reserve}
	_, _, err := o.Open(headers("Content-Encoding", "br"), sent)
	requireRefusal(t, err, refusal.Encoding, "Content-Encoding", "taken are gzip, deflate, and identity", "the signature may be right")
	_, _, err = o.Open(headers("Content-Encoding", "gzip"), []byte(order))
	require.Equal(t, refusal.Mismatch, refusal.CodeOf(err), "the body is not compressed")
	_, _, err = o.Open(headers("Content-Encoding", "gzip"), sent[:20])
	requireRefusal(t, err, refusal.Encoding, "Content-Encoding", "is damaged", "the signature of the whole may be right")
}

// TestDecompressionIsBounded checks the limit, and that memory is reserved while it is used.
func TestDecompressionIsBounded(t *testing.T) {
	t.Parallel()
	o := Opener{Format: JSON, CoversRequest: true, Limit: limit}
	exact := "{" + strings.Repeat(" ", limit-2) + "}"
	plain, _, err := o.Open(headers("Content-Encoding", "gzip"), gzipped(t, exact))
	require.NoError(t, err)
	require.Len(t, plain, limit)

	bomb := gzipped(t, exact+strings.Repeat(" ", 1<<24))
	_, _, err = o.Open(headers("Content-Encoding", "gzip"), bomb)
	requireRefusal(t, err, refusal.TooLarge, "body", "the decompressed body is larger than 4096 bytes", "")
	_, _, err = o.Open(headers("Content-Encoding", "deflate"), deflated(t, exact+" "))
	requireRefusal(t, err, refusal.TooLarge, "body", "is larger than 4096 bytes", "")

	busy := errors.New("no memory is left")
	reserved := int64(0)
	o.Reserve = func(n int64) error {
		if reserved += n; reserved > 1000 {
			return busy
		}
		return nil
	}
	_, _, err = o.Open(headers("Content-Encoding", "gzip"), bomb)
	require.ErrorIs(t, err, busy)
	require.Less(t, reserved, int64(limit)+2)

	for encoding, sent := range map[string][]byte{
		"gzip":                append(gzipped(t, order), "trailing"...),
		"deflate":             append(deflated(t, order), "trailing"...),
		" gzip":               gzipped(t, order)[:20],
		"identity, gzip":      []byte(order),
		"gzip, deflate":       gzipped(t, order),
		"compress":            []byte(order),
		"secret":              []byte(order),
		"gzip;q=1":            gzipped(t, order),
		"identity , deflate ": gzipped(t, order),
	} {
		_, _, err := Opener{Format: JSON, CoversRequest: true, Limit: limit}.Open(headers("Content-Encoding", encoding), sent)
		requireRefusal(t, err, refusal.Encoding, "Content-Encoding", "", encoding)
	}
	damaged := Opener{Format: JSON, CoversRequest: true, Limit: limit}
	_, _, err = damaged.Open(headers("Content-Encoding", "gzip"), gzipped(t, order)[:20])
	requireRefusal(t, err, refusal.Encoding, "Content-Encoding", "the body looks like gzip, but is damaged, cut off", "")
	_, _, err = damaged.Open(headers("Content-Encoding", "gzip"), []byte(order))
	requireRefusal(t, err, refusal.Encoding, "Content-Encoding", "names gzip, but the body is not gzip", "")
	two := headers("Content-Encoding", "gzip", "Content-Encoding", "gzip")
	_, _, err = Opener{Format: JSON, CoversRequest: true, Limit: limit}.Open(two, gzipped(t, order))
	requireRefusal(t, err, refusal.Encoding, "Content-Encoding", "more than one coding", "")
}
