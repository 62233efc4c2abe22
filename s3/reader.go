// Package s3 reads messages that were too large for their queue: a client of SQS has put them into a bucket of S3, and
// has sent a pointer. It also opens the files of requests for approvers: it makes addresses that are valid for a short
// time. The SDK's client for S3 would add a tenth to the size of the program, so the package makes the two calls that it
// needs, GetObject and HeadObject, itself.
package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/envelope"
)

// The names of the calls, as package outbound names operations.
const (
	Operation     = "S3.GetObject"
	HeadOperation = "S3.HeadObject"
)

// Limits.
const (
	// MaxMessage is the greatest length of a message, in bytes. It is that of a message in SQS.
	MaxMessage = 1 << 20
	maxError   = 64 << 10 // bytes of the XML of an error that are read
	maxKey     = 1024     // bytes; S3's limit
)

// Config configures a Reader.
type Config struct {
	AWS     aws.Config
	Buckets []string
	// Timeout bounds a call. Zero means 15 s.
	Timeout time.Duration
	// Now is the clock of the signatures. Nil takes that of the machine.
	Now func() time.Time
	// Called is called at the end of each call with its result: ok, denied, throttled, refused or failed.
	Called func(operation, result string)
}

// Reader reads messages from buckets. It is safe for concurrent use.
type Reader struct {
	caller
	config Config
}

// NewReader returns a Reader.
func NewReader(c Config) *Reader {
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Called == nil {
		c.Called = func(string, string) {}
	}
	return &Reader{caller: newCaller(c.AWS, c.Now), config: c}
}

// Load returns the message that a pointer stands for. Its error is permanent if the bucket is not one of the
// configuration, or if S3 refuses the call: that does not pass by itself, and an operator can redrive the message. No
// error has the key.
func (r *Reader) Load(ctx context.Context, p envelope.Pointer) ([]byte, error) {
	if !slices.Contains(r.config.Buckets, p.Bucket) {
		return nil, refuse("the bucket %s is not one of requests.sqs.s3_payloads.buckets", describeBucket(p.Bucket))
	}
	if err := checkKey(p.Key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	body, result, err := r.get(ctx, p)
	if !errors.Is(ctx.Err(), context.Canceled) { // a call that a shutdown has ended counts as none
		r.config.Called(Operation, result)
	}
	return body, err
}

// refuse returns a permanent error about a pointer.
func refuse(format string, args ...any) error {
	return approval.InvalidField("body", "is a pointer to a message in S3: "+format, args...)
}

// describeBucket returns the name of a bucket for an error, if it is one.
func describeBucket(name string) string {
	if bucketName.MatchString(name) {
		return name
	}
	return "in it"
}

// checkKey refuses keys that S3 or a proxy before it could take for those of another object or bucket.
func checkKey(key string) error {
	if !isPlainKey(key) {
		return refuse("its key is too long, or has dot segments")
	}
	return nil
}

func isPlainKey(key string) bool {
	segments := strings.Split(key, "/")
	return len(key) <= maxKey && utf8.ValidString(key) && !slices.Contains(segments, "..") && !slices.Contains(segments, ".")
}

// get makes the call. It also returns its result for the metrics.
func (r *Reader) get(ctx context.Context, p envelope.Pointer) (body []byte, result string, err error) {
	request, err := r.newRequest(ctx, http.MethodGet, object{bucket: p.Bucket, key: p.Key})
	if err != nil {
		return nil, "denied", fmt.Errorf("read a message from S3: %w", err)
	}
	request.Header.Set("Accept-Encoding", "identity") // the length is that of the message
	if err := r.sign(ctx, request); err != nil {
		return nil, "denied", fmt.Errorf("read a message from S3: %w", err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, "failed", fmt.Errorf("read a message from S3: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		result, err = r.explain(response, p.Bucket)
		return nil, result, err
	}
	if body, err = io.ReadAll(io.LimitReader(response.Body, MaxMessage+1)); err != nil {
		return nil, "failed", fmt.Errorf("read a message from S3: %w", err)
	}
	if len(body) > MaxMessage {
		return nil, "ok", refuse("it is longer than %d bytes", MaxMessage)
	}
	return body, "ok", nil
}

// withoutURL removes the URL from an error of package http, because it has the key.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// errorCode is the form of the codes of S3.
var errorCode = regexp.MustCompile(`^[A-Za-z]{1,64}$`)

// explain returns the error of a response that is not a message, and its result for the metrics.
func (r *Reader) explain(response *http.Response, bucket string) (result string, err error) {
	var answer struct{ Code string }
	_ = xml.NewDecoder(io.LimitReader(response.Body, maxError)).Decode(&answer) // the status is enough
	code, status := answer.Code, response.StatusCode
	if !errorCode.MatchString(code) {
		code = http.StatusText(status)
	}
	switch {
	case code == "AccessDenied", code == http.StatusText(http.StatusForbidden):
		return "denied", refuse("AccessDenied for the bucket %s: the worker may not s3:GetObject (or kms:Decrypt), or the message is gone",
			bucket)
	case status == http.StatusNotFound:
		return "refused", refuse("the bucket %s does not have it (%s)", bucket, code)
	case status == http.StatusMovedPermanently, code == "PermanentRedirect", code == "AuthorizationHeaderMalformed":
		return "refused", refuse("the bucket %s is not in the region %s: set requests.sqs.s3_payloads.region", bucket, r.config.AWS.Region)
	case code == "InvalidObjectState":
		return "refused", refuse("the bucket %s has it in an archive", bucket)
	case status == http.StatusTooManyRequests, code == "SlowDown":
		result = "throttled"
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		result = "denied" // of our credentials or clock: it is the same for every message, and can pass
	default:
		result = "failed"
	}
	return result, fmt.Errorf("read a message from the bucket %s of S3: %d %s", bucket, status, code)
}
