package slack_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// A form is for one vote. Whoever has voted does not fill in another one in vain.
func TestNoSecondForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, func(r *approval.Request) {
		purchase(r)
		r.Policy = approval.Policy{Kind: approval.PolicyAll}
	})
	require.Equal(t, http.StatusOK, d.press(alan, "choice:approve"))
	require.Equal(t, http.StatusOK, d.press(alan, "form:up_to"))
	require.Contains(t, d.lastReply(), "already decided")
	require.Empty(t, d.slack.Views())
	d.order.Approvals[0].Votes[0].Void = true
	d.openForm(alan, "form:up_to")
}

// TestSlowStore holds that Slack has an answer within three seconds, however slow the store is.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	d := newDeskOf(t, false, nil, byWebhook)
	press := d.slack.PressButton(signingSecret, began, alan, d.slack.Messages()[0], "approve")
	send := slacktest.Submit(signingSecret, began, alan, alan.InTeam(), slacktest.View{
		CallbackID:      "approval-relay",
		PrivateMetadata: `{"b":"` + d.slack.Messages()[0].Blocks[len(d.slack.Messages()[0].Blocks)-1].Elements[0].Value + `"}`,
	}, nil)
	d.in.Orders = slowOrders{}
	for _, r := range []*http.Request{press, send} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			rec := httptest.NewRecorder()
			d.in.ServeHTTP(rec, r.WithContext(t.Context()))
			require.Equal(t, http.StatusServiceUnavailable, rec.Code)
			require.Less(t, time.Since(start), 3*time.Second)
			require.Greater(t, time.Since(start), time.Second, "it waited for the store")
		})
	}
}

// slowOrders is a store that never answers.
type slowOrders struct{}

func (slowOrders) Get(ctx context.Context, _ string) (*approval.Order, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
