package prometheus

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRunbookSections holds that the section of each alert begins with the effect on users and has an action. Its parts are
// always in the same order, so that a reader finds them at night.
func TestRunbookSections(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/runbook.md")
	require.NoError(t, err)
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = strings.TrimSpace(body)
	}
	part := regexp.MustCompile(`(?m)^\*\*(Users|Confirm|Meaning|Look and act|Look|Act|Do not)\b`)
	order := []string{"Users", "Confirm", "Meaning", "Look", "Act", "Look and act", "Do not"}
	for _, g := range groups() {
		for _, a := range g.alerts {
			body := sections[a.name]
			require.NotEmpty(t, body, a.name)
			at := 0
			var found []string
			for _, m := range part.FindAllStringSubmatch(body, -1) {
				for at < len(order) && order[at] != m[1] {
					at++
				}
				require.Less(t, at, len(order), "%s: %s is out of order", a.name, m[1])
				found = append(found, m[1])
			}
			require.Equal(t, "Users", found[0], a.name)
			require.Contains(t, found, "Meaning", a.name)
			require.Regexp(t, `(?m)^\*\*(Act|Look and act)\b`, body, a.name)
		}
	}
}
