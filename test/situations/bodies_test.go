package situations

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/emulator"
)

func TestUTF8BOM(t *testing.T) {
	t.Parallel()
	r := start(t, "utf8-bom")
	token := r.asked("A-1")
	got := r.post("b", r.read("body.json"), bearer()...)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	r.put(r.read("request.json"), nil)
	require.Equal(t, "pending", string(r.pending("A-2").Status))
	r.put("{\ufeff\"orderId\":\"A-3\",\"taskToken\":\"x\"}", nil)
	reason, _ := r.deadLetter()
	require.Contains(t, reason, "body", "the mark elsewhere is no JSON")
}

func TestGzipAndBase64Bodies(t *testing.T) {
	t.Parallel()
	r := start(t, "gzip-and-base64-bodies")
	token := r.asked("A-1")
	packed := r.readRaw("body.json.gz")
	got := r.post("b", string(packed), append(bearer(), "Content-Encoding", "gzip")...)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	got = r.post("b", string(packed), append(bearer(), "Content-Encoding", "br")...)
	require.Equal(t, http.StatusUnsupportedMediaType, got.status)
	require.Contains(t, got.text, "Content-Encoding")
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, err := io.CopyN(w, zeros{}, 64<<20)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	got = r.post("b", bomb.String(), append(bearer(), "Content-Encoding", "gzip")...)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.status, got.text)

	r.put(r.read("celery-body.txt"), nil)
	require.Equal(t, "pending", string(r.pending("A-2").Status))
	r.put("bm90IGFuIG9yZGVyIGF0IGFsbCwganVzdCB0ZXh0", nil)
	reason, body := r.deadLetter()
	require.Contains(t, strings.ToLower(reason), "base64")
	require.Equal(t, "bm90IGFuIG9yZGVyIGF0IGFsbCwganVzdCB0ZXh0", body, "nothing is lost")
}

// zeros is a file of zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestMultipartForm(t *testing.T) {
	t.Parallel()
	r := start(t, "multipart-form")
	token := r.asked("A-1")
	kind := []string{"Content-Type", "multipart/form-data; boundary=x9"}
	got := r.post("b", r.read("body.multipart"), append(bearer(), kind...)...)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	got = r.post("b", strings.Replace(r.read("body.multipart"), "--x9--", "", 1), append(bearer(), kind...)...)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.text)
	got = r.post("b", "<order/>", append(bearer(), "Content-Type", "application/xml")...)
	require.Equal(t, http.StatusUnsupportedMediaType, got.status, got.text)
	require.Contains(t, got.text, "multipart/form-data", "the answer names what is taken")
}

func TestSNSEnvelopedRequest(t *testing.T) {
	t.Parallel()
	r := start(t, "sns-enveloped-request")
	r.put(r.envelope("request.json"), nil)
	require.Equal(t, "pending", string(r.pending("A-1").Status))
	r.isAnsweredAfterDecision("A-1")
	r.put(strings.Replace(r.envelope("request.json"), `"TopicArn"`, `"topicarn"`, 1), nil)
	reason, _ := r.deadLetter()
	require.NotEmpty(t, reason, "an envelope that readers understand differently")
}

// envelope returns a file with a token inside a JSON text.
func (r *relay) envelope(name string) string { return r.read(name) }

// isAnsweredAfterDecision decides an order and requires that its workflow is answered.
func (r *relay) isAnsweredAfterDecision(order string) {
	r.Helper()
	got := r.decide(order, "ann@example.com")
	require.Equal(r, http.StatusOK, got.status, got.text)
	r.eventually("the workflow of "+order+" is answered", func() bool {
		o := r.order(order)
		return o != nil && string(o.Approvals[len(o.Approvals)-1].Callback.State) == "delivered"
	})
}

// What the names of a body do not tell becomes a dead letter that lists the names on both sides.
func TestOtherPeoplesRequestBodies(t *testing.T) {
	t.Parallel()
	r := start(t, "other-peoples-request-bodies")
	files, err := filepath.Glob(filepath.Join("testdata", r.situation, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 8)
	for _, file := range files {
		body := r.read(filepath.Base(file))
		got := r.ask("orders", body)
		switch got.status {
		case http.StatusAccepted:
			r.isAnsweredAfterDecision(got.field("orderId"))
		case http.StatusUnprocessableEntity:
			require.Contains(t, got.text, "looked for in", file)
			for _, name := range topNames(t, body) {
				require.Contains(t, got.text, name, file)
			}
		default:
			t.Errorf("%s: %d %s", file, got.status, got.text)
		}
		t.Logf("%s: %d", filepath.Base(file), got.status)
	}
	for name, body := range map[string]string{
		"the order is a secret": `{"password": "open-sesame-123", "taskToken": "` + r.token() + `"}`,
		"no token":              `{"orderId": "A-9", "note": "open-sesame-123"}`,
	} {
		got := r.ask("orders", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, name)
		require.NotContains(t, got.text, "open-sesame-123", "names, never values")
		r.put(body, nil)
		reason, _ := r.deadLetter()
		require.NotContains(t, reason, "open-sesame-123")
		for _, top := range topNames(t, body) {
			require.Contains(t, reason, top)
		}
	}
}

func TestTokenInMessageAttribute(t *testing.T) {
	t.Parallel()
	for what, config := range map[string]string{
		"as configured": "",
		"by default":    `fields: {token: ["body.taskToken", 'meta["attribute.TaskToken"]']}`,
	} {
		r := start(t, "token-in-message-attribute", config, "")
		token := r.token()
		attributes := map[string]emulator.Attribute{"TaskToken": {DataType: "String", StringValue: token}}
		r.put(r.read("request.json"), attributes)
		require.Equal(t, "pending", string(r.pending("A-1").Status), what)
		r.isAnsweredAfterDecision("A-1")
		r.isAnswered(token)
		r.put(r.read("sentence.txt"), attributes)
		reason, _ := r.deadLetter()
		require.Contains(t, reason, "JSON", what)
		r.put(r.read("request.json"), nil)
		reason, _ = r.deadLetter()
		require.Contains(t, reason, "token", what)
	}
}

func TestS3PointerBody(t *testing.T) {
	t.Parallel()
	r := start(t, "s3-pointer-body")
	r.put(r.read("pointer.json"), map[string]emulator.Attribute{"ExtendedPayloadSize": {DataType: "Number", StringValue: "424699"}})
	reason, body := r.deadLetter()
	require.Contains(t, reason, "S3")
	require.Contains(t, reason, "s3_payloads", "the setting that reads it")
	require.Contains(t, body, "extended-client-bucket")
	r.put(fmt.Sprintf(`{"orderId":"A-1","taskToken":%q}`, r.token()), nil)
	require.Equal(t, "pending", string(r.pending("A-1").Status))
}

// topNames returns the names at the top of a JSON object.
func topNames(t *testing.T, body string) []string {
	t.Helper()
	var names []string
	for name := range decodeObject(t, body) {
		names = append(names, name)
	}
	return names
}
