package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPublicKeysOfReceiptsAreCached(t *testing.T) {
	t.Parallel()

	get := func(keys, tag string) *httptest.ResponseRecorder {
		e := &Endpoints{
			Ingress:     NewIngress(),
			ReceiptKeys: []byte(keys),
			Observe:     func(string, int, time.Duration) {},
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, ReceiptKeysPath, nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		e.PublicHandler().ServeHTTP(w, r)
		return w
	}
	first := get(`{"keys":[]}`, "")
	assert.Equal(t, http.StatusOK, first.Code)
	assert.Equal(t, `{"keys":[]}`, first.Body.String())
	assert.Equal(t, "application/jwk-set+json", first.Header().Get("Content-Type"))
	assert.Equal(t, "public, max-age=300", first.Header().Get("Cache-Control"))
	tag := first.Header().Get("ETag")
	assert.Equal(t, http.StatusNotModified, get(`{"keys":[]}`, tag).Code)
	assert.Equal(t, http.StatusOK, get(`{"keys":[{}]}`, tag).Code, "other keys have another tag")
	assert.Equal(t, http.StatusNotFound, get("", "").Code)
}
