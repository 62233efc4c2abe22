package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// bucketFiles opens the files of the bucket "contracts".
type bucketFiles struct {
	err    error
	opened []string
}

func (b *bucketFiles) Opens(workflow string, f approval.File) bool {
	return workflow == "refunds" && strings.HasPrefix(f.URL, "s3://contracts/")
}

func (b *bucketFiles) Address(_ context.Context, _ *approval.Approval, f approval.File) (string, error) {
	b.opened = append(b.opened, f.URL)
	return "https://contracts.s3.eu-west-1.amazonaws.com/a.pdf?X-Amz-Signature=s1gned", b.err
}

func newFileWorld(t *testing.T) (*world, *bucketFiles) {
	t.Helper()
	file := func(kind approval.FieldKind, address string) approval.Field {
		return approval.Field{Name: "File", Value: address, Kind: kind, File: &approval.File{URL: address, Name: "a.pdf"}}
	}
	w := newWorld(t, func(r *approval.Request) {
		r.Details = []approval.Field{
			{Name: "Amount", Value: "480.00 EUR"},
			file(approval.KindDocument, "s3://contracts/a.pdf"),
			file(approval.KindPicture, "s3://others/b.png"),
			file(approval.KindDocument, "https://files.example.com/c.pdf"),
		}
	})
	files := &bucketFiles{}
	w.page.Files = files
	return w, files
}

func (w *world) open(method, path string) (*http.Response, string) {
	w.t.Helper()
	resp := w.do(httptest.NewRequest(method, path, nil))
	return resp, body(w.t, resp)
}

// A link leads to the files of its own request that are in a bucket of the configuration, and nowhere else.
func TestFileOfRequest(t *testing.T) {
	t.Parallel()
	w, files := newFileWorld(t)
	_, page := w.get(token)
	require.Contains(t, page, `href="./`+token+`/files/1"`)
	require.NotContains(t, page, "/files/2")
	require.Contains(t, page, "It cannot be opened from this page")
	require.Contains(t, page, `href="https://files.example.com/c.pdf"`)
	require.NotContains(t, page, "/files/3")

	for _, method := range []string{http.MethodGet, http.MethodHead} {
		resp, text := w.open(method, "/a/"+token+"/files/1")
		require.Equal(t, http.StatusSeeOther, resp.StatusCode)
		require.Equal(t, "https://contracts.s3.eu-west-1.amazonaws.com/a.pdf?X-Amz-Signature=s1gned", resp.Header.Get("Location"))
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		require.Empty(t, text)
	}
	require.Equal(t, []string{"s3://contracts/a.pdf", "s3://contracts/a.pdf"}, files.opened)
	for _, n := range []string{"0", "2", "3", "4", "-1", "01", "+1", "1.0", "x", "99999999999999999999", "s3:%2F%2Fcontracts%2Fb"} {
		resp, text := w.open(http.MethodGet, "/a/"+token+"/files/"+n)
		require.Equal(t, http.StatusNotFound, resp.StatusCode, n)
		require.Contains(t, text, "There is no such file", n)
		require.Empty(t, resp.Header.Get("Location"), n)
	}
	require.Len(t, files.opened, 2)
	require.Zero(t, w.decided)
	require.Equal(t, approval.Pending, w.approval().Status)
}

// A file needs a link that is valid, as the page does.
func TestFileNeedsLink(t *testing.T) {
	t.Parallel()
	w, files := newFileWorld(t)
	resp, _ := w.open(http.MethodGet, "/a/forged/files/1")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	w.now = start.Add(1000 * time.Hour)
	resp, text := w.open(http.MethodGet, "/a/"+token+"/files/1")
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.Contains(t, text, "This link has expired")
	require.Empty(t, files.opened)

	w, _ = newFileWorld(t)
	w.page.Files = nil
	resp, _ = w.open(http.MethodGet, "/a/"+token+"/files/1")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	_, page := w.get(token)
	require.NotContains(t, page, "/files/")
	require.Equal(t, 2, strings.Count(page, "It cannot be opened from this page"))
}

// People are told why a file is not opened, in their language.
func TestFileIsNotOpened(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct {
		status int
		text   string
	}{
		approval.ErrFileGone:       {http.StatusGone, "This file no longer exists"},
		approval.ErrFileChanged:    {http.StatusConflict, "This file has been changed"},
		approval.ErrFileUnverified: {http.StatusConflict, "This file cannot be checked"},
		approval.ErrFileDenied:     {http.StatusBadGateway, "This file cannot be read"},
		errors.New("no answer"):    {http.StatusServiceUnavailable, "This file cannot be opened right now"},
	} {
		w, files := newFileWorld(t)
		files.err = err
		resp, text := w.open(http.MethodGet, "/a/"+token+"/files/1")
		require.Equal(t, want.status, resp.StatusCode)
		require.Contains(t, text, want.text)
		require.Empty(t, resp.Header.Get("Location"))
		require.NotContains(t, text, "s1gned")
	}
}
