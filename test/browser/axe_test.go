package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axeVersion is the version of axe-core that scripts/need-tools fetches.
const axeVersion = "axe-core-4.14.1"

// readAxe returns the source of axe-core. Without it the test is skipped.
func readAxe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(cache, "approval-relay", axeVersion, "package", "axe.min.js"))
	if err != nil {
		t.Skipf("%s is not installed: scripts/need-tools fetches it", axeVersion)
	}
	return string(source)
}

// violation is a rule of axe that a page breaks, with the elements.
type violation struct {
	Rule  string
	Nodes []string
}

// runAxe returns the violations of a page: the rules of WCAG 2.2, levels A and AA, and axe's best practices.
func runAxe(t *testing.T, ctx context.Context, source string) []violation {
	t.Helper()
	script := `(async () => {
  if (!window.axe) { ` + source + ` }
  const found = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]});
  return JSON.stringify(found.violations.map(v => ({Rule: v.id, Nodes: v.nodes.map(n => n.html.slice(0, 160) + " " + (n.any[0] || n.all[0] || n.none[0] || {}).message)})));
})()`
	text := evaluate(t, ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	var found []violation
	require.NoError(t, json.Unmarshal([]byte(text), &found))
	return found
}

// screen is a size of the window, and its scheme of colours.
type screen struct {
	width, height int64
	scheme        string
}

func (s screen) String() string { return fmt.Sprintf("%d×%d %s", s.width, s.height, s.scheme) }

// screens are those of a desktop, of a phone, and of a page that is magnified four times (WCAG 2.2, 1.4.10).
func screens() []screen {
	var all []screen
	for _, scheme := range []string{"light", "dark"} {
		all = append(all, screen{1180, 900, scheme}, screen{360, 740, scheme}, screen{320, 256, scheme})
	}
	return all
}

// use sets the browser to the screen.
func (s screen) use(t *testing.T, ctx context.Context) {
	t.Helper()
	perform(t, ctx, chromedp.EmulateViewport(s.width, s.height))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}},
	})
	require.NoError(t, err)
}

// TestAxeFindsViolations shows that the check finds what it is for.
func TestAxeFindsViolations(t *testing.T) {
	t.Parallel()
	source, ctx := readAxe(t), startBrowser(t)
	perform(t, ctx, chromedp.Navigate(`data:text/html,<html><body><p style="color:%23eee">pale</p><input></body></html>`))
	var rules []string
	for _, v := range runAxe(t, ctx, source) {
		rules = append(rules, v.Rule)
	}
	require.Subset(t, rules, []string{"color-contrast", "html-has-lang", "label"})
}
