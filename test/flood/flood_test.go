package flood

import (
	"context"
	"flag"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	connections = flag.Int("connections", 400, "hostile connections; make flood opens 2,000")
	program     = flag.String("binary", "", "the built program; it is built if this is empty")
	duration    = flag.Duration("duration", 3*time.Second, "how long the flood lasts")
)

// TestFlood floods the public address, and meanwhile does what users do: an operator asks and reads by the API, a system
// sends signed decisions, and an approver opens the page of a link and decides there.
func TestFlood(t *testing.T) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur < uint64(*connections)+500 {
		t.Skipf("the limit of open files is %d (ulimit -n)", limit.Cur)
	}
	binary := *program
	if binary == "" {
		binary = build(t)
	}
	for _, c := range []struct {
		name        string
		tls         bool
		files       int // open files of the worker
		connections int
		attackers   []attacker
		maxRSS      int // in bytes
	}{
		{"http", false, 0, *connections, attackers(), maxRSS},
		// Each connection sends half of a body as fast as it can, and does so again a second after it was closed.
		{"bodies", false, 0, *connections, bodyAttackers(), maxRSS},
		// No handshake of the flood ever ends.
		{"https", true, 0, *connections, attackers(), maxRSS},
		{"few files", false, 300, min(*connections, 1000), attackers(), maxRSS},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, binary, c.tls, c.files)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := &flood{}
			f.start(ctx, w.public, c.connections, c.attackers)
			require.Eventually(t, func() bool { return f.opened.Load() >= int64(c.connections) }, time.Minute, 10*time.Millisecond,
				"opened %d, failed %d", f.opened.Load(), f.failed.Load())
			took := map[string][]time.Duration{}
			for began, n := time.Now(), 0; time.Since(began) < *duration || n < 5; n++ {
				w.useEverything(t, n, took)
			}
			t.Logf("%d hostile connections opened, %d open at the end", f.opened.Load(), f.open.Load())
			for _, step := range []string{"ask", "read", "webhook", "page", "decide"} {
				slices.Sort(took[step])
				all := took[step]
				t.Logf("%-8s %4d times, median %4d ms, longest %4d ms", step, len(all),
					all[len(all)/2].Milliseconds(), all[len(all)-1].Milliseconds())
			}
			peak := w.peakRSS(t)
			t.Logf("peak memory %d MiB", peak>>20)
			assert.Less(t, peak, c.maxRSS)
			assert.NotContains(t, w.output.String(), "panic")
		})
	}
}

var linkOnLog = regexp.MustCompile(`https?://\S+/a/\S+`)

// useEverything does once what each kind of user does, and keeps the times. The client gives each call a minute.
func (w *worker) useEverything(t *testing.T, n int, took map[string][]time.Duration) {
	t.Helper()
	step := func(name string, want int, method, url, body string, header ...string) string {
		t.Helper()
		began := time.Now()
		status, text, err := w.call(t.Context(), method, url, body, header...)
		took[name] = append(took[name], time.Since(began))
		require.NoError(t, err, "%s %d", name, n)
		require.Equal(t, want, status, "%s %d: %s", name, n, text)
		return text
	}
	bearer := []string{"Authorization", "Bearer " + operatorToken}
	operator, public := "http://"+w.operator, w.scheme+"://"+w.public
	ask := func(order string) {
		t.Helper()
		body := fmt.Sprintf(`{"orderId":%q,"taskToken":"token-%s","title":"Order"}`, order, order)
		step("ask", http.StatusAccepted, "POST", operator+"/v1/requests", body, bearer...)
	}
	byWebhook, byPage := fmt.Sprintf("W-%d", n), fmt.Sprintf("P-%d", n)
	ask(byWebhook)
	decision := fmt.Sprintf(`{"orderId":%q,"decision":"approve","decidedBy":"ann@example.com","pad":%q}`,
		byWebhook, strings.Repeat("x", 20<<10))
	step("webhook", http.StatusOK, "POST", public+"/webhooks/erp", decision,
		"X-Hub-Signature-256", sign(decision), "Content-Type", "application/json")

	seen := len(w.output.String())
	ask(byPage)
	var link string
	require.Eventually(t, func() bool {
		_, message, found := strings.Cut(w.output.String()[seen:], "Order: "+byPage+"\n")
		link = linkOnLog.FindString(message)
		return found && link != ""
	}, time.Minute, time.Millisecond)
	page := step("page", http.StatusOK, "GET", link, "")
	form := hiddenFields(page)
	form.Set("outcome", "approve")
	step("decide", http.StatusOK, "POST", link, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")

	for _, order := range []string{byWebhook, byPage} {
		require.Contains(t, step("read", http.StatusOK, "GET", operator+"/v1/orders/"+order, "", bearer...), `"approved"`)
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// hiddenFields returns the hidden fields of the form of a page.
func hiddenFields(page string) url.Values {
	form := url.Values{}
	for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return form
}
