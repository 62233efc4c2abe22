package awsjson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// template is the request of an operation, as the SDK makes it, without the parts that differ between two calls.
type template struct {
	accountID string // of the credentials: endpoints may depend on it
	url       url.URL
	host      string
	header    http.Header
	scope     *scope // nil if the SDK does not sign
}

// scope is the scope of a signature.
type scope struct{ region, service string }

// template returns the request of the operation, and learns it if it is not known for these credentials.
func (o *Operation) template(ctx context.Context, credentials aws.Credentials) (*template, error) {
	if t := o.learned.Load(); t != nil && t.accountID == credentials.AccountID {
		return t, nil
	}
	t, err := o.learn(ctx)
	if err != nil {
		return nil, err
	}
	t.accountID = credentials.AccountID
	o.learned.Store(t)
	return t, nil
}

// learn lets the SDK make a call, and returns its request. Nothing is sent.
func (o *Operation) learn(ctx context.Context) (*template, error) {
	var kept keptRequest
	err := o.config.Call(ctx, Options{HTTPClient: &kept, Credentials: o.config.AWS.Credentials})
	if kept.request == nil && err != nil { // it got no credentials
		return nil, err
	}
	if kept.request == nil {
		return nil, errors.New("the SDK made no request")
	}
	r := kept.request
	if target := r.Header.Get("X-Amz-Target"); !strings.HasSuffix(target, "."+o.config.Name) {
		return nil, fmt.Errorf("the SDK called %q before %s", target, o.config.Name)
	}
	t := &template{url: *r.URL, host: r.Host, header: r.Header.Clone()}
	if t.scope, err = scopeOf(r.Header.Get("Authorization")); err != nil {
		return nil, err
	}
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", headerInvocationID} {
		t.header.Del(name)
	}
	return t, nil
}

// headerInvocationID is the header with the ID of a call.
const headerInvocationID = "Amz-Sdk-Invocation-Id"

// scopeOf returns the scope of a signature: AWS4-HMAC-SHA256 Credential=ID/date/region/service/aws4_request, ...
func scopeOf(authorization string) (*scope, error) {
	if authorization == "" {
		return nil, nil
	}
	rest, isV4 := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256 Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(credential, "/")
	if !isV4 || len(parts) < 5 {
		return nil, errors.New("the SDK does not sign with version 4")
	}
	parts = parts[len(parts)-4:]
	return &scope{region: parts[1], service: parts[2]}, nil
}

// keptRequest is an HTTP client that keeps the request and does not send it.
type keptRequest struct{ request *http.Request }

var errKept = errors.New("the request is kept")

// Do implements HTTPClient.
func (k *keptRequest) Do(r *http.Request) (*http.Response, error) {
	k.request = r
	return nil, errKept
}

// newRequest returns the request of a call. It is not signed.
func (t *template) newRequest(ctx context.Context, body []byte, id string) *http.Request {
	header := make(http.Header, len(t.header)+4)
	maps.Copy(header, t.header) // the values are not changed: a signature and an ID have new ones
	header[headerInvocationID] = []string{id}
	u := t.url
	r := http.Request{
		Method:        http.MethodPost,
		URL:           &u,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Host:          t.host,
		Body:          newBody(body),
		GetBody:       func() (io.ReadCloser, error) { return newBody(body), nil },
		ContentLength: int64(len(body)),
	}
	return r.WithContext(ctx)
}

// newBody returns a body of a type that net/http knows to be in memory: then it sends headers and body at once.
func newBody(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }
