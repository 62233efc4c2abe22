package app

import (
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/teams"
)

// teamsMessages returns the handler of what the bots of Microsoft Teams are sent, or nil if no channel has a bot.
func (a *App) teamsMessages(r *rules) *teams.Messages {
	compiled := r.config.Compiled
	c := teams.MessagesConfig{
		Buttons:  a.links,
		Decider:  a.decider,
		Orders:   a.store,
		Observer: a.metrics,
		Person: func(name string) (string, bool) {
			if id, isAlias := compiled.People.Aliases[approval.NewPersonID(name)]; isAlias {
				return id, true
			}
			_, known := compiled.People.Persons[approval.NewPersonID(name)]
			return name, known
		},
		Dress: func(m *approval.Message, person string) {
			reader := compiled.Preferences.OfReader(person, m.Workflow)
			m.Language, m.Zone = reader.Language, reader.Zone
			m.SentAt, m.Organisation = a.clock.Now(), compiled.Organisation
		},
		Now:      a.clock.Now,
		Log:      a.log,
		Refusals: a.refusals,
	}
	for _, name := range sortedNames(r.config.Channels) {
		if bot, ok := r.channels[name].Sender.(*teams.Bot); ok && r.config.Channels[name].IsTeamsBot() {
			c.Bots = append(c.Bots, bot)
		}
	}
	if len(c.Bots) == 0 {
		return nil
	}
	return teams.NewMessages(c)
}
