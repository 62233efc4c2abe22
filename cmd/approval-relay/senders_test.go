package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/api"
)

// sendersConfig has a webhook for each kind of credential and body.
const sendersConfig = `
log: {format: text, level: debug}
public: {listen: "localhost:0", url: "http://relay.test"}
operator: {listen: 127.0.0.1:0, tokens: {ops: "${OPERATOR}"}, api_tokens: {shop: {token: ` + programSecret + `, decides_own: true}}}
store: {memory: true}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
workflows:
  orders: {requests: {sqs: {queue: requests, dead_letter_queue: requests-dead}}}
webhooks:
  token: {bearer: {tokens: [` + crmSecret + `]}}
  signed: {hmac: {prefix: sha256=, secrets: ["${HUB}"]}}
  small: {hmac: {prefix: sha256=, secrets: ["${HUB}"]}, max_body: 200}
  form: {hmac: {prefix: sha256=, secrets: ["${HUB}"]}, body: form}
  jot:
    hmac: {prefix: sha256=, secrets: ["${HUB}"]}
    body: multipart
    fields: &jot
      id: body.submissionID
      order: json(body.rawRequest).q3_orderNumber
      outcome: json(body.rawRequest).q4_decision
      by: json(body.rawRequest).q5_email
  jottoken: {bearer: {tokens: [` + crmSecret + `]}, fields: *jot}
  git:
    github: {secrets: ["${HUB}"]}
    fields: {order: string(body.run.id), outcome: body.action, by: body.by, comment: body.comment}
`

func startSenders(t *testing.T) *running {
	t.Helper()
	p := newPlace(t)
	file := filepath.Join(p.dir, "senders.yaml")
	text := "\ufeff" + strings.ReplaceAll(fmt.Sprintf(sendersConfig, filepath.Join(p.dir, "keys"), p.aws.URL()), "\n", "\r\n")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil { // as Notepad saves it
		t.Fatal(err)
	}
	return p.start(t, file)
}

