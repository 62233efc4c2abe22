package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func requestForm() bodyForm {
	long := strings.Repeat("x", 2049)
	return bodyForm{
		order: "orderId", other: "taskToken", value: "AQCkAAAAKgAAAAMAAAAAAAAAAbadinput",
		wrong: []any{long},
		optional: map[string][]any{
			"approvers":      {map[string]any{"a": 1}, []any{nil}, []any{[]any{}}, []any{""}, manyTexts("a", 101), long},
			"deadline":       {"tomorrow", -1, "2026-13-45T00:00:00Z", map[string]any{}, true},
			"timeoutSeconds": {"long", -5, 1e300, []any{}, true},
			"step":           {long, map[string]any{}},
			"requester":      {long, []any{"x"}},
			"executionArn":   {long},
		},
		shown: map[string][]any{"title": {long, []any{}, map[string]any{"a": 1}}},
	}
}

func decisionForm() bodyForm {
	long := strings.Repeat("x", 5000)
	return bodyForm{
		order: "orderId",
		other: "decision",
		value: "approve",
		rest:  map[string]any{"decidedBy": "ann@example.com"},
		wrong: []any{"maybe", "approve\u0000", "yes please", 42, 1.5, "approve; reject", "аpprove"},
		optional: map[string][]any{
			"decidedBy": {
				long,
				"source:other",
				map[string]any{},
				[]any{"a"},
			},
			"decisionId": {long, map[string]any{}},
			"step":       {long},
			"approvalId": {long, []any{}},
		},
		shown: map[string][]any{"comment": {long, []any{}, map[string]any{"a": 1}}},
	}
}

func crmForm() bodyForm {
	return bodyForm{
		order:    "ref",
		other:    "ok",
		value:    true,
		rest:     map[string]any{"who": "ann@example.com"},
		wrong:    []any{"maybe", 1, "true"},
		optional: map[string][]any{"who": {map[string]any{}, "source:other", strings.Repeat("x", 5000)}},
	}
}

func manyTexts(s string, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = fmt.Sprint(s, i)
	}
	return out
}

// httpInput is a way in over HTTP. It sends a body and returns the status and the text of the answer.
type httpInput struct {
	form bodyForm
	send func(ctx context.Context, order, body string) (int, string, error)
	more []string // bodies that only HTTP can transport
}

func (w *world) httpInputs() map[string]httpInput {
	binary := []string{
		"",
		"\xff\xfe{\x00}\x00",
		"{\"orderId\":\"\xff\"}",
		"\x1f\x8b\x08\x00",
		"\x00",
		strings.Repeat("x", 1<<20+1),
		`{"a":"` + strings.Repeat("x", 3<<20) + `"}`,
	}
	post := func(path string, header func(body string) http.Header) func(context.Context, string, string) (int, string, error) {
		return func(ctx context.Context, order, body string) (int, string, error) {
			return w.callWithLimit(ctx, "POST", strings.ReplaceAll(path, "{order}", url.PathEscape(order)), header(body), body)
		}
	}
	plain := func(token string) func(string) http.Header {
		return func(string) http.Header { return bearerHeader(token) }
	}
	requests, api := requestForm(), decisionForm()
	api.inPath = true
	return map[string]httpInput{
		"requests": {requests, post("http://"+w.operator+"/v1/requests?workflow=web", plain(apiToken)), binary},
		"hmac":     {decisionForm(), post("http://"+w.public+"/webhooks/erp", signedHeader), binary},
		"bearer":   {crmForm(), post("http://"+w.public+"/webhooks/crm", plain(bearerToken)), binary},
		"api":      {api, post("http://"+w.operator+"/v1/orders/{order}/decisions", plain(apiToken)), binary},
	}
}

func signedHeader(body string) http.Header {
	mac := hmac.New(sha256.New, []byte(hmacSecret))
	mac.Write([]byte(body))
	return http.Header{"X-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// callWithLimit sends an HTTP request once, with a time limit.
func (w *world) callWithLimit(ctx context.Context, method, to string, header http.Header, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return w.callOnce(ctx, method, to, header, body)
}

// queueInput is a way in over a queue.
type queueInput struct {
	name               string
	form               bodyForm
	put                func(ctx context.Context, body string) error
	hasDeadLetterQueue bool // dead letters go to a queue, otherwise to the store
}

func (w *world) putOnQueue(queue string) func(context.Context, string) error {
	return func(ctx context.Context, body string) error {
		_, err := w.sqs.SendMessage(
			ctx,
			&sqs.SendMessageInput{QueueUrl: aws.String(w.goaws + "/000000000000/" + queue), MessageBody: aws.String(body)},
		)
		return err
	}
}

func (w *world) publishTo(topic string) func(context.Context, string) error {
	return func(ctx context.Context, body string) error {
		_, err := w.sns.Publish(ctx, &sns.PublishInput{TopicArn: aws.String(w.topics[topic]), Message: aws.String(body)})
		return err
	}
}
