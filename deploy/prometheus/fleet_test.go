package prometheus

import (
	"fmt"
	"slices"
	"strings"
)

// fleet makes the series of several workers, named w0, w1 and so on.
func fleet(workers int, segments func(worker int) []segment, names ...string) []series {
	var all []series
	for w := range workers {
		for _, name := range names {
			metric, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
			labels = strings.TrimPrefix(fmt.Sprintf(`%s,instance="w%d"`, labels, w), ",")
			all = append(all, of(metric+"{"+labels+"}", segments(w)...))
		}
	}
	return all
}

// but gives each worker the healthy segment, and the sick worker its own segments.
func but(sick int, healthy segment, segments ...segment) func(int) []segment {
	return func(worker int) []segment {
		if worker == sick {
			return segments
		}
		return []segment{healthy}
	}
}

// generations are workers that replace each other every ten minutes.
func generations(count int, segments func(began float64) []segment) func(int) []segment {
	return func(worker int) []segment {
		life := segments(float64(10 * worker))
		if worker > 0 {
			life = append([]segment{gone(float64(10 * worker))}, life...)
		}
		return append(life, staleFor(float64(10*(count-worker-1))))
	}
}

// replacedWorkers replace each other every ten minutes. Each delivers twenty answers a minute, so many of them in
// time.
func replacedWorkers(punctual float64) []series {
	const workers = 12
	always := func(value, growth float64) func(int) []segment {
		return generations(workers, func(float64) []segment { return []segment{since(value, growth, 10)} })
	}
	began := func(growth float64) func(int) []segment {
		return generations(workers, func(began float64) []segment { return []segment{since(60*began, growth, 10)} })
	}
	return slices.Concat(
		fleet(workers, always(1, 0), "up", `sqs_receiving{queue="request-orders"}`),
		fleet(workers, always(0, 20), `callback_delivery_seconds_count{target="sfn"}`),
		fleet(workers, always(0, punctual), `callback_delivery_seconds_bucket{target="sfn",le="60.0"}`),
		fleet(workers, began(0), "process_start_time_seconds"),
		fleet(workers, began(60), "sweeper_last_success_timestamp_seconds"))
}

// fleetScenarios are about a sick worker among several, and workers that are replaced often.
func fleetScenarios() []scenario {
	const tries = `callback_attempts_total{target="sfn",result="ok"}`
	const failures = `callback_attempts_total{target="sfn",result="failed"}`
	return []scenario{
		{
			name: "one of ten workers cannot reach the store", minutes: 60,
			series: fleet(10, but(3, flat(1, 60), flat(1, 10), flat(0, 50)), "store_up"),
			fires:  []string{"ticket ApprovalRelayWorkerStoreFailing"}, within: 25, labels: []string{`instance="w3"`},
		},
		{
			name: "one of two workers has the keys of another store", minutes: 60,
			series: fleet(2, but(1, flat(0, 60), flat(0, 10), flat(5, 50)), "store_unreadable_orders"),
			fires:  []string{"ticket ApprovalRelayWorkerStoreFailing"}, within: 25, labels: []string{`instance="w1"`},
		},
		{
			name: "the store of four workers is out of reach for all", minutes: 40,
			series: fleet(4, but(-1, flat(0, 40)), "store_up"),
			fires:  []string{"page ApprovalRelayStoreFailing"}, within: 8,
		},
		{
			name: "one of four workers hangs in a sweep", minutes: 45,
			series: fleet(4, but(2, since(0, 60, 45), since(0, 60, 5), flat(300, 40)), "sweeper_last_success_timestamp_seconds"),
			fires:  []string{"page ApprovalRelaySweeperStuck"}, labels: []string{`instance="w2"`},
		},
		{
			name: "a worker is replaced every ten minutes, and all is well", minutes: 120,
			series: replacedWorkers(20),
		},
		{
			name: "a worker is replaced every ten minutes, and 5 % of the answers are late", minutes: 120,
			series: replacedWorkers(19),
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
			},
			within: 60,
		},
		{
			name: "one workflow of fifty is refused: 2 % of the attempts at 500 a second", minutes: 120,
			series: []series{
				of(tries, grow(29400, 120)), of(failures, flat(0, 20), grow(600, 100)),
				of("retrying_orders", flat(0, 20), since(0, 20, 100)),
				of("fifth_oldest_owed_age_seconds", flat(0, 20), since(0, 60, 100)),
			},
			fires: []string{"page ApprovalRelayAnswersOwed"}, within: 62,
		},
		{
			name: "out of memory every fifteen minutes, for six hours", minutes: 400,
			series: []series{of("process_start_time_seconds", restarts(15, 26)...)},
			fires:  []string{"ticket ApprovalRelayRestarts"}, within: 180,
		},
		{
			name: "five rollouts in place in a working day", minutes: 600,
			series: []series{of("process_start_time_seconds", restarts(120, 5)...)},
		},
	}
}

// restarts are the times of start of a process that starts every so many minutes.
func restarts(minutes float64, times int) []segment {
	all := []segment{flat(-3600, 5)}
	for i := range times {
		all = append(all, flat(300+60*minutes*float64(i), minutes-1), gone(1))
	}
	return all
}
