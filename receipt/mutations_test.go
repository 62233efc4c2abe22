package receipt_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/receipt"
)

// verify does what a careful consumer does: it verifies the receipt, and compares the payload that it will act on.
func verify(text, payload string, public []ed25519.PublicKey) error {
	v, err := receipt.Verify([]byte(text), public)
	if err != nil {
		return err
	}
	return v.Receipt.CheckPayload([]byte(payload))
}

// TestMutationsAreRefused changes a receipt, its answer and its payload in more than 200 ways.
func TestMutationsAreRefused(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	public := ring.PublicKeys(receipt.Purpose)
	text, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", closed(t))
	require.NoError(t, err)
	answer := answerWith(text)
	require.NoError(t, verify(text, purchase, public))
	require.NoError(t, verify(" "+text+"\n", purchase, public), "a file ends with a line break")
	require.NoError(t, verify(answer, purchase, public))
	require.NoError(t, verify(fmt.Sprintf(`{"receipt": %q}`, text), purchase, public))

	refused := 0
	refuse := func(name, text, payload string) {
		t.Helper()
		assert.Error(t, verify(text, payload, public), name)
		refused++
	}
	for name, mutated := range mutateText(text) {
		refuse(name, mutated, purchase)
	}
	for name, mutated := range forge(t, text, public[0]) {
		refuse(name, mutated, purchase)
	}
	for name, mutated := range mutateAnswer(t, answer) {
		refuse(name, mutated, purchase)
	}
	for name, mutated := range mutatePayload() {
		refuse(name, text, mutated)
	}
	other, err := receipt.Make(keys.NewRing(time.Now()), "https://approvals.example.com", "A-1001", closed(t))
	require.NoError(t, err)
	refuse("another relay's key", other, purchase)
	assert.Error(t, verify(text, purchase, nil), "no key")
	assert.GreaterOrEqual(t, refused, 200)
	t.Logf("%d mutations are refused", refused)
}

func answerWith(text string) string {
	return fmt.Sprintf(`{"approved": true, "status": "approved", "orderId": "A-1001", "approvalId": "ap-1", "step": "manager",
		"approvalTimestamp": "2026-07-02T11:15:00.123Z", "decision": "approve", "choice": "up_to", "values": {"limit": 4200.5},
		"changes": [{"path": "/total", "from": 5000, "to": 4200.5, "by": "bob@example.com"}],
		"decidedBy": "bob@example.com", "principal": "bob@example.com", "via": "sso", "shownDigest": "s2", "comment": "",
		"costCentre": "C-9", "receipt": %q}`, text)
}

// mutateText changes characters of the receipt, and cuts and adds others.
func mutateText(text string) map[string]string {
	out := map[string]string{
		"empty":              "",
		"dots":               "..",
		"no signature":       text[:strings.LastIndex(text, ".")],
		"empty signature":    text[:strings.LastIndex(text, ".")+1],
		"one more part":      text + ".AAAA",
		"two receipts":       text + text,
		"line break inside":  text[:20] + "\n" + text[20:],
		"carriage return":    text[:len(text)-5] + "\r" + text[len(text)-5:],
		"space inside":       text[:20] + " " + text[20:],
		"padding":            text + "==",
		"other alphabet":     strings.NewReplacer("-", "+", "_", "/").Replace(text) + "+",
		"parts in new order": strings.Join([]string{strings.Split(text, ".")[1], strings.Split(text, ".")[0], strings.Split(text, ".")[2]}, "."),
	}
	step := len(text)/100 + 1
	for i := 0; i < len(text); i += step {
		replacement := "A"
		if text[i] == 'A' {
			replacement = "B"
		}
		if text[i] != '.' {
			out[fmt.Sprintf("character %d", i)] = text[:i] + replacement + text[i+1:]
		}
		out[fmt.Sprintf("without character %d", i)] = text[:i] + text[i+1:]
	}
	// The last character of a signature of 64 bytes has four bits that do not count.
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", text[len(text)-1])
	for bits := 1; bits < 16; bits++ {
		alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		out[fmt.Sprintf("last bits %d", bits)] = text[:len(text)-1] + string(alphabet[last^bits])
	}
	return out
}

