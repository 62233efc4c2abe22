package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/receipt"
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
	assert.JSONEq(t, `{"keys":[]}`, first.Body.String())
	assert.Equal(t, "application/jwk-set+json", first.Header().Get("Content-Type"))
	assert.Equal(t, "public, max-age=300", first.Header().Get("Cache-Control"))
	tag := first.Header().Get("ETag")
	assert.Equal(t, http.StatusNotModified, get(`{"keys":[]}`, tag).Code)
	assert.Equal(t, http.StatusOK, get(`{"keys":[{}]}`, tag).Code, "other keys have another tag")
	assert.Equal(t, http.StatusNotFound, get("", "").Code)
}

func TestReceiptsOfPendingAndOtherApprovals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order, credential string
		err               error
		status            int
	}{
		"pending":             {"A-1", "read", receipt.ErrPending, http.StatusConflict},
		"not wanted":          {"A-1", "operator", receipt.ErrNoReceipt, http.StatusNotFound},
		"another program's":   {"A-2", "read", nil, http.StatusNotFound},
		"for an operator":     {"A-2", "operator", nil, http.StatusOK},
		"of an unknown order": {"A-3", "operator", nil, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, s, _ := site(t, func(e *Endpoints) {
				e.OperatorAPI.MakeReceipt = func(string, *approval.Approval) (string, error) { return "signed", c.err }
			})
			id := "unknown"
			for order, asker := range map[string]string{"A-1": "api:shop", "A-2": "api:other"} {
				ask(t, s, order, time.Now().Add(time.Hour), func(r *approval.Request) { r.Asker = asker })
				if order == c.order {
					o, err := s.Get(t.Context(), order)
					require.NoError(t, err)
					id = o.Approvals[0].ID
				}
			}
			got := send(t, h.OperatorHandler(), "GET", "/v1/orders/"+c.order+"/approvals/"+id+"/receipt", "", "Authorization", "Bearer "+c.credential)
			require.Equal(t, c.status, got.StatusCode, got.text)
			require.Equal(t, c.status == http.StatusOK, strings.Contains(got.text, "signed"))
		})
	}
}
