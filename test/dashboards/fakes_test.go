package dashboards

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// fault is a fault of the calls of one SQS action.
type fault struct {
	slow    time.Duration
	refused bool   // the call is refused, or each entry of a batch of deletes
	code    string // the error code of a refusal; by default one that is not retried
}

// faultyAWS is the emulator of AWS with faults of SQS.
type faultyAWS struct {
	aws    *emulator.Server
	mu     sync.Mutex
	faults map[string]fault
}

func (f *faultyAWS) setFault(action string, to fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[action] = to
}

// ServeHTTP implements http.Handler.
func (f *faultyAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	is := f.faults[action]
	f.mu.Unlock()
	if service != "AmazonSQS" || is == (fault{}) {
		f.aws.ServeHTTP(w, r)
		return
	}
	select {
	case <-r.Context().Done():
		return
	case <-time.After(is.slow):
	}
	switch {
	case !is.refused:
		f.aws.ServeHTTP(w, r)
	case action == "DeleteMessageBatch":
		refuseDeletes(w, r)
	default: // an error that the SDK does not retry
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type": "com.amazonaws.sqs#%s", "message": "not now"}`, cmp.Or(is.code, "RequestThrottled2"))
	}
}

// refuseDeletes refuses each entry of a batch of deletes.
func refuseDeletes(w http.ResponseWriter, r *http.Request) {
	type failed struct {
		ID          string `json:"Id"`
		Code        string
		SenderFault bool
	}
	var in struct{ Entries []failed }
	_ = json.NewDecoder(r.Body).Decode(&in)
	for i := range in.Entries {
		in.Entries[i].Code, in.Entries[i].SenderFault = "ReceiptHandleIsInvalid", true
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(map[string]any{"Successful": []failed{}, "Failed": in.Entries})
}

// receiver receives notifications and callbacks. Its answer depends on the order ID. At /chat the first attempt of each
// order fails, and every attempt of "gone-…" fails. Callbacks of "no-…" are refused, those of "mend-…" are refused until
// repair is called, and those of "late-…" are answered as if the workflow no longer waited.
type receiver struct {
	url      string
	mu       sync.Mutex
	repaired bool
	links    map[string]string // by order ID
	seen     map[string]int    // attempts by path and order ID
}

// ServeHTTP implements http.Handler.
func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a body that was cut off contains no link
	order := orderForm.FindSubmatch(body)
	if order == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	id := string(order[1])
	kind, _, _ := strings.Cut(id, "-")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[r.URL.Path+id]++
	if link := linkForm.Find(body); link != nil {
		h.links[id] = string(link)
	}
	status := http.StatusNoContent
	switch {
	case r.URL.Path == "/chat" && kind == "gone":
		status = http.StatusGone
	case r.URL.Path == "/chat" && h.seen[r.URL.Path+id] == 1:
		status = http.StatusServiceUnavailable
	case r.URL.Path != "/answer":
	case kind == "no":
		status = http.StatusBadRequest
	case kind == "mend" && !h.repaired:
		status = http.StatusUnprocessableEntity
	case kind == "late":
		status = http.StatusGone
	}
	w.WriteHeader(status)
}

func (h *receiver) repair() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repaired = true
}

func (h *receiver) linkOf(order string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.links[order]
}