// forge changes what the receipt says, and signs it as an attacker can: not at all, with the old signature, with a key of
// its own that the header names or has inside, or with the public key as the secret of a MAC.
func forge(t *testing.T, text string, public ed25519.PublicKey) map[string]string {
	t.Helper()
	parts := strings.Split(text, ".")
	enc := base64.RawURLEncoding
	payload, err := enc.DecodeString(parts[1])
	require.NoError(t, err)
	evil := strings.NewReplacer(`"status":"approved"`, `"status":"rejected"`).Replace(string(payload))
	require.NotEqual(t, string(payload), evil)
	attacker := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	own, _ := attacker.Public().(ed25519.PublicKey)
	out := map[string]string{}
	add := func(name, header, payload string, sign func(message string) []byte) {
		message := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(payload))
		out[name] = message + "." + enc.EncodeToString(sign(message))
	}
	nothing := func(string) []byte { return nil }
	old := func(string) []byte { b, _ := enc.DecodeString(parts[2]); return b }
	byAttacker := func(m string) []byte { return ed25519.Sign(attacker, []byte(m)) }
	mac := func(m string) []byte {
		h := hmac.New(sha256.New, public)
		h.Write([]byte(m))
		return h.Sum(nil)
	}
	kid, ownKID := receipt.KeyID(public), receipt.KeyID(own)
	x := enc.EncodeToString(own)
	for i, h := range []string{
		`{"alg":"EdDSA","kid":"%s","typ":"approval-receipt+jwt"}`,
		`{"alg":"none","kid":"%s","typ":"approval-receipt+jwt"}`,
		`{"alg":"None","kid":"%s","typ":"approval-receipt+jwt"}`,
		`{"alg":"HS256","kid":"%s","typ":"approval-receipt+jwt"}`,
		`{"alg":"Ed25519","kid":"%s","typ":"approval-receipt+jwt"}`,
		`{"alg":"EdDSA","kid":"%s","typ":"JWT"}`,
		`{"alg":"EdDSA","kid":"%s"}`,
		`{"alg":"EdDSA","kid":"%s","typ":"approval-receipt+jwt","jwk":{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}}`,
		`{"alg":"EdDSA","kid":"%s","typ":"approval-receipt+jwt","jku":"https://evil.example.com/keys"}`,
		`{"alg":"EdDSA","kid":"%s","typ":"approval-receipt+jwt","crit":["exp"],"exp":1}`,
		`{"alg":"EdDSA","kid":"%s","typ":"approval-receipt+jwt","b64":false}`,
		`{"alg":"EdDSA", "kid":"%s","typ":"approval-receipt+jwt"}`,
		`{"alg":"none","alg":"EdDSA","kid":"%s","typ":"approval-receipt+jwt"}`,
		`{}`,
		`[]`,
	} {
		for name, sign := range map[string]func(string) []byte{"unsigned": nothing, "old": old, "attacker": byAttacker, "mac": mac} {
			for _, id := range []string{kid, ownKID} {
				header := strings.ReplaceAll(h, "%s", id)
				add(fmt.Sprintf("header %d, %s, %.4s, other status", i, name, id), header, evil, sign)
			}
		}
		if i > 0 {
			add(fmt.Sprintf("header %d with the right statement", i), strings.ReplaceAll(h, "%s", kid), string(payload), old)
		}
	}
	return out
}

// mutateAnswer changes what an answer says beside its receipt.
func mutateAnswer(t *testing.T, answer string) map[string]string {
	t.Helper()
	out := map[string]string{
		"name given twice":   strings.Replace(answer, `"approved": true`, `"approved": false, "approved": true`, 1),
		"no receipt":         strings.Replace(answer, `"receipt"`, `"recept"`, 1),
		"receipt is no text": `{"receipt": 5}`,
		"cut":                answer[:len(answer)-2],
		"list":               "[" + answer + "]",
	}
	for name, value := range map[string]string{
		"approved": "false", "status": `"rejected"`, "orderId": `"A-1002"`, "approvalId": `"ap-2"`, "step": `"director"`,
		"approvalTimestamp": `"2026-07-02T11:15:00.124Z"`, "decision": `"reject"`, "choice": `"reject"`, "values": `{"limit": 9999}`,
		"decidedBy": `"eve@example.com"`, "principal": `"eve@example.com"`, "via": `"link"`, "shownDigest": `"s3"`,
		"changes": `[{"by": "bob@example.com", "path": "/total", "from": 5000, "to": 9999}]`,
	} {
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(answer), &fields))
		for kind, v := range map[string]string{"other": value, "null": "null", "list": "[" + value + "]"} {
			fields[name] = json.RawMessage(v)
			mutated, err := json.Marshal(fields)
			require.NoError(t, err)
			out[fmt.Sprintf("%s is %s", name, kind)] = string(mutated)
		}
	}
	return out
}

