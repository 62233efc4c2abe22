package browser

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var linkOfDemo = regexp.MustCompile(`http://\S+/a/\S+`)

// startDemo runs the command demo. It returns the link that the demo prints, and a function that waits for the demo's
// end and returns the rest of what it prints.
func startDemo(t *testing.T) (link string, rest func() string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "approval-relay")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/approval-relay").CombinedOutput()
	require.NoError(t, err, "%s", output)
	demo := exec.CommandContext(t.Context(), binary, "demo", "--wait=2m")
	printed, err := demo.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, demo.Start())
	lines := bufio.NewScanner(printed)
	for link == "" && lines.Scan() {
		link = linkOfDemo.FindString(lines.Text())
	}
	require.NotEmpty(t, link)
	return link, func() string {
		var text strings.Builder
		for lines.Scan() {
			text.WriteString(lines.Text() + "\n")
		}
		require.NoError(t, demo.Wait())
		return text.String()
	}
}

// pictureOfPage returns a picture of the whole page. The window is as high as the page, so that the bar of buttons does not
// cover it.
func pictureOfPage(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	perform(t, ctx, chromedp.EmulateViewport(760, 600))
	height := evaluate(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	perform(t, ctx, chromedp.EmulateViewport(760, height))
	return evaluate(t, ctx, chromedp.CaptureScreenshot())
}

// requireWholeWords requires that no button breaks a word: each is at least as wide as its longest word.
func requireWholeWords(t *testing.T, ctx context.Context) {
	t.Helper()
	broken := evaluate(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll(".bar button")].filter(b => {
	  const copy = b.cloneNode(true);
	  copy.style.cssText = "position: absolute; width: min-content; flex: none; max-width: none; overflow-wrap: normal";
	  b.parentNode.append(copy);
	  const isBroken = copy.offsetWidth > b.offsetWidth + 1;
	  copy.remove();
	  return isBroken;
	}).map(b => b.innerText).join(", ")`))
	require.Empty(t, broken)
}

// TestDemo decides the demo's request in a browser: on a desktop, on a phone, and in German.
func TestDemo(t *testing.T) {
	t.Parallel()
	ctx := startBrowser(t)
	link, rest := startDemo(t)
	perform(t, ctx, chromedp.EmulateViewport(760, 900), chromedp.Navigate(link))
	waitForText(t, ctx, "Waiting for your decision")
	for _, text := range []string{
		"Example Ltd", "1,250.00 EUR", "Office chair", "shop.example.com", "Approve up to a limit", "Send back",
	} {
		waitForText(t, ctx, text)
	}
	picture(t, "pending", pictureOfPage(t, ctx))
	perform(t, ctx, chromedp.EmulateViewport(360, 740))
	requireWholeWords(t, ctx)
	picture(t, "phone", evaluate(t, ctx, chromedp.CaptureScreenshot()))

	german := openTab(t, ctx)
	perform(t, german, chromedp.EmulateViewport(760, 900))
	agent := evaluate(t, german, chromedp.Evaluate[string](`navigator.userAgent`))
	_, err := chromedp.Call(german, emulation.SetUserAgentOverride,
		emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: "de-DE"})
	require.NoError(t, err)
	perform(t, german, chromedp.Navigate(link))
	waitForText(t, german, "Bis zu einem Betrag genehmigen")
	requireWholeWords(t, german)
	picture(t, "german", pictureOfPage(t, german))
	perform(t, german, chromedp.EmulateViewport(360, 740))
	requireWholeWords(t, german)
	picture(t, "german-phone", evaluate(t, german, chromedp.CaptureScreenshot()))

	perform(t, ctx, chromedp.EmulateViewport(760, 900), chromedp.Click(`button[value="approve_up_to"]`))
	waitForText(t, ctx, "Limit in EUR")
	perform(t, ctx, chromedp.SetValue(`[name="value.limit"]`, "9000"), chromedp.Click(`button[value="approve_up_to"]`))
	waitForText(t, ctx, "Please correct this")
	picture(t, "form", pictureOfPage(t, ctx))
	perform(t, ctx, chromedp.SetValue(`[name="value.limit"]`, "1000"), chromedp.SendKeys("#comment", "fine by me"),
		chromedp.Click(`button[value="approve_up_to"]`))
	waitForText(t, ctx, "You chose “Approve up to a limit”")
	picture(t, "approved", pictureOfPage(t, ctx))
	require.Contains(t, rest(), `"values":{"limit":1000}`)
}
