package s3

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// MaxUpload is the size of the largest object that S3 takes in a single call.
const MaxUpload = 5 << 30

// Address is an object that an operator names: s3://BUCKET/KEY.
type Address struct{ Bucket, Key string }

// ParseAddress returns the object that a text names. It reports whether the text begins with s3://.
func ParseAddress(text string) (a Address, isS3 bool, err error) {
	rest, isS3 := strings.CutPrefix(text, "s3://")
	if !isS3 {
		return a, false, nil
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if !bucketName.MatchString(bucket) || key == "" || strings.HasSuffix(key, "/") || !isPlainKey(key) {
		return a, true, errors.New("an object in S3 is named s3://BUCKET/KEY")
	}
	return Address{bucket, key}, true, nil
}

// String returns the address as ParseAddress reads it.
func (a Address) String() string { return "s3://" + a.Bucket + "/" + a.Key }

// Upload writes an object. S3 verifies the digest. The object is encrypted as the bucket says.
func Upload(ctx context.Context, c aws.Config, to Address, body io.Reader, size int64, sha256 []byte) error {
	if size > MaxUpload {
		return fmt.Errorf("upload to %s: %d bytes are more than S3 takes in one call (%d)", to, size, int64(MaxUpload))
	}
	call := newCaller(c, nil)
	request, err := call.newRequest(ctx, http.MethodPut, object{bucket: to.Bucket, key: to.Key})
	if err != nil {
		return fmt.Errorf("upload to %s: %w", to, err)
	}
	request.Body = io.NopCloser(body)
	request.ContentLength = size
	return call.transfer(ctx, request, to, hex.EncodeToString(sha256), func(*http.Response) error { return nil })
}

// Download writes the content of an object to w.
func Download(ctx context.Context, c aws.Config, from Address, w io.Writer) error {
	call := newCaller(c, nil)
	request, err := call.newRequest(ctx, http.MethodGet, object{bucket: from.Bucket, key: from.Key})
	if err != nil {
		return fmt.Errorf("download %s: %w", from, err)
	}
	request.Header.Set("Accept-Encoding", "identity")
	return call.transfer(ctx, request, from, emptyHash, func(r *http.Response) error {
		_, err := io.Copy(w, r.Body)
		return err
	})
}

// transfer makes a call with the digest of its body, and passes a successful response on.
func (c caller) transfer(
	ctx context.Context, request *http.Request, object Address, hash string, read func(*http.Response) error,
) error {
	verb := map[string]string{http.MethodPut: "upload to", http.MethodGet: "download"}[request.Method]
	if err := c.signBody(ctx, request, hash); err != nil {
		return fmt.Errorf("%s %s: %w", verb, object, err)
	}
	response, err := c.client.Do(request)
	if failed, is := errors.AsType[*url.Error](err); is { // its text has the signed URL
		err = failed.Err
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, object, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: S3 answered %s", verb, object, response.Status)
	}
	if err := read(response); err != nil {
		return fmt.Errorf("%s %s: %w", verb, object, err)
	}
	return nil
}
