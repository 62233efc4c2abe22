package router

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"
)

// named returns a message with this ID.
func named(id string) *message.Message { return &message.Message{UUID: id} }

// A message beyond the buffer waits, and its publisher does not.
func TestTopicDoesNotBlockItsPublisher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		require.ErrorIs(t, topic.publish(named("early")), errTopicClosed, "nobody would get it")
		out, err := topic.subscribe(t.Context())
		require.NoError(t, err)
		_, err = topic.subscribe(t.Context())
		require.ErrorIs(t, err, errTopicClosed, "it has one subscriber")
		want := []string{"1", "2", "3", "4"}
		for _, id := range want {
			require.NoError(t, topic.publish(named(id)))
		}
		var got []string
		for range want {
			got = append(got, (<-out).UUID)
		}
		require.ElementsMatch(t, want, got)
		topic.close()
	})
}

// The end of a topic ends the messages that wait, in whatever way it ends. The bubble fails if a goroutine is left.
func TestTopicEndsWithMessagesThatWait(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*topic, context.CancelFunc){
		"closed":                           func(t *topic, _ context.CancelFunc) { t.close() },
		"closed again":                     func(t *topic, _ context.CancelFunc) { t.close(); t.close() },
		"the context of a subscriber ends": func(_ *topic, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				topic := newTopic(1)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				out, err := topic.subscribe(ctx)
				require.NoError(t, err)
				for range 5 {
					require.NoError(t, topic.publish(named("x")))
				}
				synctest.Wait()
				end(topic, cancel)
				synctest.Wait()
				require.ErrorIs(t, topic.publish(named("late")), errTopicClosed)
				handed := 0
				for range out {
					handed++
				}
				require.Equal(t, 1, handed, "what was in the buffer")
			})
		})
	}
}
