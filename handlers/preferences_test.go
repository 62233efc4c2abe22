package handlers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/organisation"
)

// A message is in the language and the zone of its reader: the approver's own, and for a group those of the workflow,
// because others read it too.
func TestMessagesAreForTheirReaders(t *testing.T) {
	t.Parallel()
	vienna, err := language.LoadZone("Europe/Vienna")
	require.NoError(t, err)
	berlin, err := language.LoadZone("Europe/Berlin")
	require.NoError(t, err)
	preferences := &handlers.Preferences{
		Default:   handlers.Preference{Language: "en-GB", Zone: time.UTC},
		Workflows: map[string]handlers.Preference{"orders": {Language: "de", Zone: berlin}},
		Persons:   map[approval.PersonID]handlers.Preference{"ann": {Language: "de-AT", Zone: vienna}, "bob": {Language: "en"}},
	}
	for name, c := range map[string]struct {
		audience notify.Audience
		approver string
		language language.Tag
		zone     *time.Location
	}{
		"a person":                      {notify.AudienceApprover, "ann", "de-AT", vienna},
		"a person with a language only": {notify.AudienceApprover, "Bob", "en", berlin},
		"a person without settings":     {notify.AudienceApprover, "eve", "de", berlin},
		"a group":                       {notify.AudienceGroup, "ann", "de", berlin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, o := newHouse(), &outside{}
			mail := func(w *handlers.Workflow) { w.Channels, w.Approvers = []string{"mail"}, []string{c.approver} }
			require.NoError(t, h.requests(mail).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
			notifications := h.notifications(o)
			notifications.Channels["mail"] = handlers.Channel{Sender: o, Audience: c.audience}
			notifications.Preferences = preferences
			notifications.Organisation = organisation.Organisation{Name: "Example Ltd"}
			require.NoError(t, notifications.Handle(actionMsg(t, h.take(approval.ActionNotify)[0])))
			require.Len(t, o.messages, 1)
			require.Equal(t, c.language, o.messages[0].Language)
			require.Equal(t, c.zone, o.messages[0].Zone)
			require.Equal(t, "Example Ltd", o.messages[0].Organisation.Name)
			require.False(t, o.messages[0].SentAt.IsZero())
		})
	}
}
