package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// capacityProxy stands between workers and DynamoDB Local. It asks for the capacity units of each call, and counts them
// and the calls.
type capacityProxy struct {
	url    string
	target string
	server *http.Server
	client *http.Client

	mu    sync.Mutex
	spent capacity
}

// capacity has the calls by operation, and the capacity units.
type capacity struct {
	calls       map[string]int
	read, write float64
}

func startCapacityProxy(target string) (*capacityProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &capacityProxy{
		url:    "http://" + l.Addr().String(),
		target: target,
		client: newClient(),
		spent:  capacity{calls: map[string]int{}},
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// leastRead are the units that DynamoDB bills for a read that finds no item. DynamoDB Local counts them as 0.
const leastRead = 0.5

// askForCapacity replaces the brace that begins the body of a call.
const askForCapacity = `{"ReturnConsumedCapacity":"TOTAL",`

// ServeHTTP passes a call on.
func (p *capacityProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if isMetered(operation) && !bytes.Contains(body, []byte(`"ReturnConsumedCapacity"`)) {
		body = append([]byte(askForCapacity), bytes.TrimPrefix(body, []byte("{"))...)
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	out.Header = r.Header.Clone()
	p.passOn(w, out, operation)
}

func (p *capacityProxy) passOn(w http.ResponseWriter, out *http.Request, operation string) {
	resp, err := p.client.Do(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	p.count(operation, answer)
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// isMetered reports whether DynamoDB tells the capacity units of an operation. Others are about whole tables.
func isMetered(operation string) bool {
	switch operation {
	case "GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems":
		return true
	case "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems":
		return true
	}
	return false
}

// count adds a call. Its units are an object, or a list of objects if several tables may be meant.
func (p *capacityProxy) count(operation string, answer []byte) {
	var used struct{ ConsumedCapacity json.RawMessage }
	_ = json.Unmarshal(answer, &used)
	type units struct{ CapacityUnits float64 }
	var each []units
	var single units
	if json.Unmarshal(used.ConsumedCapacity, &single) == nil {
		each = append(each, single)
	} else {
		_ = json.Unmarshal(used.ConsumedCapacity, &each)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent.calls[operation]++
	for _, u := range each {
		if strings.Contains(operation, "Get") || operation == "Query" || operation == "Scan" {
			p.spent.read += max(u.CapacityUnits, leastRead)
		} else {
			p.spent.write += u.CapacityUnits
		}
	}
}

// read returns the calls and units so far.
func (p *capacityProxy) read() capacity {
	p.mu.Lock()
	defer p.mu.Unlock()
	return capacity{calls: maps.Clone(p.spent.calls), read: p.spent.read, write: p.spent.write}
}

// since returns the calls and units after an earlier reading.
func (c capacity) since(before capacity) capacity {
	out := capacity{calls: map[string]int{}, read: c.read - before.read, write: c.write - before.write}
	for name, n := range c.calls {
		out.calls[name] = n - before.calls[name]
	}
	return out
}

// describe lists the calls.
func (c capacity) describe() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.calls)) {
		if n := c.calls[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	return strings.Join(parts, ", ")
}

// sum returns the number of calls.
func (c capacity) sum() (n int) {
	for _, k := range c.calls {
		n += k
	}
	return n
}
