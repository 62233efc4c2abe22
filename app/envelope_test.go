package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/webhook"
)

// unverifiable is an envelope whose certificate cannot be fetched.
type unverifiable struct{}

func (unverifiable) Open(context.Context, time.Time, []byte) (webhook.SNSMessage, error) {
	return webhook.SNSMessage{}, errors.New("the certificate cannot be fetched")
}

// Everybody can send messages that need a certificate which cannot be fetched. They do not fill the log.
func TestUnverifiedMessagesDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	open := openSNS(unverifiable{}, nil, slog.New(slog.NewTextHandler(&lines, nil)), time.Now)
	for range 10 {
		_, _, err := open(t.Context(), []byte("{}"))
		require.Equal(t, refusal.Unavailable, refusal.CodeOf(err), "each is listed as refused")
	}
	require.Equal(t, 1, strings.Count(lines.String(), "cannot be verified now"))
}
