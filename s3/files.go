package s3

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/approval-relay/approval-relay/approval"
)

// addressLifetime is how long the address of a file is valid. Viewers of documents read a file in parts, so it
// must outlast the redirect of the browser.
const addressLifetime = 2 * time.Minute

// File is a file of a request.
type File struct {
	Bucket string
	Key    string
	// Version is the ID of the object's version, if the request names it.
	Version string
	// Digest is "sha256:" and hex, or "etag:" and an ETag, if the request states it.
	Digest string
	Name   string // for the browser that saves it
	// Asked is the time of the request.
	Asked time.Time
}

// FilesConfig configures Files.
type FilesConfig struct {
	AWS     aws.Config
	Buckets []string
	Now     func() time.Time
	// Called is called at the end of each call with its result: ok, denied, throttled, refused or failed.
	Called func(operation, result string)
}

// Files opens the files of requests. It is safe for concurrent use.
type Files struct {
	caller
	config FilesConfig
}

// NewFiles returns Files.
func NewFiles(c FilesConfig) *Files {
	if c.Called == nil {
		c.Called = func(string, string) {}
	}
	return &Files{caller: newCaller(c.AWS, c.Now), config: c}
}

// Opens reports whether a file is in a bucket of the configuration.
func (f *Files) Opens(bucket, key string) bool {
	return slices.Contains(f.config.Buckets, bucket) && isPlainKey(key)
}

// Address returns an address of a file that is valid for two minutes. It must still be the file of the request, see verify.
// The errors are approval.ErrFileGone, ErrFileChanged, ErrFileUnverified and ErrFileDenied; after any other error the call
// can be made again.
func (f *Files) Address(ctx context.Context, file File) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	header, result, err := f.head(ctx, file)
	if !errors.Is(ctx.Err(), context.Canceled) { // a visitor has gone away: that call is not counted
		f.config.Called(HeadOperation, result)
	}
	if err != nil {
		return "", err
	}
	if err := f.verify(file, header); err != nil {
		return "", err
	}
	// The version that was verified is opened, even if the object is replaced now.
	if version := header.Get("X-Amz-Version-Id"); file.Version == "" && version != "null" {
		file.Version = version
	}
	return f.presign(ctx, file, header.Get("Content-Type"))
}

// head reads the facts about a file. It also returns the result of the call for the metrics.
func (f *Files) head(ctx context.Context, file File) (header http.Header, result string, err error) {
	request, err := f.newRequest(ctx, http.MethodHead, object{file.Bucket, file.Key, file.Version})
	if err != nil {
		return nil, "denied", fmt.Errorf("open a file in S3: %w", err)
	}
	if strings.HasPrefix(file.Digest, "sha256:") {
		request.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
	}
	if err := f.sign(ctx, request); err != nil {
		return nil, "denied", fmt.Errorf("open a file in S3: %w", err)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return nil, "failed", fmt.Errorf("open a file in S3: %w", withoutURL(err))
	}
	_ = response.Body.Close()
	result, err = judgeHead(response.StatusCode, file)
	return response.Header, result, err
}

// judgeHead returns the error of a status, and its result for the metrics. S3 gives no reason with it.
func judgeHead(status int, file File) (result string, err error) {
	switch {
	case status == http.StatusOK:
		return "ok", nil
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, // the latter for the mark of a deletion
		status == http.StatusBadRequest && file.Version != "":
		return "refused", approval.ErrFileGone
	case status == http.StatusForbidden:
		return "denied", approval.ErrFileDenied
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		result = "throttled"
	case status < http.StatusBadRequest:
		result = "refused" // the bucket is in another region
	case status < http.StatusInternalServerError:
		result = "denied"
	default:
		result = "failed"
	}
	return result, fmt.Errorf("open a file in the bucket %s of S3: status %d", describeBucket(file.Bucket), status)
}

// verify returns nil if an object is the file of the request: it has the digest that the request states, or the version
// that the request names, or else it was not written after the request.
func (f *Files) verify(file File, header http.Header) error {
	if digest, ok := strings.CutPrefix(file.Digest, "sha256:"); ok {
		return verifySHA256(digest, header.Get("X-Amz-Checksum-Sha256"))
	}
	if etag, ok := strings.CutPrefix(file.Digest, "etag:"); ok {
		if !strings.EqualFold(etag, strings.Trim(header.Get("Etag"), `"`)) {
			return approval.ErrFileChanged
		}
		return nil
	}
	if file.Version != "" {
		return nil
	}
	written, err := http.ParseTime(header.Get("Last-Modified"))
	if err != nil {
		return approval.ErrFileUnverified
	}
	now := f.config.Now()
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		written = written.Add(now.Sub(theirs)) // by our clock
	}
	const precision = 2 * time.Second // both times are in whole seconds
	if written.After(file.Asked.Add(precision)) {
		return approval.ErrFileChanged
	}
	return nil
}

// verifySHA256 compares a stated digest with the checksum that S3 keeps. S3 keeps a checksum only
// if it was asked to at the upload, and after an upload in parts it is that of the parts.
func verifySHA256(want, checksum string) error {
	sum, err := base64.StdEncoding.DecodeString(checksum)
	switch {
	case err != nil || len(sum) == 0:
		return approval.ErrFileUnverified
	case hex.EncodeToString(sum) != strings.ToLower(want):
		return approval.ErrFileChanged
	}
	return nil
}

// shownTypes are the types of files that a browser may show. It saves all others.
var shownTypes = []string{"image/png", "image/jpeg", "image/webp", "image/gif", "application/pdf"}

// presign returns the address.
func (f *Files) presign(ctx context.Context, file File, contentType string) (string, error) {
	request, err := f.newRequest(ctx, http.MethodGet, object{file.Bucket, file.Key, file.Version})
	if err != nil {
		return "", fmt.Errorf("open a file in S3: %w", err)
	}
	shown, disposition := "application/octet-stream", "attachment"
	if kind, _, err := mime.ParseMediaType(contentType); err == nil && slices.Contains(shownTypes, kind) {
		shown, disposition = kind, "inline"
	}
	if file.Name != "" {
		disposition = cmp.Or(mime.FormatMediaType(disposition, map[string]string{"filename": file.Name}), disposition)
	}
	query := request.URL.Query()
	for name, value := range map[string]string{
		"X-Amz-Expires":                fmt.Sprint(int(addressLifetime.Seconds())),
		"response-cache-control":       "no-store",
		"response-content-disposition": disposition,
		"response-content-type":        shown,
	} {
		query.Set(name, value)
	}
	request.URL.RawQuery = query.Encode()
	credentials, err := f.credentials(ctx)
	if err != nil {
		return "", fmt.Errorf("open a file in S3: %w", err)
	}
	const unsigned = "UNSIGNED-PAYLOAD"
	address, _, err := f.signer.PresignHTTP(ctx, credentials, request, unsigned, "s3", f.aws.Region, f.now())
	if err != nil {
		return "", fmt.Errorf("open a file in S3: sign: %w", err)
	}
	return address, nil
}
