package s3_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/s3"
)

const region = "eu-west-1"

var keys = credentials.NewStaticCredentialsProvider("AKID", "canary-secret", "canary-session")

// bucket answers GET requests for objects of a bucket as S3 does. It checks their signatures.
type bucket struct {
	t       *testing.T
	objects map[string]string // by escaped path
	status  int
	code    string
	paths   []string
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	b.paths = append(b.paths, path)
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		b.t.Error(err)
	}
	again := r.Clone(r.Context())
	again.URL.Host, again.URL.Scheme = r.Host, "http"
	signature := again.Header.Get("Authorization")
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "User-Agent", "Accept-Encoding"} {
		again.Header.Del(name)
	}
	again.Header.Set("Accept-Encoding", "identity")
	c, _ := keys.Retrieve(r.Context())
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err = signer.SignHTTP(r.Context(), c, again, r.Header.Get("X-Amz-Content-Sha256"), "s3", region, at)
	if err != nil || again.Header.Get("Authorization") != signature {
		b.t.Errorf("the signature of %s is wrong: %v", path, err)
	}
	object, found := b.objects[path]
	switch {
	case b.status != 0:
		w.WriteHeader(b.status)
		_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>` + b.code + `</Code><Key>canary-key</Key></Error>`))
	case !found:
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`<Error><Code>NoSuchKey</Code><Key>canary-key</Key></Error>`))
	default:
		_, _ = w.Write([]byte(object))
	}
}

// newReader returns a reader of the bucket "large". It appends the results of its calls.
func newReader(t *testing.T, b *bucket, results *[]string) *s3.Reader {
	t.Helper()
	b.t = t
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return s3.NewReader(s3.Config{
		AWS:     aws.Config{Region: region, Credentials: keys, BaseEndpoint: &server.URL},
		Buckets: []string{"large", "other.bucket"},
		Called: func(operation, result string) {
			require.Equal(t, s3.Operation, operation)
			*results = append(*results, result)
		},
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", s3.MaxMessage)
	b := &bucket{objects: map[string]string{
		"/large/b03530d9":             `{"orderId":"A-1"}`,
		"/large/a/b%20c%2Bd%3D%C3%A4": "escaped",
		"/large//x":                   "a slash at the beginning",
		"/other.bucket/k":             "other",
		"/large/longest":              longest,
		"/large/longer":               longest + "x",
	}}
	var results []string
	r := newReader(t, b, &results)
	for p, want := range map[envelope.Pointer]string{
		{Bucket: "large", Key: "b03530d9"}:  `{"orderId":"A-1"}`,
		{Bucket: "large", Key: "a/b c+d=ä"}: "escaped",
		{Bucket: "large", Key: "/x"}:        "a slash at the beginning",
		{Bucket: "other.bucket", Key: "k"}:  "other",
		{Bucket: "large", Key: "longest"}:   longest,
	} {
		got, err := r.Load(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.Equal(t, []string{"ok", "ok", "ok", "ok", "ok"}, results)
	_, err := r.Load(t.Context(), envelope.Pointer{Bucket: "large", Key: "longer"})
	require.True(t, approval.IsPermanent(err))
	require.ErrorContains(t, err, "longer than 1048576 bytes")
}

// No call is made for a bucket that is not configured, or for a key that could leave its bucket.
func TestLoadRefusesPointers(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	var results []string
	r := newReader(t, b, &results)
	for p, reason := range map[envelope.Pointer]string{
		{Bucket: "secrets", Key: "canary-key"}:                    "the bucket secrets is not one of requests.sqs.s3_payloads.buckets",
		{Bucket: "large/../secrets", Key: "canary-key"}:           "the bucket in it is not one of",
		{Bucket: "169.254.169.254/latest?", Key: "canary-key"}:    "the bucket in it is not one of",
		{Bucket: "large", Key: "../secrets/canary-key"}:           "dot segments",
		{Bucket: "large", Key: "a/./canary-key"}:                  "dot segments",
		{Bucket: "large", Key: strings.Repeat("canary-key", 103)}: "too long",
	} {
		_, err := r.Load(t.Context(), p)
		require.ErrorContains(t, err, reason)
		require.True(t, approval.IsPermanent(err))
		require.NotContains(t, err.Error(), "canary")
	}
	require.Empty(t, b.paths)
	require.Empty(t, results)
}

// What S3 refuses is a dead letter with its reason. What can pass is tried again.
func TestLoadErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status          int
		code            string
		permanent       bool
		reason, counted string
	}{
		{403, "AccessDenied", true, "AccessDenied for the bucket large: the worker may not s3:GetObject", "denied"},
		{404, "NoSuchKey", true, "the bucket large does not have it (NoSuchKey)", "refused"},
		{404, "NoSuchBucket", true, "the bucket large does not have it (NoSuchBucket)", "refused"},
		{301, "PermanentRedirect", true, "set requests.sqs.s3_payloads.region", "refused"},
		{400, "AuthorizationHeaderMalformed", true, "set requests.sqs.s3_payloads.region", "refused"},
		{403, "InvalidObjectState", true, "in an archive", "refused"},
		{400, "ExpiredToken", false, "400 ExpiredToken", "denied"},
		{403, "SignatureDoesNotMatch", false, "403 SignatureDoesNotMatch", "denied"},
		{403, "RequestTimeTooSkewed", false, "403 RequestTimeTooSkewed", "denied"},
		{503, "SlowDown", false, "503 SlowDown", "throttled"},
		{500, "InternalError", false, "500 InternalError", "failed"},
		{502, "<canary>", false, "502 Bad Gateway", "failed"},
	} {
		b := &bucket{status: c.status, code: c.code}
		var results []string
		_, err := newReader(t, b, &results).Load(t.Context(), envelope.Pointer{Bucket: "large", Key: "canary-key"})
		require.ErrorContains(t, err, c.reason)
		require.Equal(t, c.permanent, approval.IsPermanent(err), c.code)
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, []string{c.counted}, results, c.code)
	}
}

// Without an answer or credentials the message is tried again. The error has no key.
func TestLoadWithoutAnswer(t *testing.T) {
	t.Parallel()
	gone := "http://127.0.0.1:1"
	broken := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") })
	for name, config := range map[string]aws.Config{
		"no server":      {Region: region, Credentials: keys, BaseEndpoint: &gone},
		"no credentials": {Region: region, BaseEndpoint: &gone},
		"broken":         {Region: region, BaseEndpoint: &gone, Credentials: broken},
	} {
		_, err := s3.NewReader(s3.Config{AWS: config, Buckets: []string{"large"}}).Load(t.Context(), envelope.Pointer{
			Bucket: "large", Key: "canary-key",
		})
		require.Error(t, err, name)
		require.False(t, approval.IsPermanent(err), name)
		require.NotContains(t, err.Error(), "canary", name)
	}
}

// hosts notes the URLs of requests, and answers none.
type hosts struct{ urls []string }

func (h *hosts) Do(r *http.Request) (*http.Response, error) {
	h.urls = append(h.urls, r.URL.String())
	return nil, errors.New("no network")
}

// Without an endpoint the bucket is in the host, as AWS wants it, unless no certificate covers its name.
func TestURLs(t *testing.T) {
	t.Parallel()
	h := &hosts{}
	for _, place := range []string{"eu-west-1", "cn-north-1"} {
		r := s3.NewReader(s3.Config{
			AWS:     aws.Config{Region: place, Credentials: keys, HTTPClient: h},
			Buckets: []string{"large", "other.bucket"},
		})
		for _, name := range []string{"large", "other.bucket"} {
			_, err := r.Load(t.Context(), envelope.Pointer{Bucket: name, Key: "a b"})
			require.ErrorContains(t, err, "no network")
		}
	}
	require.Equal(t, []string{
		"https://large.s3.eu-west-1.amazonaws.com/a%20b",
		"https://s3.eu-west-1.amazonaws.com/other.bucket/a%20b",
		"https://large.s3.cn-north-1.amazonaws.com.cn/a%20b",
		"https://s3.cn-north-1.amazonaws.com.cn/other.bucket/a%20b",
	}, h.urls)
}
