package teams

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
)

// Times and bounds of the members that are remembered.
const (
	memberTime = 10 * time.Minute
	maxMembers = 10_000
)

// identity is who pressed a button.
type identity struct {
	// names are the names by which approvals may know the person: an alias of the configuration, or the e-mail address
	// and the user principal name. A person without any of them has a name that no approver has, "teams:" and the object
	// ID, and can decide only approvals that are open to everybody.
	names []string
	// doubt is the reason why the address of the person is not believed. It is nil for a person who is known.
	doubt *denial
}

// member is a member of a conversation as the Bot Connector describes it
// (https://learn.microsoft.com/microsoftteams/platform/bots/how-to/get-teams-context).
type member struct {
	ObjectID          string `json:"objectId"`
	AADObjectID       string `json:"aadObjectId"`
	Email             string `json:"email"`
	UserPrincipalName string `json:"userPrincipalName"`
	TenantID          string `json:"tenantId"`
	UserRole          string `json:"userRole"`
}

// directory finds the people who press buttons. It is safe for concurrent use.
type directory struct {
	connector    *connector
	tenant       string
	conversation string
	now          func() time.Time

	mu      sync.Mutex
	members map[string]cachedMember
}

type cachedMember struct {
	member  member
	expires time.Time
}

func newDirectory(c BotConfig, api *connector) *directory {
	return &directory{
		connector:    api,
		tenant:       c.Tenant,
		conversation: c.Conversation,
		now:          c.Now,
		members:      map[string]cachedMember{},
	}
}

// find returns who pressed a button. The person is an alias that the configuration names, or a member of the tenant with
// the address that Teams tells. People of other tenants may be members of a conversation too, so they are refused, and the
// address of a guest is not believed: its owner is another organisation. The error is a *denial if the person may not
// decide here; any other error is temporary.
func (d *directory) find(ctx context.Context, a *activity, isAlias func(name string) bool) (identity, error) {
	object := a.From.AADObjectID
	switch {
	case !guid.MatchString(object):
		return identity{}, deny(refusal.Missing, "from.aadObjectId",
			"the activity names no person of Microsoft Entra", "teams.refused.unknown")
	case !strings.EqualFold(a.ChannelData.Tenant.ID, d.tenant):
		return identity{}, deny(refusal.Forbidden, "channelData.tenant.id",
			"the person pressed in another tenant than channels.NAME.teams.tenant", "teams.refused.foreign")
	case isAlias(object):
		return identity{names: []string{object}}, nil
	}
	unnamed := "teams:" + strings.ToLower(object)
	m, err := d.findMember(ctx, a.From.ID)
	if errors.Is(err, errAbsent) {
		return identity{}, deny(refusal.Forbidden, "from.id", "the person is no member of the conversation", "teams.refused.unknown")
	}
	if err != nil {
		return identity{}, err
	}
	if !m.isFrom(object, d.tenant) {
		return identity{}, deny(refusal.Forbidden, "from.aadObjectId",
			"the member whom Teams describes is another person, or of another tenant", "teams.refused.foreign")
	}
	if m.isGuest() {
		return identity{names: []string{unnamed}, doubt: deny(refusal.Forbidden, "userRole",
			"the person is a guest: the address counts for nobody; people.NAME.aliases can name the object ID",
			"teams.refused.guest")}, nil
	}
	var names []string
	for _, name := range []string{m.Email, m.UserPrincipalName} {
		if strings.Contains(name, "@") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return identity{names: []string{unnamed}, doubt: deny(refusal.Missing, "email",
			"no address of the person is known; people.NAME.aliases can name the object ID", "teams.refused.unknown")}, nil
	}
	return identity{names: names}, nil
}

// isFrom reports whether the description is that of a person of a tenant.
func (m member) isFrom(object, tenant string) bool {
	for _, id := range []string{m.ObjectID, m.AADObjectID} {
		if id != "" && !strings.EqualFold(id, object) {
			return false
		}
	}
	return (m.ObjectID != "" || m.AADObjectID != "") && (m.TenantID == "" || strings.EqualFold(m.TenantID, tenant))
}

// isGuest reports whether the account of a person belongs to somebody outside of the organisation. Microsoft Entra marks
// the principal name of such an account.
func (m member) isGuest() bool {
	return m.UserRole != "" && !strings.EqualFold(m.UserRole, "user") && !strings.EqualFold(m.UserRole, "owner") ||
		strings.Contains(strings.ToUpper(m.UserPrincipalName), "#EXT#")
}

// findMember asks the Bot Connector for a member, unless it is known.
func (d *directory) findMember(ctx context.Context, id string) (member, error) {
	d.mu.Lock()
	known, ok := d.members[id]
	d.mu.Unlock()
	if ok && d.now().Before(known.expires) {
		return known.member, nil
	}
	var m member
	err := d.connector.call(ctx, http.MethodGet, []string{"conversations", d.conversation, "members", id}, nil, &m)
	if err != nil {
		if approval.IsPermanent(err) && !errors.Is(err, errAbsent) {
			return m, deny(refusal.Missing, "members", "the Bot Connector does not tell the bot who the person is",
				"teams.refused.unknown")
		}
		return m, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.members) >= maxMembers {
		clear(d.members)
	}
	d.members[id] = cachedMember{member: m, expires: d.now().Add(memberTime)}
	return m, nil
}
