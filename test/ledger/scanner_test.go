package ledger

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// userAgents lists programs that fetch links without a click of a person.
var userAgents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
	"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
	"Slack-ImgProxy (+https://api.slack.com/robots)",
	"Mozilla/5.0 (compatible; Googlebot/2.1)",
	"GoogleImageProxy",
	"facebookexternalhit/1.1",
	"Twitterbot/1.0",
	"LinkedInBot/1.0",
	"WhatsApp/2.23",
	"TelegramBot (like TwitterBot)",
	"Microsoft Office/16.0 (Microsoft Outlook)",
	"Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1) SafeLinks",
	"Barracuda Sentinel (EE)",
	"Proofpoint URL Defense",
	"Mimecast URL Protect",
	"SkypeUriPreview Preview/0.5",
	"Microsoft Teams LinkUnfurling",
	"curl/8.5.0",
	"python-requests/2.32",
	"Go-http-client/2.0",
}

// TestScanner shows that fetching a link never decides. Only the POST of the page's own form decides, with the values
// that the page contains.
func TestScanner(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{})
	if err := w.startProgram(); err != nil {
		t.Fatal(err)
	}
	n := chooseSize(1000, 120)
	all := make([]*scenario, n)
	for i := range all {
		all[i] = &scenario{order: fmt.Sprintf("S-%d", i), token: w.aws.StepFunctions.OpenTask(time.Hour, 0)}
		if err := all[i].sendRequest(t.Context(), w); err != nil {
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
	if !waitUntil(time.Minute, func() bool { return len(links()) == n }) {
		t.Fatalf("%d links of %d arrived", len(links()), n)
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
				req.Header.Set("User-Agent", userAgents[i%len(userAgents)])
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
		o, err := w.readPending(s)
		if err != nil || o.Approvals[0].Status != "pending" {
			t.Errorf("order %s: %+v %v", s.order, o, err)
		}
	}
	t.Logf("%d links, %d fetches, 0 decisions", n, fetched.Load())
	if calls := w.callLog.summary(); !strings.HasPrefix(calls, "0 calls") {
		t.Error(calls)
	}
}

// readPending reads an order that must have a single approval.
func (w *world) readPending(s *scenario) (orderView, error) {
	o, err := w.readOrder(s.order)
	if err == nil && len(o.Approvals) != 1 {
		err = errors.New("not recorded")
	}
	return o, err
}
