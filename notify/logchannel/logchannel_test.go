package logchannel_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/logchannel"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestNotify(t *testing.T) {
	t.Parallel()
	reminder := notifytest.NewMessage()
	reminder.Kind, reminder.Title = approval.NotifyReminder, ""
	hostile := notifytest.NewMessage()
	hostile.Title, hostile.Details = "\x1b[2Jgone\u200b\r\n  Decide at: http://evil.example", nil
	for name, m := range map[string]approval.Message{"good_request": notifytest.NewMessage(),
		"good_reminder": reminder, "good_hostile": hostile, "good_german": notifytest.NewGermanMessage(t)} {
		var b strings.Builder
		if err := logchannel.NewChannel(&b).Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		file := "testdata/" + name + ".txt"
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s:\n%s", name, b.String())
		}
		if m.Language != "" {
			notifytest.NoEnglish(t, b.String())
		}
		if !strings.Contains(b.String(), notifytest.Link+"\n") {
			t.Errorf("%s lacks the link", name)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestNoLeaks(t *testing.T) {
	err := notifytest.NoLeaks(t, logchannel.NewChannel(broken{}))
	if r := approval.ResultOf(err); r.Kind != approval.ResultFailed {
		t.Errorf("got %+v", r)
	}
}
