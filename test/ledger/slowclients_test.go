package ledger

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestSlowClients shows that clients that send slowly, too much, or nothing do not delay others.
func TestSlowClients(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{})
	if err := w.startProgram(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	n := chooseSize(1000, 300)
	for i := range n {
		slow.Go(func() { sendSlowly(ctx, w.public, i) })
	}
	time.Sleep(300 * time.Millisecond)
	var all []*scenario
	var v violations
	for i := range 40 {
		s := &scenario{
			order:    fmt.Sprintf("H-%d", i),
			overHTTP: true,
			way:      "webhook",
			outcome:  "approve",
			token:    w.aws.StepFunctions.OpenTask(time.Hour, 0),
		}
		if err := s.runScenario(ctx, w); err != nil {
			v.addf("%v", err)
		}
		all = append(all, s)
		large := bytes.NewReader(make([]byte, 3<<20))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.public+"/webhooks/erp", large)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := w.client.Do(req); err == nil { // the program may also close the connection
			if resp.StatusCode != http.StatusRequestEntityTooLarge && resp.StatusCode != http.StatusUnauthorized {
				v.addf("3 MiB got %d", resp.StatusCode)
			}
			_ = resp.Body.Close()
		}
	}
	w.waitUntilDrained(all, w.patience(), &v)
	w.checkRecords(all, &v)
	cancel()
	slow.Wait()
	t.Logf("%d healthy approvals beside %d slow clients; peak memory %d MiB", len(all), n, w.peakMemory()>>20)
	w.checkDatabase(&v)
	reportViolations(t, v)
}

// sendSlowly sends the headers or the body of a request byte by byte.
func sendSlowly(ctx context.Context, address string, i int) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer c.Close()
	text := "POST /webhooks/erp HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
	if i%2 == 0 { // an endless body, otherwise endless headers
		text += "\r\n"
	}
	if _, err := io.WriteString(c, text); err != nil {
		return
	}
	for ctx.Err() == nil {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
		pauseFor(ctx, 200*time.Millisecond)
	}
}