func mutatePayload() map[string]string {
	out := map[string]string{
		"empty":             "",
		"cut":               purchase[:len(purchase)-1],
		"null":              "null",
		"list":              "[" + purchase + "]",
		"added":             strings.Replace(purchase, "{", `{"urgent": true, `, 1),
		"given twice":       strings.Replace(purchase, "{", `{"total": 9999, `, 1),
		"name in capitals":  strings.Replace(purchase, `"total"`, `"Total"`, 1),
		"no canonical form": strings.Replace(purchase, "4200.50", "4200.5000000000000000001", 1),
		"second value":      purchase + purchase,
	}
	for _, change := range [][2]string{
		{"4200.50", "4200.51"}, {"4200.50", "4200"}, {"4200.50", "42005"}, {"4200.50", `"4200.50"`}, {"4200.50", "-4200.50"},
		{"4200.50", "4200.5e1"}, {`"P-7"`, `"P-8"`}, {`"P-7"`, `"p-7"`}, {`"P-7"`, `"P-7 "`}, {`"count": 2`, `"count": 20`},
		{`"sku": "a"`, `"sku": "c"`}, {`{"sku": "b", "count": 1}`, `{"sku": "b"}`}, {`, {"sku": "b", "count": 1}`, ``},
		{`"Müller"`, `"Mu\u0308ller"`}, {`"Müller"`, `null`}, {`, "vendor": "Müller"`, ``},
		{`{"sku": "a", "count": 2}, {"sku": "b", "count": 1}`, `{"sku": "b", "count": 1}, {"sku": "a", "count": 2}`},
	} {
		out[strings.Join(change[:], " becomes ")] = strings.Replace(purchase, change[0], change[1], 1)
	}
	return out
}

// TestOtherTextOfTheSamePayloadIsAccepted is the other half: spaces, escapes and the order of names mean nothing.
func TestOtherTextOfTheSamePayloadIsAccepted(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	text, err := receipt.Make(ring, "", "A-1001", closed(t))
	require.NoError(t, err)
	for _, same := range []string{
		`{"vendor":"M\u00fcller","lines":[{"count":2,"sku":"a"},{"count":1.0,"sku":"b"}],"total":42005e-1,"id":"P-7"}`,
		strings.ReplaceAll(purchase, " ", "\n\t"),
	} {
		assert.NoError(t, verify(text, same, ring.PublicKeys(receipt.Purpose)))
	}
}

// TestAnyChangeOfTheTextIsRefused replaces a part of the receipt by another text.
func TestAnyChangeOfTheTextIsRefused(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	text, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", closed(t))
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		to := rapid.IntRange(from, min(from+3, len(text))).Draw(t, "to")
		changed := text[:from] + rapid.StringMatching(`[A-Za-z0-9_.=-]{0,3}`).Draw(t, "text") + text[to:]
		if changed != text {
			require.Error(t, verify(changed, purchase, ring.PublicKeys(receipt.Purpose)))
		}
	})
}

// TestOnlyTheHeaderOfAReceiptIsAccepted signs other headers with the right key: the key alone makes no receipt.
func TestOnlyTheHeaderOfAReceiptIsAccepted(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	public := ring.PublicKeys(receipt.Purpose)
	text, err := receipt.Make(ring, "", "A-1001", closed(t))
	require.NoError(t, err)
	statement := strings.Split(text, ".")[1]
	for header, accepted := range map[string]bool{
		`{"alg":"EdDSA","kid":"KID","typ":"approval-receipt+jwt"}`:              true,
		`{"alg":"EdDSA","kid":"KID","typ":"JWT"}`:                               false,
		`{"alg":"EdDSA","kid":"KID","typ":""}`:                                  false,
		`{"alg":"EdDSA","kid":"KID"}`:                                           false,
		`{"alg":"Ed25519","kid":"KID","typ":"approval-receipt+jwt"}`:            false,
		`{"alg":"EdDSA","kid":"KID","typ":"approval-receipt+jwt","crit":["x"]}`: false,
		`{"alg":"EdDSA","kid":"other","typ":"approval-receipt+jwt"}`:            false,
		`{"typ":"approval-receipt+jwt","alg":"EdDSA","kid":"KID"}`:              false,
		`{"alg":"EdDSA","kid":"KID","typ":"approval-receipt+jwt","typ":"JWT"}`:  false,
		`{"alg":"EdDSA","kid":"KID","typ":"approval-receipt+jwt"} `:             false,
		`{"Alg":"EdDSA","kid":"KID","typ":"approval-receipt+jwt"}`:              false,
	} {
		head := strings.Replace(header, "KID", receipt.KeyID(public[0]), 1)
		message := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + statement
		_, signature := ring.Sign(receipt.Purpose, []byte(message))
		_, err := receipt.Verify([]byte(message+"."+base64.RawURLEncoding.EncodeToString(signature)), public)
		assert.Equal(t, accepted, err == nil, "%s: %v", header, err)
	}
}
