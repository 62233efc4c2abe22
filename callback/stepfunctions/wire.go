package stepfunctions

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/approval-relay/approval-relay/callback"
)

// wire sees how far one call of the SDK's came, which its errors do not tell:
// the failure to get credentials, for example, is the error of another request.
type wire struct {
	callback.Wire
	watched bool // the SDK called watch, the rest can be relied on
	called  bool // the request was given to the HTTP client
	status  int  // the HTTP status of the answer, 0 if there was none
}

// unsent says that surely no byte of the request was sent.
func (w *wire) unsent() bool { return w.watched && (!w.called || w.Unsent()) }

// watch makes the SDK's client use w, with one attempt, for one call.
func (w *wire) watch(o *sfn.Options) {
	w.watched = true
	o.Retryer = aws.NopRetryer{}
	o.HTTPClient = watchedClient{o.HTTPClient, w}
}

type watchedClient struct {
	next sfn.HTTPClient
	wire *wire
}

// Do sends the request with its body in memory: the SDK closes its own body
// when the answer is there, which a fast server can make too early.
func (c watchedClient) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	c.wire.called = true
	r = r.WithContext(c.wire.Watch(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := c.next.Do(r)
	if resp != nil {
		c.wire.status = resp.StatusCode
	}
	return resp, err
}
