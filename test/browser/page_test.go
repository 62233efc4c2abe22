package browser

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

var pictures = flag.Bool("pictures", false, "write the pictures of docs/pictures anew")

// picture keeps a screenshot for people to look at.
func picture(t *testing.T, name string, png []byte) {
	t.Helper()
	require.Greater(t, len(png), 5000, "something is on it")
	if *pictures {
		require.NoError(t, os.WriteFile(filepath.Join("../../docs/pictures", name+".png"), png, 0o600))
	}
}

func TestApprovers(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)

	// Approve with a comment. A second click and a reload have no effect.
	link := s.requestApproval("A-1001", "alan@example.com")
	perform(t, ctx, chromedp.Navigate(link))
	waitForText(t, ctx, "Waiting for your decision")
	perform(t, ctx, chromedp.SendKeys("#comment", "fine by me"), chromedp.Click("button.approve"))
	waitForText(t, ctx, "There is nothing left to decide")
	require.Equal(t, approval.Approved, s.statusOf("A-1001"))
	perform(t, ctx, chromedp.Reload())
	waitForText(t, ctx, "There is nothing left to decide")
	require.False(t, evaluate(t, ctx, chromedp.Evaluate[bool](`!!document.querySelector("button")`)))

	// Reject.
	perform(t, ctx, chromedp.Navigate(s.requestApproval("A-1002", "alan@example.com")), chromedp.Click("button.reject"))
	waitForText(t, ctx, "You rejected this")
	require.Equal(t, approval.Rejected, s.statusOf("A-1002"))

	// An expired approval, a superseded approval, and a person who is not an approver.
	old := s.requestApproval("A-1003", "alan@example.com")
	s.requestApproval("A-1003", "alan@example.com", func(a *approval.Request) { a.Token = approval.NewToken("again") })
	perform(t, ctx, chromedp.Navigate(old))
	waitForText(t, ctx, "The workflow has sent a newer request")
	picture(t, "replaced", evaluate(t, ctx, chromedp.FullScreenshot(100)))
	perform(t, ctx, chromedp.Navigate(s.requestApproval("A-1004", "")))
	waitForText(t, ctx, "Please sign in to decide")
	late := s.requestApproval("A-1005", "alan@example.com")
	s.now = s.now.Add(72 * time.Hour)
	perform(t, ctx, chromedp.Navigate(late))
	waitForText(t, ctx, "This link has expired")
	picture(t, "expired", evaluate(t, ctx, chromedp.FullScreenshot(100)))
}

// TestTwoPeopleAtOnce opens the page for two approvers. The second decision contradicts the first.
func TestTwoPeopleAtOnce(t *testing.T) {
	t.Parallel()
	one, s := startBrowser(t), newSite(t)
	other := openTab(t, one)
	mine := s.requestApproval("A-1", "alan@example.com")
	var theirs string
	require.NoError(t, s.store.Update(t.Context(), "A-1", func(o *approval.Order) error {
		theirs = s.links.URL(o.LinkCapability(o.Approvals[0], "barbara@example.com"))
		return nil
	}))
	perform(t, one, chromedp.Navigate(mine))
	perform(t, other, chromedp.Navigate(theirs))
	perform(t, one, chromedp.Click("button.approve"))
	waitForText(t, one, "was approved on")
	perform(t, other, chromedp.Click("button.reject"))
	waitForText(t, other, "it contradicts an earlier decision")
	require.Equal(t, approval.Approved, s.statusOf("A-1"))
	picture(t, "already-decided", evaluate(t, other, chromedp.FullScreenshot(100)))
}

// TestSignIn opens the link of a group. A visitor signs in, and only approvers can decide.
func TestSignIn(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)
	link := s.requestApproval("A-1", "", func(a *approval.Request) { a.MinAssurance = approval.AssuranceSSO })
	s.oidc.SignInAs("eve@example.com")
	perform(t, ctx, chromedp.Navigate(link))
	waitForText(t, ctx, "Please sign in to decide")
	picture(t, "sign-in", evaluate(t, ctx, chromedp.FullScreenshot(100)))
	perform(t, ctx, chromedp.Click(`//a[@class="go"]`))
	waitForText(t, ctx, "You are signed in as eve@example.com, who is not an approver of this request")
	picture(t, "wrong-person", evaluate(t, ctx, chromedp.FullScreenshot(100)))
	require.False(t, evaluate(t, ctx, chromedp.Evaluate[bool](`!!document.querySelector("form")`)))

	s.oidc.SignInAs("barbara@example.com") // an approver
	perform(t, ctx, chromedp.Click(`//a[@class="go"]`))
	waitForText(t, ctx, "Waiting for your decision")
	perform(t, ctx, chromedp.Click("button.approve"))
	waitForText(t, ctx, "was approved on")
	o, err := s.store.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.Equal(t, approval.ViaSSO, o.Approvals[0].Votes[0].Via)
	require.Equal(t, "barbara@example.com", o.Approvals[0].Votes[0].By)
}

