package config

import (
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/setup"
)

// slackUser matches people.NAME.slack: the ID of a user, with the ID of the workspace or organisation if it is written.
var slackUser = regexp.MustCompile(`^([TE][A-Z0-9]+/)?[UW][A-Z0-9]+$`)

// warnSlackUsers reports Slack users that Slack does not have, such as a display name. It also reports users without a
// workspace where several Slack apps decide: a user ID is unique in its workspace only.
func (c *Config) warnSlackUsers(check *setup.Check) {
	apps := c.slackApps()
	for _, name := range sortedNames(c.People) {
		user := c.People[name].Slack
		at := check.At("people." + name)
		switch {
		case user == "":
		case !slackUser.MatchString(user):
			at.Warn("slack", "is not the ID of a Slack user, such as U0123ABCD or T0123ABCD/U0123ABCD; "+
				"the profile in Slack has it under \"Copy member ID\"")
		case apps > 1 && !strings.Contains(user, "/"):
			at.Warn("slack", "is believed of the members of %d Slack apps; TEAM/%s names the workspace", apps, user)
		}
	}
}

// slackApps counts the Slack apps whose buttons decide. Channels with the same token are one app.
func (c *Config) slackApps() int {
	apps := map[string]bool{}
	for _, channel := range c.Channels {
		if s := channel.SlackSettings(); s != nil && s.HasButtons() {
			apps[s.Token.Reveal()+s.WebhookURL.Reveal()] = true
		}
	}
	return len(apps)
}
