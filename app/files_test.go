package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An approver opens a file of the request in S3, as long as it is the file that was there when the request was made.
func TestApproverOpensFile(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
	written := time.Now().Add(-time.Hour)
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		w.Header().Set("Last-Modified", written.UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(bucket.Close)
	text := fmt.Sprintf(`
aws: {region: eu-west-1}
workflows:
  orders:
    requests:
      details: {Contract: {value: body.contract, kind: document}, Picture: {value: body.picture, kind: picture}}
      files: {buckets: [contracts], endpoint: %q}
`, bucket.URL)
	r := startReloadedApp(t, text)
	status, answer := r.post(t, "/v1/requests", `{"orderId":"F-1","taskToken":"`+strings.Repeat("t", 40)+
		`","contract":"s3://contracts/2026/a b.pdf","picture":"s3://others/p.png"}`)
	require.Equal(t, http.StatusAccepted, status, answer)
	var link string
	require.Eventually(t, func() bool {
		order, err := r.store.Get(t.Context(), "F-1")
		if err != nil || len(order.Approvals) == 0 {
			return false
		}
		link = r.links.LinkToken(order.LinkCapability(order.Approvals[0], ""))
		return true
	}, time.Minute, 10*time.Millisecond)

	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.servePublic(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	page := get("/a/" + link).Body.String()
	require.Contains(t, page, "/files/0")
	require.NotContains(t, page, "/files/1")
	opened := get("/a/" + link + "/files/0")
	require.Equal(t, http.StatusSeeOther, opened.Code, opened.Body)
	address, err := url.Parse(opened.Header().Get("Location"))
	require.NoError(t, err)
	require.Equal(t, bucket.URL, address.Scheme+"://"+address.Host)
	require.Equal(t, "/contracts/2026/a%20b.pdf", address.EscapedPath())
	require.NotEmpty(t, address.Query().Get("X-Amz-Signature"))
	require.Equal(t, http.StatusNotFound, get("/a/"+link+"/files/1").Code)

	written = time.Now().Add(time.Hour)
	changed := get("/a/" + link + "/files/0")
	require.Equal(t, http.StatusConflict, changed.Code)
	require.Contains(t, changed.Body.String(), "This file has been changed")

	r.rewrite(t, strings.Replace(text, "buckets: [contracts]", "buckets: [others]", 1))
	require.NoError(t, r.reloadNow(t))
	require.Equal(t, http.StatusNotFound, get("/a/"+link+"/files/0").Code)
	require.NotContains(t, r.log.String(), "canary")
}
