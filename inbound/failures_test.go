package inbound

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFailuresOfARemote(t *testing.T) {
	t.Parallel()
	now := time.Now()
	guesser, neighbour, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	f := NewFailures()
	f.Succeeded(Tokens(), guesser, "right", now)
	for range Tokens().Burst {
		require.Zero(t, f.Wait(Tokens(), guesser, "", now))
		f.Failed(Tokens(), guesser, rand.Text(), now)
	}
	require.Equal(t, 3*time.Second, f.Wait(Tokens(), guesser, "", now))
	require.NotZero(t, f.Wait(Tokens(), guesser, "guess", now))
	require.NotZero(t, f.Wait(Tokens(), neighbour, "right2", now), "of the same /64")
	require.Zero(t, f.Wait(Tokens(), guesser, "right", now), "it was right from there")
	require.Zero(t, f.Wait(Tokens(), other, "", now), "others are not limited")
	require.Zero(t, f.Wait(Signatures("slack"), guesser, "", now), "other kinds are not limited")
	require.Zero(t, f.Wait(Tokens(), guesser, "", now.Add(3*time.Second)), "one try is back")
	f.Failed(Tokens(), guesser, "", now.Add(3*time.Second))
	require.NotZero(t, f.Wait(Tokens(), guesser, "", now.Add(3*time.Second)))
	require.Zero(t, f.Wait(Tokens(), guesser, "", now.Add(time.Hour)))
}

// A program that goes on with an old token is limited, and the others at its address are not, also those whose token is
// new, or that have not come since the start.
func TestTheSameWrongCredentialIsOneGuess(t *testing.T) {
	t.Parallel()
	now := time.Now()
	address := netip.MustParseAddr("192.0.2.1")
	f := NewFailures()
	for range 3 * Tokens().Burst {
		f.Failed(Tokens(), address, "old", now)
		f.Failed(Tokens(), address, "other old", now)
	}
	require.NotZero(t, f.Wait(Tokens(), address, "old", now))
	require.Zero(t, f.Wait(Tokens(), address, "new", now))
	for i := range Tokens().Burst {
		f.Failed(Tokens(), address, fmt.Sprint("guess", i), now)
	}
	require.NotZero(t, f.Wait(Tokens(), address, "new", now), "after so many guesses")
}

func TestMemoryOfFailuresIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := NewFailures()
	for i := range 3 * maxFailingRemotes {
		address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		f.Failed(Tokens(), address, "", now)
		f.Succeeded(Tokens(), address, "x", now)
	}
	require.Len(t, f.remotes.entries, maxFailingRemotes)
	require.Equal(t, maxFailingRemotes, f.remotes.order.Len())
	require.Len(t, f.known.entries, maxKnown)
}

func TestNothingIsLimitedWithoutLimits(t *testing.T) {
	t.Parallel()
	var f *Failures
	f.Failed(Tokens(), netip.Addr{}, "", time.Now())
	f.Succeeded(Tokens(), netip.Addr{}, "x", time.Now())
	require.Zero(t, f.Wait(Tokens(), netip.Addr{}, "", time.Now()))
	var r *Rate
	require.Zero(t, r.Wait(netip.Addr{}, time.Now()))
	unlimited := NewRate(0, 0)
	for range 10_000 {
		require.Zero(t, unlimited.Wait(netip.Addr{}, time.Unix(1, 0)))
	}
}

// A remote that sends little is answered, however much others send.
func TestRateOfAllRequests(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := NewRate(10, 100)
	flood, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	admitted := 0
	for range 1000 {
		if r.Wait(flood, now) == 0 {
			admitted++
		}
	}
	require.Equal(t, 100+ownBurst, admitted)
	for range ownBurst {
		require.Zero(t, r.Wait(other, now))
	}
	require.NotZero(t, r.Wait(other, now), "more than its own")
	require.Zero(t, r.Wait(other, now.Add(time.Second)))
	r.Set(0, 0)
	require.Zero(t, r.Wait(flood, now))
	r.Set(1, 1)
	require.Zero(t, r.Wait(flood, now))
}

func TestRecentForgets(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := newRecent[string, int](3)
	for i := range 5 {
		r.put(fmt.Sprint(i), i, now.Add(time.Minute))
	}
	require.False(t, r.has("1", now))
	r.put("2", 20, now.Add(time.Hour))
	r.put("5", 5, now.Add(time.Minute))
	v, ok := r.get("2", now.Add(30*time.Minute))
	require.True(t, ok, "it was renewed")
	require.Equal(t, 20, v)
	require.False(t, r.has("3", now))
	require.False(t, r.has("4", now.Add(time.Minute)), "expired")
}
