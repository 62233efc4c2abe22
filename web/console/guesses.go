package console

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often a token may be tried from one address: ten times at once, then every
// six seconds. A token of ours has 128 bits; this is for those that somebody made up.
const (
	guessBurst = 10
	guessEvery = 6 * time.Second
)

// maxGuessers bounds the addresses that are remembered. Beyond it, those that have
// been quiet are forgotten, and if that makes no room the others share one limit.
const maxGuessers = 1024

// guesses limits how often tokens are tried. The zero value is ready.
type guesses struct {
	mu        sync.Mutex
	byAddress map[string]*rate.Limiter
}

// allow says whether one more token may be tried from the request's address.
func (g *guesses) allow(r *http.Request, now time.Time) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.byAddress[host]; !known && len(g.byAddress) >= maxGuessers {
		for address, l := range g.byAddress {
			if l.TokensAt(now) >= guessBurst {
				delete(g.byAddress, address)
			}
		}
		if len(g.byAddress) >= maxGuessers {
			host = "others"
		}
	}
	if g.byAddress == nil {
		g.byAddress = map[string]*rate.Limiter{}
	}
	if g.byAddress[host] == nil {
		g.byAddress[host] = rate.NewLimiter(rate.Every(guessEvery), guessBurst)
	}
	return g.byAddress[host].AllowN(now, 1)
}
