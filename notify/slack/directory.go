package slack

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// Directory maps approvers to Slack users and back. The configuration takes precedence; other people are found by the
// e-mail address in their Slack profile. It is safe for concurrent use.
type Directory struct {
	api       *calls   // nil means that only the configuration is used
	teams     []string // the only workspaces and organisations whose members may decide; empty means those of the token
	users     map[approval.PersonID]slackUser
	approvers map[string][]configuredUser // by user ID
	now       func() time.Time

	userIDs    *cache[string]   // by e-mail address
	identities *cache[Identity] // by Presser
	homes      *cache[home]     // with a single entry
}

// slackUser is the Slack user of an approver, as people.NAME.slack has it: USER or TEAM/USER. A user ID is unique in its
// workspace only.
type slackUser struct {
	team string // workspace or organisation; empty if the configuration names none
	id   string
}

func parseSlackUser(text string) slackUser {
	if team, id, ok := strings.Cut(text, "/"); ok {
		return slackUser{team: team, id: id}
	}
	return slackUser{id: text}
}

// configuredUser is an approver of the configuration.
type configuredUser struct {
	team     string // as in slackUser
	approver string
}

func newDirectory(c Config, api *calls) *Directory {
	now := c.Now
	if now == nil {
		now = time.Now
	}
	d := &Directory{
		api:        api,
		teams:      c.Teams,
		users:      map[approval.PersonID]slackUser{},
		approvers:  map[string][]configuredUser{},
		now:        now,
		userIDs:    newCache[string](now),
		identities: newCache[Identity](now),
		homes:      newCache[home](now),
	}
	for id, text := range c.Users {
		user := parseSlackUser(text)
		d.users[id] = user
		d.approvers[user.id] = append(d.approvers[user.id], configuredUser{team: user.team, approver: string(id)})
	}
	return d
}

// errUnknown is the error of an approver who is not in Slack.
var errUnknown = errors.New("no Slack user is known for the approver")

// FindUser returns the Slack user ID of an approver. If there is none, the error is Permanent.
func (d *Directory) FindUser(ctx context.Context, approver string) (string, error) {
	id := approval.NewPersonID(approver)
	user, ok := d.users[id]
	if ok && user.team == "" || ok && d.api == nil {
		return user.id, nil
	}
	if ok {
		where, err := d.findHome(ctx)
		if err != nil {
			return "", err
		}
		if where.reaches(user.team, d.teams) {
			return user.id, nil
		}
	}
	if d.api == nil || !canLookUp(id) {
		return "", approval.Permanent(errUnknown)
	}
	return d.userIDs.get(string(id), func() (string, error) {
		var progress outbound.Progress
		user, err := d.api.userByEmail(progress.ObserveRequest(ctx), string(id))
		switch {
		case err != nil:
			return "", judgeError(ctx, &progress, err)
		case user.IsStranger, user.Deleted, user.IsBot:
			return "", approval.Permanent(errUnknown)
		}
		return user.ID, nil
	})
}

// canLookUp reports whether an approver's ID is an e-mail address, by which Slack can find a user.
func canLookUp(id approval.PersonID) bool { return strings.Contains(string(id), "@") }

// cachedUser returns the Slack user ID of an approver if it is known without a call to Slack, or the empty text.
func (d *Directory) cachedUser(approver string) string {
	id := approval.NewPersonID(approver)
	if user, ok := d.users[id]; ok && user.team == "" {
		return user.id
	}
	return d.userIDs.peek(string(id))
}
