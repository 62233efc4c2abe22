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

// Directory maps approvers to Slack users and back. The configuration takes precedence; other people are found by the
// e-mail address in their Slack profile. It is safe for concurrent use.
type Directory struct {
	api       func() *slack.Client // nil means that only the configuration is used
	users     map[approval.PersonID]string
	approvers map[string]string // by user ID
	now       func() time.Time

	mu    sync.Mutex
	cache map[string]cachedID // by e-mail address, or by user ID and team
}

// cachedID is the result of a lookup in Slack.
type cachedID struct {
	id      string
	expires time.Time
}

// cacheTime is the time for which a lookup is valid. A person who leaves can no longer press a button in Slack, so the
// delay does no harm.
const cacheTime = 10 * time.Minute

// maxCached bounds the number of lookups in memory.
const maxCached = 10000

func newDirectory(api func() *slack.Client, users map[approval.PersonID]string, now func() time.Time) *Directory {
	if now == nil {
		now = time.Now
	}
	d := &Directory{
		api:       api,
		users:     users,
		approvers: map[string]string{},
		now:       now,
		cache:     map[string]cachedID{},
	}
	for id, user := range users {
		d.approvers[user] = string(id)
	}
	return d
}

// errUnknown is the error of an approver who is not in Slack.
var errUnknown = errors.New("no Slack user is known for the approver")

// FindUser returns the Slack user ID of an approver. If there is none, the error is Permanent.
func (d *Directory) FindUser(ctx context.Context, approver string) (string, error) {
	id := approval.NewPersonID(approver)
	if user, ok := d.users[id]; ok {
		return user, nil
	}
	if d.api == nil || !canLookUp(id) {
		return "", approval.Permanent(errUnknown)
	}
	return d.fromCache(string(id), func() (string, error) {
		var progress outbound.Progress
		user, err := d.api().GetUserByEmailContext(progress.ObserveRequest(ctx), string(id))
		if err != nil {
			return "", judgeError(ctx, &progress, err)
		}
		return user.ID, nil
	})
}

// canLookUp reports whether an approver's ID is an e-mail address, by which Slack can find a user.
func canLookUp(id approval.PersonID) bool { return strings.Contains(string(id), "@") }

// cachedUser returns the Slack user ID of an approver if it is known without a call to Slack, or the empty text.
func (d *Directory) cachedUser(approver string) string {
	id := approval.NewPersonID(approver)
	if user, ok := d.users[id]; ok {
		return user
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cache[string(id)].id
}

// FindApprover returns the approver ID of a Slack user: from the configuration, or the e-mail address that Slack has
// confirmed for a member of the team. Any other user gets an ID that no approver has ("slack:" and the user ID), and can
// decide only approvals that are open to everybody.
func (d *Directory) FindApprover(ctx context.Context, user, team string) (string, error) {
	if id, ok := d.approvers[user]; ok {
		return id, nil
	}
	if d.api == nil {
		return "slack:" + user, nil
	}
	return d.fromCache(user+" "+team, func() (string, error) {
		var progress outbound.Progress
		info, err := d.api().GetUserInfoContext(progress.ObserveRequest(ctx), user)
		switch {
		case err != nil:
			return "", judgeError(ctx, &progress, err)
		case info.Deleted, info.IsBot, info.IsStranger, info.TeamID != team, info.Profile.Email == "":
			return "slack:" + user, nil
		}
		return info.Profile.Email, nil
	})
}

// fromCache returns the cached result of a lookup, or makes the lookup and caches its result.
func (d *Directory) fromCache(key string, lookUp func() (string, error)) (string, error) {
	d.mu.Lock()
	cached, ok := d.cache[key]
	d.mu.Unlock()
	if ok && cached.expires.After(d.now()) {
		return cached.id, nil
	}
	id, err := lookUp()
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.cache) >= maxCached {
		clear(d.cache)
	}
	d.cache[key] = cachedID{id: id, expires: d.now().Add(cacheTime)}
	return id, nil
}
