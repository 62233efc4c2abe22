package metrics

import "time"

// awsSeries show the calls to AWS.
type awsSeries struct {
	calls     counter
	clockSkew gauge

	clockUncertain gauge
}

func newAWSSeries(b *builder, config Config) awsSeries {
	operation := label{name: "operation", values: config.AWSOperations}
	result := label{name: "result", values: []string{"ok", "throttled", "denied", "refused", "failed"}}
	return awsSeries{
		calls: b.newCounter("aws_calls_total",
			"Calls to AWS; the SDK's own retries count as one call. Results: ok; throttled; denied (AWS "+
				"refused the credentials, or there were none); refused with any other 4xx; or failed (5xx, or "+
				"no answer).", operation, result),
		clockSkew: b.newGauge("aws_clock_skew_seconds",
			"How far the worker's clock was ahead of AWS's at the last answer, to about a second; 0 "+
				"before the first answer."),
		clockUncertain: b.newGauge("clock_uncertain",
			"1 while the worker does not trust its clock: it has jumped and no answer of AWS or the database has "+
				"confirmed it, or it is more than 5 minutes from theirs. Deadlines are held, and the worker is not ready."),
	}
}

// AWSCalled counts a call to AWS, by its operation (SQS.ReceiveMessage) and result.
func (m *Metrics) AWSCalled(operation, result string) { m.aws.calls.inc(operation, result) }

// ClockUncertain sets whether the worker's clock is not trusted.
func (m *Metrics) ClockUncertain(uncertain bool) {
	value := 0.0
	if uncertain {
		value = 1
	}
	m.aws.clockUncertain.set(value)
}

// ClockSkew sets how far the worker's clock is ahead of AWS's.
func (m *Metrics) ClockSkew(skew, _ time.Duration) { m.aws.clockSkew.set(skew.Seconds()) }
