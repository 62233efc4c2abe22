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
	binaryFlag = flag.String("ledger.binary", "", "path of the program; without it the program is built")
	longFlag   = flag.Bool("ledger.long", false, "run at full size, which takes half an hour instead of a minute")
)

// chooseSize returns the size of a run, which depends on the flag -ledger.long.
func chooseSize(full, short int) int {
	if *longFlag {
		return full
	}
	return short
}

// reportViolations fails the test if there are violations, and prints the first twenty.
func reportViolations(t *testing.T, v violations) {
	t.Helper()
	for i, text := range v {
		if i == 20 {
			t.Errorf("and %d more", len(v)-i)
			break
		}
		t.Error(text)
	}
}

// networkFaults lists faults of networks, as toxics of toxiproxy.
var networkFaults = []string{
	`{"name":"x","type":"latency","stream":"downstream","attributes":{"latency":40,"jitter":40}}`,
	`{"name":"x","type":"reset_peer","stream":"downstream","attributes":{"timeout":20}}`,
	`{"name":"x","type":"reset_peer","stream":"upstream","attributes":{"timeout":5}}`,
	`{"name":"x","type":"bandwidth","stream":"downstream","attributes":{"rate":60}}`,
	`{"name":"x","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`, // half-open: no byte comes back
	`{"name":"x","type":"slicer","stream":"downstream","attributes":{"average_size":64,"size_variation":32,"delay":100}}`,
}

// disturbNetwork adds random faults to the network, always a single fault, until the context ends.
func disturbNetwork(ctx context.Context, proxies ...*toxiproxy.Proxy) {
	for ctx.Err() == nil {
		p := proxies[rand.IntN(len(proxies))]
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(networkFaults[rand.IntN(len(networkFaults))])); err == nil {
			pauseFor(ctx, time.Duration(100+rand.IntN(500))*time.Millisecond)
			_ = p.Toxics.RemoveToxic(context.WithoutCancel(ctx), "x")
		}
		pauseFor(ctx, time.Duration(rand.IntN(700))*time.Millisecond)
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// disturbance describes the faults of a run.
type disturbance struct {
	kills      int           // number of ends of the process, spread over the run
	outage     time.Duration // length of an outage of Step Functions
	badNetwork bool
	endProcess func(*world) error // ends a process; nil means SIGKILL
}

// queueFaults and stepFaults are the usual faults: 20 % of messages are delivered twice, 8 % of calls are throttled, and
// 8 % of replies are lost.
var (
	queueFaults = emulator.SQSFaults{Duplicate: 0.2, Shuffle: 0.3, Delay: 800 * time.Millisecond}
	stepFaults  = emulator.Faults{Throttle: 0.08, LoseReply: 0.08, Fail: 0.02}
)

// meanLifetime is the mean time until a process is ended.
const meanLifetime = time.Second

// restartProgram ends the program at random moments and starts it again.
func (w *world) restartProgram(ctx context.Context, weather disturbance) error {
	for range weather.kills {
		pauseFor(ctx, meanLifetime/4+rand.N(meanLifetime*3/2))
		end := weather.endProcess
		if end == nil {
			end = func(w *world) error { w.killProgram(); return nil }
		}
		if err := end(w); err != nil {
			return err
		}
		if err := w.startProgram(); err != nil {
			return err
		}
	}
	return nil
}

// runThrough runs the scenarios through the disturbance and returns the violations.
func (w *world) runThrough(all []*scenario, weather disturbance) (v violations) {
	began := time.Now()
	if err := w.startProgram(); err != nil {
		v.addf("%v", err)
		return v
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bad, calm := context.WithCancel(ctx)
	defer calm()
	stormed := make(chan struct{})
	go func() {
		defer close(stormed)
		if weather.badNetwork {
			disturbNetwork(bad, w.proxies()...)
		}
	}()
	played := make(chan error, 1)
	over := max(time.Duration(weather.kills)*meanLifetime, time.Duration(len(all))*time.Second/300)
	go func() { played <- w.runScenarios(ctx, all, over) }()
	if weather.outage > 0 {
		go func() {
			pauseFor(bad, 2*time.Second)
			w.aws.StepFunctions.SetOutage(true)
			pauseFor(ctx, weather.outage)
			w.aws.StepFunctions.SetOutage(false)
		}()
	}
	if err := w.restartProgram(ctx, weather); err != nil {
		v.addf("restart: %v", err)
		return v
	}
	if err := <-played; err != nil {
		v.addf("%v", err)
	}
	calm()
	<-stormed
	w.aws.StepFunctions.SetOutage(false)
	calmed := time.Now()
	w.waitUntilDrained(all, w.patience(), &v) // after the last fault
	w.tb.Logf("%d approvals and %d stories, %d processes, %s, drained %.1f s after the last fault, %.0f s in all",
		len(all), len(w.stories), w.starts, w.callLog.summary(), time.Since(calmed).Seconds(), time.Since(began).Seconds())
	w.checkRecords(all, &v)
	w.checkNoSecrets(all, &v)
	w.checkDatabase(&v)
	return v
}

// TestKilled runs many approvals through SIGKILLs, a bad network, an outage of the target, and queues that deliver
// twice.
func TestKilled(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(stepFaults)
	all := planScenarios(chooseSize(10000, 400), w.aws.StepFunctions)
	w.addStories(chooseSize(1600, 48))
	outage := 2 * time.Second
	if *longFlag {
		outage = 10 * time.Second
	}
	reportViolations(t, w.runThrough(all, disturbance{kills: chooseSize(40, 5), outage: outage, badNetwork: true}))
}

// TestTerminated runs many approvals through SIGTERMs on a good network. Each process must end within its time limit,
// and finished calls must not be repeated.
func TestTerminated(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.08})
	all := planScenarios(chooseSize(10000, 300), w.aws.StepFunctions)
	w.addStories(chooseSize(800, 24))
	v := w.runThrough(all, disturbance{kills: chooseSize(30, 4), endProcess: (*world).terminateProgram})
	w.checkNoRepeatedCalls(all, &v)
	reportViolations(t, v)
}
