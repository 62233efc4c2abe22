package app

import (
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/outbound"
)

// slackInteractions returns the handler of button presses in Slack, or nil if no channel has buttons.
func (a *App) slackInteractions(r *rules) *slack.Interactions {
	c := slack.InteractionsConfig{
		Buttons: a.links,
		Decider: a.decider,
		Orders:  a.store,
		Language: func(approver, workflow string) language.Tag {
			return r.config.Compiled.Preferences.OfReader(approver, workflow).Language
		},
		Organisation: r.config.Compiled.Organisation,
		Client: outbound.NewClient(outbound.ClientConfig{
			AllowInternal: true,
			IsOwnListener: a.listeners.has,
			Timeout:       callTimeout,
		}),
		Now:      a.clock.Now,
		Log:      a.log,
		Refusals: a.refusals,
		Observer: a.metrics,
	}
	for _, name := range sortedNames(r.config.Channels) {
		settings := r.config.Channels[name].SlackSettings()
		channel, ok := r.channels[name].Sender.(*slack.Channel)
		if !ok || settings == nil || !settings.HasButtons() {
			continue
		}
		c.Apps = append(c.Apps, slack.App{
			Verify:        settings.Verifier().Verify,
			Directory:     channel.Directory(),
			EditsMessages: channel.EditsMessages(),
			Open:          channel.OpenModal(),
		})
		c.Hosts = append(c.Hosts, settings.ResponseHosts...)
	}
	if len(c.Apps) == 0 {
		return nil
	}
	return slack.NewInteractions(c)
}
