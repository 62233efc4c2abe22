package clock

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// machine is a machine whose clock a test sets, and its log.
type machine struct {
	wrong     time.Duration // by which its clock is ahead of the truth
	passed    time.Duration
	log       bytes.Buffer
	uncertain []bool
	wentBack  chan struct{}
}

func (m *machine) ClockUncertain(uncertain bool) { m.uncertain = append(m.uncertain, uncertain) }

// truth returns what a right clock shows.
func (m *machine) truth() time.Time { return began.Add(m.passed) }

func (m *machine) wall() time.Time { return m.truth().Add(m.wrong) }

func newClock(wrong time.Duration) (*Clock, *machine) {
	m := &machine{wrong: wrong, wentBack: make(chan struct{}, 10)}
	return New(Config{
		Log:      slog.New(slog.NewTextHandler(&m.log, nil)),
		Observer: m,
		Wall:     m.wall,
		Elapsed:  func() time.Duration { return time.Hour + m.passed },
		WentBack: func() { m.wentBack <- struct{}{} },
	}), m
}

// answer gives the clock the answer of a reference, whose time is cut to the second.
func (m *machine) answer(c *Clock, took time.Duration) {
	date := m.truth().Truncate(time.Second)
	c.ClockSkew(m.wall().Sub(date.Add(time.Second/2)), took)
}

var jumps = []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 10 * time.Second, -365 * 24 * time.Hour}

// A jump does not change the time. It is uncertain at once, until a reference answers, and is then known to about a
// second. Deadlines are held while the machine is wrong by much.
func TestJump(t *testing.T) {
	t.Parallel()
	for _, jumped := range jumps {
		c, m := newClock(0)
		m.answer(c, 0)
		require.NoError(t, c.Fault())
		m.passed, m.wrong = time.Minute, jumped
		require.WithinDuration(t, m.truth(), c.Now(), time.Second, "%s", jumped)
		require.ErrorContains(t, c.Fault(), "has jumped", "%s", jumped)
		require.True(t, c.IsUncertain())
		m.passed += 5 * time.Minute
		require.WithinDuration(t, m.truth(), c.Now(), time.Second, "%s", jumped)

		m.answer(c, 20*time.Second)
		require.False(t, c.IsUncertain())
		require.WithinDuration(t, m.truth(), c.Now(), 2*time.Second, "%s", jumped)
		isLarge := jumped.Abs() > maxSkew
		require.Equal(t, isLarge, c.Fault() != nil, "%s: %v", jumped, c.Fault())

		m.wrong = 0 // somebody corrects it
		require.WithinDuration(t, m.truth(), c.Now(), 2*time.Second, "%s", jumped)
		m.answer(c, 0)
		require.NoError(t, c.Fault(), "%s", jumped)
		require.WithinDuration(t, m.truth(), c.Now(), 2*time.Second, "%s", jumped)
		require.False(t, m.uncertain[len(m.uncertain)-1], "%s", jumped)
		require.LessOrEqual(t, strings.Count(m.log.String(), "cannot be trusted"), 2, "a line for each jump")
	}
}

// Without a reference the clock of the machine is believed ten minutes after the jump.
func TestJumpWithoutReference(t *testing.T) {
	t.Parallel()
	for _, jumped := range jumps {
		c, m := newClock(0)
		m.wrong = jumped
		require.WithinDuration(t, m.truth(), c.Now(), time.Second)
		m.passed = 9 * time.Minute
		require.Error(t, c.Fault())
		m.passed = 11 * time.Minute
		require.Equal(t, m.wall(), c.Now())
		require.NoError(t, c.Fault())
		require.Equal(t, []bool{true, false}, m.uncertain)
	}
}

// A machine whose clock is wrong from the start follows the reference.
func TestWrongFromTheStart(t *testing.T) {
	t.Parallel()
	for _, wrong := range append(jumps, 240*time.Second, -240*time.Second, 20*time.Second) {
		c, m := newClock(wrong)
		require.Equal(t, m.wall(), c.Now())
		m.answer(c, 50*time.Millisecond)
		require.WithinDuration(t, m.truth(), c.Now(), time.Second+50*time.Millisecond, "%s", wrong)
		require.Equal(t, wrong.Abs() > maxSkew, c.Fault() != nil, "%s", wrong)
		if wrong > backward {
			select {
			case <-m.wentBack:
			case <-time.After(10 * time.Second):
				require.Fail(t, "due times are not looked at again", wrong)
			}
		}
	}
}

// Answers that took long, as after a process was stopped, do not move a clock that is right. Small differences are left
// alone, and a clock that drifts is followed.
func TestSlowAnswersAndDrift(t *testing.T) {
	t.Parallel()
	c, m := newClock(0)
	m.answer(c, 0)
	date := m.truth()
	m.passed += 90 * time.Second // SIGSTOP, while an answer was on its way
	c.ClockSkew(m.wall().Sub(date.Add(time.Second/2)), 90*time.Second)
	require.Equal(t, m.wall(), c.Now())
	for range 20 {
		m.passed += time.Hour
		m.wrong += 500 * time.Millisecond
		m.answer(c, 30*time.Millisecond)
		require.WithinDuration(t, m.truth(), c.Now(), 2*time.Second)
	}
	require.WithinDuration(t, m.truth(), c.Now(), 2*time.Second)
	require.NoError(t, c.Fault())
	require.Empty(t, m.uncertain)
	require.Empty(t, m.log.String())
}

// However wrong a machine is, and wherever in its second a reference answers, the time is wrong by less than two seconds. A
// correction does not come and go while the machine stays as it is.
func TestTimeIsRightToTwoSeconds(t *testing.T) {
	t.Parallel()
	const step = 20 * time.Millisecond
	for wrong := -5 * time.Second; wrong <= 5*time.Second; wrong += step {
		for phase := time.Duration(0); phase < time.Second; phase += step {
			c, m := newClock(wrong)
			m.passed = phase
			changes, before := 0, time.Duration(0)
			for i := range 10 {
				m.answer(c, 0)
				isWrongBy := c.Now().Sub(m.truth())
				require.Less(t, isWrongBy.Abs(), 2*time.Second, "%s, %s", wrong, phase)
				if (c.offset == 0) != (before == 0) {
					changes++
				}
				before = c.offset
				m.passed += 5*time.Second + time.Duration(i%3)*phase/2 // at another moment of the second
			}
			require.LessOrEqual(t, changes, 1, "%s, %s", wrong, phase)
		}
	}
}

// The real clocks agree with each other.
func TestSystemClock(t *testing.T) {
	t.Parallel()
	m := &machine{}
	c := New(Config{Log: slog.New(slog.DiscardHandler), Observer: m})
	require.WithinDuration(t, time.Now(), c.Now(), time.Minute)
	require.False(t, c.Now().Before(c.Now().Add(-time.Second)))
	require.NoError(t, c.Fault())
}
