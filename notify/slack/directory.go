package slack

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// Directory says who is who: which Slack user an approver is, and the other way
// round. What is configured comes first; else it is the e-mail address that
// Slack knows. It is safe for concurrent use.
type Directory struct {
	api       func() *slack.Client // nil asks nobody
	users     map[approval.PersonID]string
	approvers map[string]string // by user ID
	now       func() time.Time

	mu     sync.Mutex
	looked map[string]looked // by e-mail address, or user ID and team
}

// looked is an answer of Slack's.
type looked struct {
	found string
	until time.Time
}

// lookupTTL is how long an answer is believed: who leaves can press no more, and
// is no longer an approver, long before.
const lookupTTL = 10 * time.Minute

// maxLooked bounds what is remembered.
const maxLooked = 10000

func newDirectory(api func() *slack.Client, users map[approval.PersonID]string, now func() time.Time) *Directory {
	if now == nil {
		now = time.Now
	}
	d := &Directory{
		api:       api,
		users:     users,
		approvers: map[string]string{},
		now:       now,
		looked:    map[string]looked{},
	}
	for id, user := range users {
		d.approvers[user] = string(id)
	}
	return d
}

// errNobody is an approver that Slack does not know.
var errNobody = errors.New("no Slack user is known for the approver")

// User returns the user ID of an approver. It is Permanent that there is none.
func (d *Directory) User(ctx context.Context, approver string) (string, error) {
	id := approval.NewPersonID(approver)
	if user, ok := d.users[id]; ok {
		return user, nil
	}
	if d.api == nil || !strings.Contains(string(id), "@") {
		return "", approval.Permanent(errNobody)
	}
	return d.remember(string(id), func() (string, error) {
		var progress outbound.Progress
		user, err := d.api().GetUserByEmailContext(progress.Observe(ctx), string(id))
		if err != nil {
			return "", judge(ctx, &progress, err)
		}
		return user.ID, nil
	})
}

// known returns the user ID of an approver where that takes no call.
func (d *Directory) known(approver string) string {
	id := approval.NewPersonID(approver)
	if user, ok := d.users[id]; ok {
		return user
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.looked[string(id)].found
}

// Approver returns who a user is: the configured approver, or the e-mail address
// that Slack has confirmed for a member of that team. A user who is neither has
// no name here, and can decide only what everybody may.
func (d *Directory) Approver(ctx context.Context, user, team string) (string, error) {
	if id, ok := d.approvers[user]; ok {
		return id, nil
	}
	if d.api == nil {
		return "slack:" + user, nil
	}
	return d.remember(user+" "+team, func() (string, error) {
		var progress outbound.Progress
		info, err := d.api().GetUserInfoContext(progress.Observe(ctx), user)
		switch {
		case err != nil:
			return "", judge(ctx, &progress, err)
		case info.Deleted, info.IsBot, info.IsStranger, info.TeamID != team, info.Profile.Email == "":
			return "slack:" + user, nil
		}
		return info.Profile.Email, nil
	})
}

func (d *Directory) remember(key string, look func() (string, error)) (string, error) {
	d.mu.Lock()
	before, ok := d.looked[key]
	d.mu.Unlock()
	if ok && before.until.After(d.now()) {
		return before.found, nil
	}
	found, err := look()
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.looked) >= maxLooked {
		clear(d.looked)
	}
	d.looked[key] = looked{found, d.now().Add(lookupTTL)}
	return found, nil
}
