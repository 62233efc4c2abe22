package logchannel

import (
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of the channel. It has none.
type Settings struct{}

// Audience implements notify.Settings. The person at the terminal acts for every approver.
func (*Settings) Audience() notify.Audience { return notify.AudienceApprover }

// TakesEvents implements notify.EventSettings.
func (*Settings) TakesEvents() {}

// Open implements notify.Settings.
func (*Settings) Open(env setup.Env) (notify.Channel, error) { return NewChannel(env.Stdout), nil }
