package dynamodb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// TestUnprocessedKeys answers only a few keys of each batch, or none, as DynamoDB does when it throttles. The
// unprocessed keys are read again, a bounded number of times.
func TestUnprocessedKeys(t *testing.T) {
	t.Parallel()
	var answered atomic.Int64 // keys of each batch
	answered.Store(3)
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchGetItem") {
			return http.DefaultTransport.RoundTrip(r)
		}
		var ask struct {
			RequestItems map[string]*struct {
				Keys           []json.RawMessage
				ConsistentRead bool
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			return nil, err
		}
		left := map[string]any{}
		for table, keys := range ask.RequestItems {
			n := min(int(answered.Load()), len(keys.Keys))
			if n < len(keys.Keys) {
				left[table] = map[string]any{"Keys": keys.Keys[n:]}
			}
			keys.Keys = keys.Keys[:n]
		}
		if answered.Load() == 0 {
			b, err := json.Marshal(map[string]any{"Responses": map[string]any{}, "UnprocessedKeys": left})
			return answer(http.StatusOK, string(b)), err
		}
		b, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		var got map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			return nil, err
		}
		got["UnprocessedKeys"] = left
		b, err = json.Marshal(got)
		return answer(resp.StatusCode, string(b)), err
	})
	for i := range 10 {
		mustUpdate(t, s, fmt.Sprint("o", i), addRequest)
	}
	orders, _, err := s.List(t.Context(), store.OrderQuery{})
	require.NoError(t, err)
	require.Len(t, orders, 10)
	answered.Store(0)
	_, _, err = s.List(t.Context(), store.OrderQuery{})
	require.ErrorContains(t, err, fmt.Sprintf("10 items stayed unprocessed %d times", maxAttempts))
}
