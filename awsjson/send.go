package awsjson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/approval-relay/approval-relay/outbound"
)

// maxAnswer bounds an answer, in bytes. The largest are batches of DynamoDB: 16 MiB of items, as text.
const maxAnswer = 64 << 20

// send makes a call.
func (o *Operation) send(ctx context.Context, call Call, observation *outbound.Observation) error {
	request, err := o.newRequest(ctx, call.Body)
	if err != nil {
		return err
	}
	client := call.HTTPClient
	if client == nil {
		client = o.config.HTTPClient
	}
	observation.Signed()
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return sendError(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	observation.Answered(response)
	o.config.Clock.correct(response.Header, began)
	return o.read(ctx, response, call)
}

// read reads the answer of a call.
func (o *Operation) read(ctx context.Context, response *http.Response, call Call) error {
	answer, err := readAnswer(response)
	if err != nil {
		return unreadable(response, err)
	}
	if response.StatusCode < 200 || response.StatusCode >= 300 {
		return o.errorOf(ctx, response, answer)
	}
	if err := call.Read(answer); err != nil {
		return unreadable(response, err)
	}
	return nil
}

// sendError returns the error of a request without an answer, as the SDK does.
func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &smithy.CanceledError{Err: ctx.Err()}
	}
	return &smithyhttp.RequestSendError{Err: err}
}

// unreadable returns the error of an answer that is not as AWS sends it, with the status and the request, as the SDK does.
func unreadable(response *http.Response, err error) error {
	return &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: response},
			Err:      &smithy.DeserializationError{Err: err},
		},
		RequestID: response.Header.Get("X-Amzn-Requestid"),
	}
}

// readAnswer reads the body of a response, and checks the checksum that DynamoDB sends with it.
func readAnswer(response *http.Response) ([]byte, error) {
	var b bytes.Buffer
	if n := response.ContentLength; n > 0 && n <= maxAnswer {
		b.Grow(int(n) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(response.Body, maxAnswer+1)); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if b.Len() > maxAnswer {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	want := response.Header.Get("X-Amz-Crc32")
	if want == "" || response.Uncompressed {
		return b.Bytes(), nil
	}
	if sum, err := strconv.ParseUint(want, 10, 32); err != nil || uint32(sum) != crc32.ChecksumIEEE(b.Bytes()) {
		return nil, errors.New("the answer does not have the checksum of its header")
	}
	return b.Bytes(), nil
}

// errorOf returns the error that the SDK makes of an answer.
func (o *Operation) errorOf(ctx context.Context, response *http.Response, answer []byte) error {
	err := o.config.Call(context.WithoutCancel(ctx), Options{
		HTTPClient:  &replay{response: response, body: answer},
		Credentials: replayCredentials{o.learned.Load().accountID},
	})
	if err == nil {
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return err
}

// replay is an HTTP client that answers with a response that was received before.
type replay struct {
	response *http.Response
	body     []byte
}

// Do implements HTTPClient.
func (r *replay) Do(request *http.Request) (*http.Response, error) {
	response := *r.response
	response.Request = request
	response.Body = io.NopCloser(bytes.NewReader(r.body))
	return &response, nil
}

// replayCredentials sign the request that replay does not send. They are of the account of the call: the SDK may refuse to
// make a call without an account.
type replayCredentials struct{ accountID string }

// Retrieve implements aws.CredentialsProvider.
func (r replayCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "replay", SecretAccessKey: "replay", AccountID: r.accountID}, nil
}

// correct records by how much the clock of AWS is ahead of ours, so that the signature of the next call has the time of
// AWS. The SDK does the same. An answer from a cache does not count, nor an answer that took a quarter of an hour.
func (c *Clock) correct(header http.Header, began time.Time) {
	const longest = 15 * time.Minute
	date := header.Get("Date")
	if date == "" || header.Get("Age") != "" || time.Since(began) > longest {
		return
	}
	if at, err := http.ParseTime(date); err == nil {
		c.ahead.Store(int64(time.Until(at)))
	}
}

// describe adds the operation to an error, unless it comes from a call of the SDK.
func (o *Operation) describe(err error) error {
	if err == nil {
		return nil
	}
	if _, isDescribed := errors.AsType[*smithy.OperationError](err); isDescribed {
		return err
	}
	return &smithy.OperationError{ServiceID: o.config.ServiceID, OperationName: o.config.Name, Err: err}
}
