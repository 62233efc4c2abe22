package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// Thousands of deadlines within one second, with decisions that race them: each
// task is answered once, before its own timeout, and never faster than the limit.
func TestDeadlines(t *testing.T) {
	const rate, burst = 400, 100
	n := size(5000, 400)
	w := newWorld(t, program(t), settings{rate: rate, burst: burst})
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Duration(6+n/250) * time.Second)
	var all []*scenario
	var group errgroup.Group
	group.SetLimit(48)
	for i := range n {
		s := &scenario{order: fmt.Sprintf("D-%d", i), via: "api", outcome: "approve", conflict: true, ends: deadline.Add(90 * time.Second)}
		s.token = w.aws.StepFunctions.OpenTask(time.Until(s.ends), 0)
		all = append(all, s)
		body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"timeoutSeconds":%d,"approvalDeadline":%q}`, s.order, s.token, int(time.Until(s.ends).Seconds()),
			deadline.Add(time.Duration(i)*time.Second/time.Duration(n)).UTC().Format(time.RFC3339Nano))
		group.Go(func() error {
			status, text, err := w.call(t.Context(), "POST", "http://"+w.operator+"/v1/requests", apiToken, body)
			if err == nil && status != http.StatusAccepted {
				err = fmt.Errorf("request: %d %s", status, text)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if time.Now().After(deadline) {
		t.Log("this machine took until after the deadline to take the requests in: the race is not as close as it should be")
	}
	for _, s := range all[:n/2] { // around the second of the deadlines
		group.Go(func() error {
			time.Sleep(time.Until(deadline.Add(time.Duration(rand.IntN(1600)-300) * time.Millisecond)))
			return s.decide(t.Context(), w, "api", s.outcome, 200, 409)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	var v violations
	w.drained(all, 60*time.Second, &v)
	w.check(all, &v)
	w.rate(rate, burst, &v)
	outcomes := map[emulator.TaskState]int{}
	for _, s := range all {
		task, _ := w.aws.StepFunctions.FindTask(s.token)
		outcomes[task.State]++
	}
	t.Logf("%d deadlines: %v, %s", n, outcomes, w.book.summary())
	w.integrity(&v)
	report(t, v)
}

// bunching is by how much calls may come closer together than they were let go.
const bunching = 100 * time.Millisecond

// rate looks for a second of calls of one API that is above its limit.
func (w *world) rate(rate, burst int, v *violations) {
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	for action, times := range w.book.times {
		slices.SortFunc(times, time.Time.Compare)
		for i, from := range times {
			for _, span := range []int{rate / 4, rate, 3 * rate} { // calls after it
				j := i + burst + span
				if j < len(times) && times[j].Sub(from) < time.Duration(span)*time.Second/time.Duration(rate)-bunching {
					v.add("%d calls of %s within %s", j-i, action, times[j].Sub(from))
					return
				}
			}
		}
	}
}

// limitFiles sets how large files of the running program may be: a disk that is
// full, or free again.
func (w *world) limitFiles(most uint64) error {
	return unix.Prlimit(w.current().cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
}

// While the disk is full nothing is acknowledged that was not stored, and the
// program is not ready. When there is room again it goes on by itself.
func TestDiskFull(t *testing.T) {
	w := newWorld(t, program(t), settings{})
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []*scenario // acknowledged
	refused := 0
	ask := func(from, to int) {
		var group errgroup.Group
		group.SetLimit(16)
		for i := from; i < to; i++ {
			group.Go(func() error {
				s := &scenario{order: fmt.Sprintf("F-%d", i), via: "api", outcome: "approve", token: w.aws.StepFunctions.OpenTask(time.Hour, 0)}
				body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"note":%q}`, s.order, s.token, strings.Repeat("x", 500))
				status, _, err := w.once(t.Context(), "POST", "http://"+w.operator+"/v1/requests", apiToken, body)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && status == http.StatusAccepted {
					all = append(all, s)
				} else {
					refused++
				}
				return nil
			})
		}
		_ = group.Wait() // it counts by itself
	}
	ask(0, 100)
	if refused > 0 {
		t.Fatalf("%d were refused before the disk was full", refused)
	}
	log, err := os.Stat(w.database() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.limitFiles(uint64(log.Size()) + 200_000); err != nil {
		t.Fatal(err)
	}
	ask(100, 600)
	if refused == 0 {
		t.Fatal("the disk was not full")
	}
	stored := len(all)
	if w.ready() {
		t.Error("it is ready although the disk is full")
	}
	// What comes by the queue meanwhile stays there.
	late := &scenario{order: "F-queued", via: "api", outcome: "approve", token: w.aws.StepFunctions.OpenTask(time.Hour, 0)}
	if err := late.request(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	if waiting, _ := w.aws.SQS.CountMessages("orders"); waiting != 1 {
		t.Errorf("%d messages wait in the queue, want 1", waiting)
	}
	if err := w.limitFiles(unix.RLIM_INFINITY); err != nil {
		t.Fatal(err)
	}
	if !until(90*time.Second, w.ready) {
		t.Fatal("it does not recover")
	}
	ask(600, 700)
	all = append(all, late)
	var v violations
	for _, s := range all {
		if err := s.decide(t.Context(), w, "api", "approve", 200, 202); err != nil {
			v.add("%v", err)
		}
	}
	w.drained(all, 90*time.Second, &v)
	w.check(all, &v)
	w.integrity(&v)
	t.Logf("%d acknowledged, %d of them before the disk was free again, %d refused", len(all), stored, refused)
	report(t, v)
}

// A backlog: many approvals wait, then many decisions come at once. Memory stays
// bounded, and the API answers meanwhile.
func TestBacklog(t *testing.T) {
	w := newWorld(t, program(t), settings{})
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	requests, decisions := size(50000, 3000), size(20000, 1200)
	all := make([]*scenario, requests)
	var group errgroup.Group
	group.SetLimit(48)
	for i := range all {
		all[i] = &scenario{order: fmt.Sprintf("B-%d", i), http: i%2 == 0, via: []string{"topic", "webhook", "api"}[i%3], outcome: "approve", token: w.aws.StepFunctions.OpenTask(time.Hour, 0)}
		group.Go(func() error { return all[i].request(t.Context(), w) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	var v violations
	if !until(2*time.Minute, func() bool { n, _ := w.aws.SQS.CountMessages("orders"); return n == 0 }) {
		v.add("the requests are not taken in")
	}
	began := time.Now()
	var asked, slowest atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan violations, 1)
	go func() { // an operator looks, again and again
		var v violations
		defer func() { watched <- v }()
		for ctx.Err() == nil {
			at := time.Now()
			status, _, err := w.once(t.Context(), "GET", "http://"+w.operator+"/v1/orders?state=pending&limit=100", operatorToken, "")
			if err != nil || status != http.StatusOK {
				v.add("the API answers %d %v", status, err)
				return
			}
			slowest.Store(max(slowest.Load(), int64(time.Since(at))))
			asked.Add(1)
			pause(ctx, 100*time.Millisecond)
		}
	}()
	for _, s := range all[:decisions] {
		group.Go(func() error { return s.decide(t.Context(), w, s.via, s.outcome, 200) })
	}
	if err := group.Wait(); err != nil {
		v.add("%v", err)
	}
	w.drained(all[:decisions], 3*time.Minute, &v)
	took := time.Since(began)
	cancel()
	v = append(v, <-watched...)
	most := w.peakMemory()
	t.Logf("%d approvals wait, %d decided and answered in %.1f s; peak memory %d MiB; the API answered %d times, at the slowest in %s",
		requests, decisions, took.Seconds(), most>>20, asked.Load(), time.Duration(slowest.Load()).Round(time.Millisecond))
	if most > 256<<20 {
		v.add("%d MiB of memory", most>>20)
	}
	w.check(all[:min(decisions, 500)], &v)
	w.integrity(&v)
	report(t, v)
}

// peakMemory is the most that the process ever had in memory.
func (w *world) peakMemory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.current().cmd.Process.Pid))
	if err != nil {
		w.tb.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		w.tb.Fatal("no VmHWM")
	}
	kib, _ := strconv.Atoi(string(m[1]))
	return kib << 10
}

