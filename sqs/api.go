package sqs

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// API is the slice of the SDK's SQS client that a Subscriber uses.
//
// IAM: sqs:GetQueueUrl (may be denied if Subscribe is given a URL),
// sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility.
type API interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(
		context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options),
	) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibility(
		context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityOutput, error)
}

// BufferedBody returns a round tripper that reads a request's body into memory before it sends it. If the answer
// arrives first, the SDK rewinds the body while net/http may still be reading it. Against a server on the loopback,
// about one in two hundred receives of ten messages is lost to that race. A request to SQS has at most 1 MiB. A request
// with GetBody has its body in memory, and is not rewound.
func BufferedBody(next http.RoundTripper) http.RoundTripper { return bufferedBody{next} }

type bufferedBody struct{ next http.RoundTripper }

func (b bufferedBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody || r.GetBody != nil {
		return b.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return b.next.RoundTrip(r)
}