// sent returns a body as its sender sent it.
func sent(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "senders", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func gzipOf(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// hook posts a body to a webhook, signed and with the token. The signature is over signed.
func (r *running) hook(t *testing.T, source, body, signed string, header ...string) reply {
	t.Helper()
	credentials := []string{"Authorization", "Bearer " + crmSecret, "X-Signature-256", sign(signed), "X-Hub-Signature-256", sign(signed)}
	return do(t, "POST", r.public+"/webhooks/"+source, body, append(credentials, header...)...)
}

// The bodies of real senders decide. The decision of each waits, because its order has no request yet.
func TestBodiesOfRealSenders(t *testing.T) {
	r := startSenders(t)
	zipped, plain := sent(t, "decision.json.gz"), `{"orderId": "B-3", "decision": "approve", "decidedBy": "ann@example.com"}`
	multi, payload := sent(t, "form_service.multipart"), sent(t, "payload_form.txt")
	form := "orderId=B-5&decision=approve&decidedBy=ann%40example.com&comment=1+%2B+1"
	const boundary = "multipart/form-data; boundary=----FormBoundary7MA4YWxk"
	for _, c := range []struct {
		name, source, body, signed string
		header                     []string
		order                      string
	}{
		{"mark", "token", sent(t, "decision_with_mark.json"), "", nil, "B-1"},
		{"mark, signed", "signed", sent(t, "decision_with_mark.json"), "", []string{"Content-Type", "application/json; charset=utf-8"}, "B-1"},
		{"gzip", "token", zipped, "", []string{"Content-Encoding", "gzip", "Content-Type", "application/json"}, "B-3"},
		{"a list of one event", "signed", "[" + plain + "]\n", "", []string{"Content-Type", "application/json; charset=utf-8"}, "B-3"},
		{"a list of one event, with a token", "token", "[" + plain + "]", "", nil, "B-3"},
		{"a comment that was cut within an emoji", "signed", plain[:len(plain)-1] + `, "comment": "well done \ud83d"}`, "", nil, "B-3"},
		{"gzip, the compressed bytes are signed", "signed", zipped, "", []string{"Content-Encoding", "gzip"}, "B-3"},
		{"gzip, the plain bytes are signed", "signed", zipped, plain, []string{"Content-Encoding", "gzip"}, "B-3"},
		{"gzip without its header", "signed", zipped, "", nil, "B-3"},
		{"vendor's JSON", "token", plain, "", []string{"Content-Type", "application/vnd.api+json"}, "B-3"},
		{"curl --data", "token", plain, "", []string{"Content-Type", "application/x-www-form-urlencoded"}, "B-3"},
		{"form", "token", form, "", []string{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}, "B-5"},
		{"signed form", "form", form, "", []string{"Content-Type", "application/x-www-form-urlencoded"}, "B-5"},
		{"multipart", "jottoken", multi, "", []string{"Content-Type", boundary}, "B-4"},
		{"signed multipart", "jot", multi, "", []string{"Content-Type", boundary}, "B-4"},
		{"GitHub's form", "git", payload, "", []string{"Content-Type", "application/x-www-form-urlencoded"}, "12345678901"},
		{"GitHub's JSON", "git", `{"action":"approved","run":{"id":7}}`, "", []string{"Content-Type", "application/json"}, "7"},
	} {
		signed := c.signed
		if signed == "" {
			signed = c.body
		}
		got := r.hook(t, c.source, c.body, signed, c.header...)
		if got.status != http.StatusAccepted && got.status != http.StatusOK || got.body["orderId"] != c.order {
			t.Errorf("%s: %d %s", c.name, got.status, got.text)
		}
		forged := r.hook(t, c.source, c.body, signed+" ", append(c.header, "Authorization", "Bearer of nobody, really")...)
		if forged.status != http.StatusUnauthorized {
			t.Errorf("%s, forged: %d %s", c.name, forged.status, forged.text)
		}
	}
	if log := r.log.String(); !strings.Contains(log, "code=repeated") || strings.Contains(log, "fine & good") {
		t.Errorf("a body is another decision when it is compressed, or the log has a comment:\n%s", log)
	}
}

// A stranger who has seen a signed body sends it again with other headers. A text in it never becomes a decision.
func TestSignedBodyIsNeverReadOtherwise(t *testing.T) {
	r := startSenders(t)
	r.ask(t, "V-1", "")
	const fields = "&orderId=V-1&decision=approve&decidedBy=boss@example.com&z="
	multi := strings.ReplaceAll("--x\nContent-Disposition: form-data; name=\"orderId\"\n\nV-1\n--x\nContent-Disposition: form-data; "+
		"name=\"decision\"\n\napprove\n--x--", "\n", "\r\n")
	bodies := []string{
		`{"kind":"note","comment":"` + fields + `"}`,
		`["` + fields + `"]`,
		`"` + fields + `"`,
		"\ufeff" + `{"comment":"` + fields + `"}`,
		`{"comment":"` + strings.NewReplacer("\r", `\r`, "\n", `\n`, `"`, `\"`).Replace(multi) + `"}`,
		gzipOf(t, `{"kind":"note","comment":"`+fields+`"}`),
	}
	decision := `{\"orderId\":\"V-1\",\"decision\":\"approve\",\"decidedBy\":\"boss@example.com\"}`
	for _, member := range []string{"message", "Message", "body", "payload", "data", "detail", "input", "text"} {
		bodies = append(bodies, `{"`+member+`":"`+decision+`"}`)
	}
	kinds := []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""}
	codings := []string{"", "gzip", "deflate", "br", "identity", "gzip, gzip"}
	tries := 0
	for _, source := range []string{"signed", "form", "jot", "git"} {
		for _, body := range bodies {
			for _, kind := range kinds {
				for _, coding := range codings {
					got := r.hook(t, source, body, body, "Content-Type", kind, "Content-Encoding", coding)
					if tries++; got.status != http.StatusUnprocessableEntity && got.status != http.StatusUnsupportedMediaType {
						t.Errorf("%s %q as %q, %q: %d %s", source, body, kind, coding, got.status, got.text)
					}
				}
			}
		}
	}
	if o := r.order(t, "V-1"); tries < 1500 || o.Approvals[0].Status != "pending" || len(o.UnmatchedDecisions) > 0 {
		t.Errorf("after %d tries: %s, %d waiting decisions", tries, o.Approvals[0].Status, len(o.UnmatchedDecisions))
	}
	// The control: where the sender sends forms, the text of a form decides.
	if got := r.hook(t, "form", strings.TrimPrefix(fields, "&"), strings.TrimPrefix(fields, "&")); got.body["verdict"] != "decided" {
		t.Errorf("a form: %d %s", got.status, got.text)
	}
}

// A body that is not taken is refused with the reason, and nothing of it.
func TestRefusedBodiesNameTheReason(t *testing.T) {
	r := startSenders(t)
	good := `{"orderId":"R-1","decision":"approve"}`
	utf16 := "\xff\xfe{\x00}\x00"
	bomb := gzipOf(t, `{"orderId":"R-1","decision":"approve","comment":"`+strings.Repeat(" ", 2<<20)+`"}`)
	multi := sent(t, "form_service.multipart")
	for _, c := range []struct {
		name, source, body string
		header             []string
		status             int
		want               string
	}{
		{"br", "token", good, []string{"Content-Encoding", "br"}, 415, "Content-Encoding names a coding that is not taken; taken are gzip, deflate"},
		{"br, signed", "signed", good, []string{"Content-Encoding", "br"}, 415, "taken are gzip, deflate, and identity"},
		{"twice gzip", "token", gzipOf(t, gzipOf(t, good)), []string{"Content-Encoding", "gzip, gzip"}, 415, "more than one coding"},
		{"gzip in gzip", "token", gzipOf(t, gzipOf(t, good)), []string{"Content-Encoding", "gzip"}, 415, "compressed more than once"},
		{"damaged gzip", "token", gzipOf(t, good)[:20], []string{"Content-Encoding", "gzip"}, 415, "looks like gzip, but is damaged"},
		{"trailing bytes", "token", gzipOf(t, good) + "more", []string{"Content-Encoding", "gzip"}, 415, "has other bytes behind it"},
		{"no gzip", "token", good, []string{"Content-Encoding", "gzip"}, 415, "names gzip, but the body is not gzip"},
		{"bomb", "token", bomb, []string{"Content-Encoding", "gzip"}, 413, "the decompressed body is larger than 1048576 bytes"},
		{"bomb, signed", "signed", bomb, nil, 413, "the decompressed body is larger than 1048576 bytes"},
		{"bomb for max_body", "small", gzipOf(t, good+strings.Repeat(" ", 200)), nil, 413, "larger than 200 bytes"},
		{"XML", "token", "<order/>", []string{"Content-Type", "application/xml"}, 415, "taken are application/json"},
		{"text", "token", "approve R-1", []string{"Content-Type", "text/plain"}, 415, "taken are application/json"},
		{"another boundary", "jottoken", multi, []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "boundary"},
		{"UTF-16", "signed", utf16, nil, 422, "is in UTF-16"},
		{"UTF-16, token", "token", utf16, []string{"Content-Type", "application/json; charset=utf-16"}, 422, "is in UTF-16"},
		{"a list of two", "signed", "[" + good + "," + good + "]", nil, 422, "is a list of several values"},
		{"an ID that was cut within an emoji", "signed", `{"orderId":"R\ud83d","decision":"approve"}`, nil, 422, "order: has the character U+FFFD"},
		{"no UTF-8", "token", `{"orderId":"` + "\xe4" + `"}`, []string{"Content-Type", "application/json"}, 422, "is not UTF-8"},
		{"a form for JSON", "signed", "orderId=R-1&decision=approve", nil, 422, "it looks like a form, which a webhook reads with the setting body: form"},
		{"multipart for JSON", "signed", multi, nil, 422, "it looks like multipart/form-data"},
		{"JSON for a form", "form", good, nil, 422, "is not a form: it looks like JSON"},
		{"multipart cut off", "jot", multi[:len(multi)-10], nil, 422, "ends before its last boundary"},
		{"empty", "signed", "", nil, 422, "is empty"},
	} {
		got := r.hook(t, c.source, c.body, c.body, c.header...)
		if got.status != c.status || !strings.Contains(got.text, c.want) || strings.Contains(got.text, "R-1") {
			t.Errorf("%s: %d %s, want %d %q", c.name, got.status, got.text, c.status, c.want)
		}
	}
	got := do(t, "POST", r.operator+"/v1/requests", good, "Authorization", "Bearer "+programSecret, "Content-Encoding", "zstd")
	if got.status != http.StatusUnsupportedMediaType || !strings.Contains(got.text, "Content-Encoding") {
		t.Errorf("the API: %d %s", got.status, got.text)
	}
	if o := r.order(t, "R-1"); o != nil {
		t.Error("a refused body decided")
	}
}

// Requests in the same forms become approvals, from the API and from the queue. Their history has how they were read.
func TestRequestsInEveryForm(t *testing.T) {
	r := startSenders(t)
	request := func(order string) string {
		return fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, r.aws.StepFunctions.OpenTask(time.Hour, 0))
	}
	encode := base64.StdEncoding.EncodeToString
	for order, body := range map[string]string{
		"B-2":    strings.ReplaceAll(sent(t, "request_with_mark.json"), "{{TOKEN}}", r.aws.StepFunctions.OpenTask(time.Hour, 0)),
		"base64": encode([]byte(request("base64"))),
		"gzip":   encode([]byte(gzipOf(t, request("gzip")))),
		"plain":  request("plain"),
	} {
		r.aws.SQS.PutMessage("requests", body, nil)
		r.pending(t, order)
		o := r.order(t, order)
		if note := readingNote(o); (note != "") != (order == "base64" || order == "gzip") {
			t.Errorf("%s: noted as %q", order, note)
		}
	}
	api := func(body string, header ...string) reply {
		return do(t, "POST", r.operator+"/v1/requests", body, append([]string{"Authorization", "Bearer " + programSecret}, header...)...)
	}
	form := url.Values{"orderId": {"by-form"}, "taskToken": {r.aws.StepFunctions.OpenTask(time.Hour, 0)}}.Encode()
	for name, got := range map[string]reply{
		"mark":           api("\ufeff" + request("by-mark")),
		"gzip":           api(gzipOf(t, request("by-gzip")), "Content-Encoding", "gzip", "Content-Type", "application/json"),
		"form":           api(form, "Content-Type", "application/x-www-form-urlencoded"),
		"without a type": api(request("untyped"), "Content-Type", ""),
	} {
		if got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	decision := do(t, "POST", r.operator+"/v1/orders/by-gzip/decisions", gzipOf(t, `{"decision":"approve"}`),
		"Authorization", "Bearer "+programSecret, "Content-Encoding", "gzip")
	if decision.body["verdict"] != "decided" {
		t.Errorf("a compressed decision: %d %s", decision.status, decision.text)
	}
	r.aws.SQS.PutMessage("requests", encode([]byte("no JSON, but a text of some length")), nil)
	eventually(t, "a dead letter, and its reason", func() bool {
		const reason = "it looks like base64 of something other than a JSON object"
		return deadLetters(r) == 1 && strings.Contains(r.log.String(), reason)
	})
}

// readingNote returns the first note about the reading of a request.
func readingNote(o *api.Order) string {
	for _, e := range o.History {
		if e.Kind == "reading_note" {
			return e.Note
		}
	}
	return ""
}

// The checks of the command line read bodies by the same code.
func TestChecksReadBodiesAlike(t *testing.T) {
	p := newPlace(t)
	file := filepath.Join(p.dir, "senders.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, sendersConfig, filepath.Join(p.dir, "keys"), p.aws.URL()), 0o600); err != nil {
		t.Fatal(err)
	}
	zipped, plain := sent(t, "decision.json.gz"), `{"orderId": "B-3", "decision": "approve", "decidedBy": "ann@example.com"}`
	check := func(body, source string, header ...string) (string, string) {
		args := []string{"check", "decision", "--config.file=" + file, "--source=" + source, "-"}
		for _, h := range header {
			args = append(args, "--header="+h)
		}
		var out, errs bytes.Buffer
		run(t.Context(), args, testenv, strings.NewReader(body), &out, &errs)
		return out.String(), errs.String()
	}
	for signed, want := range map[string]string{zipped: "accepted", plain: "accepted", "other": "none of the configured secrets"} {
		out, errs := check(zipped, "signed", "X-Signature-256: "+sign(signed), "Content-Encoding: gzip")
		if !strings.Contains(out, want) || !strings.Contains(out, "B-3") {
			t.Errorf("%s: %s %s", want, out, errs)
		}
	}
	out, errs := check(sent(t, "form_service.multipart"), "jottoken", "Content-Type: multipart/form-data; boundary=----FormBoundary7MA4YWxk",
		"Authorization: Bearer "+crmSecret)
	if !strings.Contains(out, "B-4") || !strings.Contains(out, `the file in the field "signature" is not read`) {
		t.Errorf("multipart: %s %s", out, errs)
	}
	if _, errs = check(plain, "token", "Content-Type: text/csv", "Authorization: Bearer "+crmSecret); !strings.Contains(errs, "taken are application/json") {
		t.Errorf("text/csv: %s", errs)
	}
	status, out, errs := commandWith(t, encodeRequest("Q-1"), "check", "request", "--config.file="+file, "-")
	if status != 0 || !strings.Contains(out, "the body was base64") {
		t.Errorf("base64: %d %s %s", status, out, errs)
	}
}

func encodeRequest(order string) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"orderId":%q,"taskToken":"AQC"}`, order))
}
