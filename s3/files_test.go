package s3_test

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/s3"
)

var asked = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// store answers HEAD requests as S3 does.
type store struct {
	status int
	header map[string]string
	seen   []*http.Request
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.seen = append(s.seen, r.Clone(context.WithoutCancel(r.Context())))
	w.Header().Set("Date", asked.Add(time.Hour).Format(http.TimeFormat))
	w.Header().Set("Last-Modified", asked.Add(-time.Minute).Format(http.TimeFormat))
	w.Header().Set("Etag", `"0123456789abcdef0123456789abcdef"`)
	for name, value := range s.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(s.status)
}

// newFiles returns the files of the bucket "contracts" an hour after the request.
func newFiles(t *testing.T, s *store, results *[]string) *s3.Files {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s3.NewFiles(s3.FilesConfig{
		AWS:     aws.Config{Region: region, Credentials: keys, BaseEndpoint: &server.URL},
		Buckets: []string{"contracts"},
		Now:     func() time.Time { return asked.Add(time.Hour) },
		Called: func(operation, result string) {
			require.Equal(t, s3.HeadOperation, operation)
			*results = append(*results, result)
		},
	})
}

const (
	// The SHA-256 of "hello" in the two forms of requests and of S3.
	helloHex  = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	helloSum  = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
	otherSum  = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	etag      = "etag:0123456789ABCDEF0123456789abcdef"
	otherETag = "etag:ffffffffffffffffffffffffffffffff"
)

// Only the file of the request is opened: an object that was replaced is noticed.
func TestFilesAreThoseOfTheRequest(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return asked.Add(d).Format(http.TimeFormat) }
	written := func(at string) map[string]string { return map[string]string{"Last-Modified": at} }
	sum := func(sum string) map[string]string {
		return map[string]string{"X-Amz-Checksum-Sha256": sum, "Last-Modified": at(time.Minute)}
	}
	for name, c := range map[string]struct {
		status          int
		digest, version string
		header          map[string]string
		want            error
		result          string
	}{
		"older than the request":     {status: 200},
		"written in the same second": {status: 200, header: written(at(time.Second))},
		"replaced":                   {status: 200, header: written(at(time.Minute)), want: approval.ErrFileChanged},
		"our clock is an hour behind": {
			status: 200, header: map[string]string{"Last-Modified": at(59 * time.Minute), "Date": at(2 * time.Hour)},
		},
		"our clock is an hour ahead": {
			status: 200, header: map[string]string{"Last-Modified": at(-time.Minute), "Date": at(0)}, want: approval.ErrFileChanged,
		},
		"no time":                     {status: 200, header: written(""), want: approval.ErrFileUnverified},
		"a version, written later":    {status: 200, version: "v.1", header: written(at(time.Minute))},
		"the digest":                  {status: 200, digest: helloHex, header: sum(helloSum)},
		"another digest":              {status: 200, digest: helloHex, header: sum(otherSum), want: approval.ErrFileChanged},
		"another digest of a version": {status: 200, version: "v", digest: helloHex, header: sum(otherSum), want: approval.ErrFileChanged},
		"no digest in S3":             {status: 200, digest: helloHex, want: approval.ErrFileUnverified},
		"a digest of parts":           {status: 200, digest: helloHex, header: sum(helloSum + "-3"), want: approval.ErrFileUnverified},
		"the ETag":                    {status: 200, digest: etag, header: written(at(time.Minute))},
		"another ETag":                {status: 200, digest: otherETag, want: approval.ErrFileChanged},
		"gone":                        {status: 404, want: approval.ErrFileGone, result: "refused"},
		"a deleted version":           {status: 405, version: "v", want: approval.ErrFileGone, result: "refused"},
		"a version that is malformed": {status: 400, version: "v", want: approval.ErrFileGone, result: "refused"},
		"denied":                      {status: 403, want: approval.ErrFileDenied, result: "denied"},
	} {
		var results []string
		files := newFiles(t, &store{status: c.status, header: c.header}, &results)
		address, err := files.Address(t.Context(), s3.File{
			Bucket: "contracts", Key: "a.pdf", Digest: c.digest, Version: c.version, Asked: asked,
		})
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, c.want == nil, address != "", name)
		require.Equal(t, []string{cmp.Or(c.result, "ok")}, results, name)
	}
}

// An error that passes is not a statement about the file.
func TestFilesWithoutAnswer(t *testing.T) {
	t.Parallel()
	for status, result := range map[int]string{500: "failed", 503: "throttled", 429: "throttled", 400: "denied", 301: "refused"} {
		var results []string
		_, err := newFiles(t, &store{status: status}, &results).Address(t.Context(), s3.File{
			Bucket: "contracts", Key: "canary-key", Asked: asked,
		})
		require.Error(t, err)
		for _, other := range []error{approval.ErrFileGone, approval.ErrFileChanged, approval.ErrFileUnverified, approval.ErrFileDenied} {
			require.NotErrorIs(t, err, other)
		}
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, []string{result}, results)
	}
}

