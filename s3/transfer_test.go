package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/s3"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	a, isS3, err := s3.ParseAddress("s3://my-bucket/a/b.db")
	require.NoError(t, err)
	require.True(t, isS3)
	require.Equal(t, s3.Address{Bucket: "my-bucket", Key: "a/b.db"}, a)
	require.Equal(t, "s3://my-bucket/a/b.db", a.String())
	_, isS3, err = s3.ParseAddress("/a/b.db")
	require.NoError(t, err)
	require.False(t, isS3)
	for _, text := range []string{"s3://", "s3://my-bucket", "s3://my-bucket/", "s3:///key", "s3://My_Bucket/key", "s3://my-bucket/a/../b", "s3://my-bucket/a/"} {
		_, isS3, err := s3.ParseAddress(text)
		require.True(t, isS3, text)
		require.Error(t, err, text)
	}
}

// TestTransfer uploads an object and downloads it again. The digest of the body is part of the signature.
func TestTransfer(t *testing.T) {
	t.Parallel()
	var stored []byte
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/my-bucket/a/b.db" || r.Header.Get("Authorization") == "" {
			t.Errorf("%s is unsigned or wrong", r.URL.Path)
		}
		if r.Method == http.MethodPut {
			stored, _ = io.ReadAll(r.Body)
			hash := sha256.Sum256(stored)
			if r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(hash[:]) || r.ContentLength != int64(len(stored)) {
				t.Error("the digest or the length is wrong")
			}
		}
		w.WriteHeader(status)
		if r.Method == http.MethodGet {
			_, _ = w.Write(stored)
		}
	}))
	t.Cleanup(server.Close)
	config := aws.Config{Region: region, Credentials: keys, BaseEndpoint: &server.URL}
	to := s3.Address{Bucket: "my-bucket", Key: "a/b.db"}
	content := []byte("a copy")
	hash := sha256.Sum256(content)
	require.NoError(t, s3.Upload(t.Context(), config, to, bytes.NewReader(content), int64(len(content)), hash[:]))
	var got bytes.Buffer
	require.NoError(t, s3.Download(t.Context(), config, to, &got))
	require.Equal(t, "a copy", got.String())

	status = http.StatusForbidden
	err := s3.Upload(t.Context(), config, to, bytes.NewReader(content), int64(len(content)), hash[:])
	require.EqualError(t, err, "upload to s3://my-bucket/a/b.db: S3 answered 403 Forbidden")
	require.ErrorContains(t, s3.Download(t.Context(), config, to, &got), "download s3://my-bucket/a/b.db: S3 answered 403")
	require.ErrorContains(t, s3.Upload(t.Context(), config, to, nil, s3.MaxUpload+1, nil), "in one call")
}
