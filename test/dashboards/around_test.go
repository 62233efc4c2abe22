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

// fault is what becomes of the calls of one action of SQS.
type fault struct {
	slow    time.Duration
	refused bool   // of a batch of deletes each entry, of anything else the call
	code    string // with which it is; not to be tried again by default
}

// front is AWS with faults of SQS.
type front struct {
	aws    *emulator.Server
	mu     sync.Mutex
	faults map[string]fault
}

func (f *front) set(action string, to fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[action] = to
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		refuse(w, r)
	default: // an error that no SDK tries again
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type": "com.amazonaws.sqs#%s", "message": "not now"}`, cmp.Or(is.code, "RequestThrottled2"))
	}
}

// refuse answers a batch of deletes of which none was carried out.
func refuse(w http.ResponseWriter, r *http.Request) {
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

// receiver takes notifications and callbacks. What it makes of one is in the
// order's name: at /chat the first attempt of each fails and "gone-…" never gets
// through; callbacks of "no-…" are refused, of "mend-…" until that is mended, of
// "late-…" nobody waits for.
type receiver struct {
	url    string
	mu     sync.Mutex
	mended bool
	links  map[string]string // by order ID
	seen   map[string]int    // attempts by path and order ID
}

// ServeHTTP implements http.Handler.
func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what was cut off has no link
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
	case kind == "mend" && !h.mended:
		status = http.StatusUnprocessableEntity
	case kind == "late":
		status = http.StatusGone
	}
	w.WriteHeader(status)
}

func (h *receiver) mend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mended = true
}

func (h *receiver) link(order string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.links[order]
}