// agents are some of what fetches links that nobody has clicked.
var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
	"Slack-ImgProxy (+https://api.slack.com/robots)", "Mozilla/5.0 (compatible; Googlebot/2.1)", "GoogleImageProxy", "facebookexternalhit/1.1", "Twitterbot/1.0", "LinkedInBot/1.0", "WhatsApp/2.23",
	"TelegramBot (like TwitterBot)", "Microsoft Office/16.0 (Microsoft Outlook)", "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1) SafeLinks", "Barracuda Sentinel (EE)", "Proofpoint URL Defense", "Mimecast URL Protect",
	"SkypeUriPreview Preview/0.5", "Microsoft Teams LinkUnfurling", "curl/8.5.0", "python-requests/2.32", "Go-http-client/2.0",
}

// Whatever fetches links decides nothing: no method but the form's own POST does,
// and only with what the page had in it.
func TestScanner(t *testing.T) {
	w := newWorld(t, program(t), settings{})
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	n := size(1000, 120)
	all := make([]*scenario, n)
	for i := range all {
		all[i] = &scenario{order: fmt.Sprintf("S-%d", i), token: w.aws.StepFunctions.OpenTask(time.Hour, 0)}
		if err := all[i].request(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	links := func() []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		var out []string
		for _, link := range w.links {
			out = append(out, link)
		}
		return out
	}
	if !until(time.Minute, func() bool { return len(links()) == n }) {
		t.Fatalf("%d links of %d came", len(links()), n)
	}
	action := regexp.MustCompile(`(?:action|href|src)="([^"]*)"`)
	var fetched atomic.Int64
	var group errgroup.Group
	group.SetLimit(16)
	for i, link := range links() {
		group.Go(func() error {
			fetch := func(method, url string, header ...string) string {
				req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
				if err != nil {
					return ""
				}
				req.Header.Set("User-Agent", agents[i%len(agents)])
				for j := 0; j+1 < len(header); j += 2 {
					req.Header.Set(header[j], header[j+1])
				}
				resp, err := w.client.Do(req)
				if err != nil {
					return ""
				}
				defer resp.Body.Close()
				fetched.Add(1)
				b, _ := io.ReadAll(resp.Body)
				return string(b)
			}
			page := fetch("GET", link)
			if !strings.Contains(page, "<form") {
				return fmt.Errorf("no page: %.200s", page)
			}
			fetch("HEAD", link)
			fetch("OPTIONS", link, "Access-Control-Request-Method", "POST")
			fetch("GET", link, "Purpose", "prefetch", "Sec-Purpose", "prefetch;prerender")
			fetch("GET", link+"?outcome=approve&comment=ok")
			fetch("POST", link) // without the form
			for _, m := range action.FindAllStringSubmatch(page, -1) {
				to := m[1]
				if !strings.HasPrefix(to, "http") {
					to = "http://" + w.public + "/" + strings.TrimPrefix(to, "/")
				}
				if strings.HasPrefix(to, "http://"+w.public) {
					fetch("GET", to)
					fetch("GET", to+"?outcome=reject")
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		o, err := w.pending(s)
		if err != nil || o.Approvals[0].Status != "pending" {
			t.Errorf("order %s: %+v %v", s.order, o, err)
		}
	}
	t.Logf("%d links, %d fetches, 0 decisions", n, fetched.Load())
	if calls := w.book.summary(); !strings.HasPrefix(calls, "0 calls") {
		t.Error(calls)
	}
}

// pending reads an order that is to be pending.
func (w *world) pending(s *scenario) (orderView, error) {
	o, err := w.recordNow(s)
	if err == nil && len(o.Approvals) != 1 {
		err = errors.New("not recorded")
	}
	return o, err
}

// Clients that send slowly, too much, or nothing, do not keep others waiting.
func TestSlowClients(t *testing.T) {
	w := newWorld(t, program(t), settings{})
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	n := size(1000, 300)
	for i := range n {
		slow.Go(func() { sendSlowly(ctx, w.public, i) })
	}
	time.Sleep(300 * time.Millisecond)
	var all []*scenario
	var v violations
	for i := range 40 {
		s := &scenario{order: fmt.Sprintf("H-%d", i), http: true, via: "webhook", outcome: "approve", token: w.aws.StepFunctions.OpenTask(time.Hour, 0)}
		if err := s.run(ctx, w); err != nil {
			v.add("%v", err)
		}
		all = append(all, s)
		large := bytes.NewReader(make([]byte, 3<<20))
		req, err := http.NewRequestWithContext(ctx, "POST", "http://"+w.public+"/webhooks/erp", large)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := w.client.Do(req); err == nil { // it may also hang up
			if resp.StatusCode != http.StatusRequestEntityTooLarge && resp.StatusCode != http.StatusUnauthorized {
				v.add("3 MiB got %d", resp.StatusCode)
			}
			_ = resp.Body.Close()
		}
	}
	w.drained(all, 30*time.Second, &v)
	w.check(all, &v)
	cancel()
	slow.Wait()
	t.Logf("%d healthy approvals beside %d slow clients; peak memory %d MiB", len(all), n, w.peakMemory()>>20)
	w.integrity(&v)
	report(t, v)
}

// sendSlowly sends a request a byte at a time, its headers or its body.
func sendSlowly(ctx context.Context, address string, i int) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer c.Close()
	text := "POST /webhooks/erp HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
	if i%2 == 0 { // it never ends its headers, or never its body
		text += "\r\n"
	}
	if _, err := io.WriteString(c, text); err != nil {
		return
	}
	for ctx.Err() == nil {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
		pause(ctx, 200*time.Millisecond)
	}
}