// The address is signed, valid for two minutes, and for the version that was verified.
func TestAddressOfFile(t *testing.T) {
	t.Parallel()
	var results []string
	s := &store{status: 200, header: map[string]string{"Content-Type": "application/pdf", "X-Amz-Version-Id": "a/b+c"}}
	files := newFiles(t, s, &results)
	address, err := files.Address(t.Context(), s3.File{Bucket: "contracts", Key: "a/b c+ä.pdf", Name: "Vertrag ä.pdf", Asked: asked})
	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, "/contracts/a/b%20c%2B%C3%A4.pdf", u.EscapedPath())
	q := u.Query()
	require.Equal(t, "120", q.Get("X-Amz-Expires"))
	require.Equal(t, "a/b+c", q.Get("versionId"))
	require.Equal(t, "application/pdf", q.Get("response-content-type"))
	require.Equal(t, "inline; filename*=utf-8''Vertrag%20%C3%A4.pdf", q.Get("response-content-disposition"))
	require.Equal(t, "host", q.Get("X-Amz-SignedHeaders"))
	require.Equal(t, "canary-session", q.Get("X-Amz-Security-Token"))
	require.NotContains(t, address, "canary-secret")
	requireSigned(t, u)

	require.Len(t, s.seen, 1)
	require.Equal(t, http.MethodHead, s.seen[0].Method)
	require.Contains(t, s.seen[0].Header.Get("Authorization"), "/eu-west-1/s3/aws4_request")
}

// requireSigned signs an address again.
func requireSigned(t *testing.T, u *url.URL) {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
	require.NoError(t, err)
	again, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
	require.NoError(t, err)
	q := u.Query()
	want := q.Get("X-Amz-Signature")
	for _, name := range []string{"Signature", "Credential", "Date", "Algorithm", "SignedHeaders", "Security-Token"} {
		q.Del("X-Amz-" + name)
	}
	again.URL.RawQuery = q.Encode()
	c, _ := keys.Retrieve(t.Context())
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	address, _, err := signer.PresignHTTP(t.Context(), c, again, "UNSIGNED-PAYLOAD", "s3", region, at)
	require.NoError(t, err)
	signed, err := url.Parse(address)
	require.NoError(t, err)
	require.NotEmpty(t, want)
	require.Equal(t, want, signed.Query().Get("X-Amz-Signature"))
}

// A browser shows pictures and PDFs. It saves everything else, above all HTML and SVG.
func TestTypesOfFiles(t *testing.T) {
	t.Parallel()
	for given, want := range map[string][2]string{
		"image/png":                 {"inline", "image/png"},
		"Image/JPEG; charset=utf-8": {"inline", "image/jpeg"},
		"text/html":                 {"attachment", "application/octet-stream"},
		"image/svg+xml":             {"attachment", "application/octet-stream"},
		"text/html, image/png":      {"attachment", "application/octet-stream"},
		"":                          {"attachment", "application/octet-stream"},
	} {
		var results []string
		s := &store{status: 200, header: map[string]string{"Content-Type": given, "X-Amz-Version-Id": "null"}}
		address, err := newFiles(t, s, &results).Address(t.Context(), s3.File{Bucket: "contracts", Key: "a", Asked: asked})
		require.NoError(t, err)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{u.Query().Get("response-content-disposition"), u.Query().Get("response-content-type")}, given)
		require.False(t, u.Query().Has("versionId"))
	}
}

func TestFilesOpens(t *testing.T) {
	t.Parallel()
	files := newFiles(t, &store{status: 200}, new([]string))
	require.True(t, files.Opens("contracts", "a/b.pdf"))
	require.False(t, files.Opens("secrets", "a/b.pdf"))
	require.False(t, files.Opens("contracts", "../secrets/a"))
	require.False(t, files.Opens("contracts", "a/./b"))
}

// The calls and the addresses are signed by the clock of the program: S3 refuses the signatures of a machine whose clock is
// wrong by a quarter of an hour.
func TestSignaturesHaveTheClockOfTheProgram(t *testing.T) {
	t.Parallel()
	s := &store{status: http.StatusOK}
	server := httptest.NewServer(s)
	defer server.Close()
	now := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	c := aws.Config{Region: region, Credentials: keys, BaseEndpoint: &server.URL}
	reader := s3.NewReader(s3.Config{AWS: c, Buckets: []string{"contracts"}, Now: func() time.Time { return now }})
	_, err := reader.Load(t.Context(), envelope.Pointer{Bucket: "contracts", Key: "a.json"})
	require.NoError(t, err)
	files := s3.NewFiles(s3.FilesConfig{AWS: c, Buckets: []string{"contracts"}, Now: func() time.Time { return now }})
	address, err := files.Address(t.Context(), s3.File{
		Bucket: "contracts", Key: "a.pdf", Digest: "etag:0123456789abcdef0123456789abcdef", Asked: asked,
	})
	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, "20310203T040506Z", u.Query().Get("X-Amz-Date"))
	require.Len(t, s.seen, 2)
	for _, r := range s.seen {
		require.Equal(t, "20310203T040506Z", r.Header.Get("X-Amz-Date"))
	}
}
