package ledger

import (
	"context"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"github.com/approval-relay/approval-relay/test/emulator"
)

var (
	binary = flag.String("ledger.binary", "", "the program to test; empty builds it")
	long   = flag.Bool("ledger.long", false, "the full sizes, for an hour, instead of those for a minute")
)

// size is the full one of a run, or the short one.
func size(full, short int) int {
	if *long {
		return full
	}
	return short
}

// report fails the test for the violations, the first of them in full.
func report(t *testing.T, v violations) {
	t.Helper()
	for i, text := range v {
		if i == 20 {
			t.Errorf("and %d more", len(v)-i)
			break
		}
		t.Error(text)
	}
}

// toxics are what networks do, drawn at random.
var toxics = []string{
	`{"name":"x","type":"latency","stream":"downstream","attributes":{"latency":40,"jitter":40}}`,
	`{"name":"x","type":"reset_peer","stream":"downstream","attributes":{"timeout":20}}`,
	`{"name":"x","type":"reset_peer","stream":"upstream","attributes":{"timeout":5}}`,
	`{"name":"x","type":"bandwidth","stream":"downstream","attributes":{"rate":60}}`,
	`{"name":"x","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`, // half-open: nothing comes back
	`{"name":"x","type":"slicer","stream":"downstream","attributes":{"average_size":64,"size_variation":32,"delay":100}}`,
}

// storm makes the network bad, now in this way, now in that, until the context
// ends.
func storm(ctx context.Context, proxies ...*toxiproxy.Proxy) {
	for ctx.Err() == nil {
		p := proxies[rand.IntN(len(proxies))]
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxics[rand.IntN(len(toxics))])); err == nil {
			pause(ctx, time.Duration(100+rand.IntN(500))*time.Millisecond)
			_ = p.Toxics.RemoveToxic(context.WithoutCancel(ctx), "x")
		}
		pause(ctx, time.Duration(rand.IntN(700))*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// weather is what goes wrong in a run.
type weather struct {
	kills  int           // spread over the run
	outage time.Duration // of Step Functions, once
	storm  bool
	end    func(*world) error // how a process is ended: by SIGKILL if nil
}

// badQueues and badSteps are the faults of the issue: 20 % come twice, 8 % are
// throttled, the replies to 8 % are lost.
var (
	badQueues = emulator.SQSFaults{Duplicate: 0.2, Shuffle: 0.3, Delay: 800 * time.Millisecond}
	badSteps  = emulator.Faults{Throttle: 0.08, LoseReply: 0.08, Fail: 0.02}
)

// lifetime is how long a process lives, on average, that is to be ended.
const lifetime = time.Second

// restart ends the program at random moments and starts it again.
func (w *world) restart(ctx context.Context, weather weather) error {
	for range weather.kills {
		pause(ctx, lifetime/4+rand.N(lifetime*3/2))
		end := weather.end
		if end == nil {
			end = func(w *world) error { w.kill(); return nil }
		}
		if err := end(w); err != nil {
			return err
		}
		if err := w.start(); err != nil {
			return err
		}
	}
	return nil
}

// endure plays the scenarios through the weather, and returns what must never be.
func (w *world) endure(all []*scenario, weather weather) (v violations) {
	if err := w.start(); err != nil {
		v.add("%v", err)
		return v
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bad, calm := context.WithCancel(ctx)
	defer calm()
	stormed := make(chan struct{})
	go func() {
		defer close(stormed)
		if weather.storm {
			storm(bad, w.queues, w.steps)
		}
	}()
	played := make(chan error, 1)
	over := max(time.Duration(weather.kills)*lifetime, time.Duration(len(all))*time.Second/300)
	go func() { played <- w.play(ctx, all, over) }()
	if weather.outage > 0 {
		go func() {
			pause(bad, 2*time.Second)
			w.aws.StepFunctions.SetOutage(true)
			pause(ctx, weather.outage)
			w.aws.StepFunctions.SetOutage(false)
		}()
	}
	if err := w.restart(ctx, weather); err != nil {
		v.add("restart: %v", err)
		return v
	}
	if err := <-played; err != nil {
		v.add("%v", err)
	}
	calm()
	<-stormed
	w.aws.StepFunctions.SetOutage(false)
	patience := 90 * time.Second // from the last fault on
	if w.settings.patience > 0 {
		patience = w.settings.patience
	}
	calmed := time.Now()
	w.drained(all, patience, &v)
	w.tb.Logf("%d approvals, %d processes, %s, drained %.1f s after the last fault", len(all), w.starts, w.book.summary(), time.Since(calmed).Seconds())
	w.check(all, &v)
	w.secrets(all, &v)
	w.integrity(&v)
	return v
}

// A run of many approvals through SIGKILLs, a bad network, an outage of the
// target, and queues that deliver twice.
func TestKilled(t *testing.T) {
	w := newWorld(t, program(t), settings{})
	w.aws.SQS.SetFaults(badQueues)
	w.aws.StepFunctions.SetFaults(badSteps)
	all := plan(size(10000, 400), w.aws.StepFunctions)
	outage := 2 * time.Second
	if *long {
		outage = 10 * time.Second
	}
	report(t, w.endure(all, weather{kills: size(40, 5), outage: outage, storm: true}))
}

// The same with SIGTERM on a good network: each time it ends within its bound,
// and nothing that was finished is done again.
func TestTerminated(t *testing.T) {
	w := newWorld(t, program(t), settings{})
	w.aws.SQS.SetFaults(badQueues)
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.08})
	all := plan(size(10000, 300), w.aws.StepFunctions)
	v := w.endure(all, weather{kills: size(30, 4), end: (*world).terminate})
	w.doneAgain(all, &v)
	report(t, v)
}