// TestOtherSites attacks the page from another site, even with the nonce of the form.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)
	link := s.requestApproval("A-1", "alan@example.com")
	perform(t, ctx, chromedp.Navigate(link))
	nonce := evaluate(t, ctx, chromedp.Evaluate[string](`document.querySelector("[name=nonce]").value`))
	shown := evaluate(t, ctx, chromedp.Evaluate[string](`document.querySelector("[name=shown]").value`))
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/form": // with a stolen nonce
			_, _ = w.Write(
				[]byte(
					`<body><form id="f" method="post" action="` + link + `"><input name="outcome" value="approve"><input name="nonce" value="` + nonce +
						`"><input name="shown" value="` + shown + `"><button>x</button></form><script>document.getElementById("f").submit()</script>`,
				),
			)
		case "/frame":
			_, _ = w.Write([]byte(`<body>a frame<iframe id="i" src="` + link + `" width="600" height="600"></iframe>`))
		case "/preview":
			_, _ = w.Write(
				[]byte(
					`<head><link rel="prefetch" href="` + link + `"></head><body>a preview<img src="` + link + `"><script>fetch("` + link + `",{mode:"no-cors"});fetch("` + link +
						`",{method:"POST",mode:"no-cors",body:new URLSearchParams({outcome:"approve"})}).finally(()=>document.body.append("tried"))</script>`,
				),
			)
		}
	}))
	defer evil.Close()
	address := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1) // another site

	perform(t, ctx, chromedp.Navigate(address+"/form"))
	waitForText(t, ctx, "This came from another site")
	perform(t, ctx, chromedp.Navigate(address+"/frame"))
	waitForText(t, ctx, "a frame")
	require.Equal(
		t,
		0,
		evaluate(
			t,
			ctx,
			chromedp.Evaluate[int](
				`(()=>{try{return document.getElementById("i").contentDocument?.querySelectorAll("button").length||0}catch(e){return 0}})()`,
			),
		),
	)
	perform(t, ctx, chromedp.Navigate(address+"/preview"))
	waitForText(t, ctx, "tried")
	require.Equal(t, approval.Pending, s.statusOf("A-1"))

	perform(t, ctx, chromedp.Navigate(link), chromedp.Click("button.approve")) // the page's own form still works
	waitForText(t, ctx, "was approved on")
}

// TestNarrowScreen uses a narrow screen. The page must not scroll sideways, and buttons must be large enough (WCAG 2.2,
// 1.4.10 and 2.5.8).
func TestNarrowScreen(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)
	link := s.requestApproval("A-1001-"+strings.Repeat("x", 200), "alan@example.com", func(a *approval.Request) {
		a.Title = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 4)
		a.Details = append(a.Details, approval.Field{Name: "A long one", Value: strings.Repeat("9", 300)})
	})
	perform(t, ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(link))
	waitForText(t, ctx, "Waiting for your decision")
	require.LessOrEqual(t, evaluate(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)), 320)
	for _, b := range []string{"button.approve", "button.reject"} {
		require.GreaterOrEqual(
			t,
			evaluate(t, ctx, chromedp.Evaluate[float64](`document.querySelector("`+b+`").getBoundingClientRect().height`)),
			24.0,
		)
	}
}

// TestKeyboard uses only the keyboard. Every control must be reachable in reading order, show its focus, and work.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)
	perform(t, ctx, chromedp.Navigate(s.requestApproval("A-1", "alan@example.com")))
	waitForText(t, ctx, "Waiting for your decision")
	var reached []string
	for range 3 {
		perform(t, ctx, chromedp.KeyEvent("\t"))
		reached = append(
			reached,
			evaluate(t, ctx, chromedp.Evaluate[string](`document.activeElement.id || document.activeElement.value`)),
		)
		require.NotEqual(
			t,
			"none 0px",
			evaluate(
				t,
				ctx,
				chromedp.Evaluate[string](`(s=>s.outlineStyle+" "+s.outlineWidth)(getComputedStyle(document.activeElement))`),
			),
		)
	}
	require.Equal(t, []string{"comment", "approve", "reject"}, reached)
	perform(t, ctx, chromedp.KeyEvent("\r"))
	waitForText(t, ctx, "was rejected on")
}

// contrastScript computes the contrast of every visible text on the page and lists texts below level AA of WCAG 2.2
// (4.5 to 1, or 3 to 1 for large text).
const contrastScript = `(() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
  const bad = []; let seen = 0;
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const s = getComputedStyle(e), a = light(parse(s.color)), b = light(behind(e)); seen++;
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(s.fontSize);
    if (ratio < (size >= 24 || (size >= 18.66 && s.fontWeight >= 700) ? 3 : 4.5)) bad.push(e.tagName + " " + ratio.toFixed(2));
  }
  return JSON.stringify({seen, bad});
})()`

func TestContrastAndNames(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)
	link := s.requestApproval("A-1", "alan@example.com")
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(
			ctx,
			emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}},
		)
		require.NoError(t, err)
		perform(t, ctx, chromedp.Navigate(link))
		var found struct {
			Seen int
			Bad  []string
		}
		require.NoError(t, json.Unmarshal([]byte(evaluate(t, ctx, chromedp.Evaluate[string](contrastScript))), &found))
		require.Empty(t, found.Bad, scheme)
		require.Greater(t, found.Seen, 15)
	}
	names := evaluate(
		t,
		ctx,
		chromedp.Evaluate[string](
			`JSON.stringify([...document.querySelectorAll("textarea, button, input:not([type=hidden])")].filter(e => e.checkVisibility()).map(e => (e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText).trim()))`,
		),
	)
	require.Equal(t, `["Comment (optional, is kept with your decision)","Approve","Reject"]`, names)
	require.Equal(t, "en", evaluate(t, ctx, chromedp.Evaluate[string](`document.documentElement.lang`)))
	require.Equal(t, 1, evaluate(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("h1").length`)))
	require.Equal(t, 0, evaluate(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("script").length`)))
}
