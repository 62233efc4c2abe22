package metrics

const (
	minute = 60.0
	hour   = 60 * minute
	day    = 24 * hour
)

// The buckets of the histograms, in seconds.
var (
	// decisionBuckets fit the time that people take to decide. They are few, because each workflow has them.
	decisionBuckets = []float64{5 * minute, 15 * minute, hour, 4 * hour, day, 3 * day, 7 * day}
	// firstNotificationBuckets fit the time to the first message. Each workflow has them.
	firstNotificationBuckets = []float64{1, 10, minute, 5 * minute, 15 * minute, hour}
	// callbackBuckets fit the delivery of an answer, from a fast call to hours of retries.
	callbackBuckets = []float64{
		.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30,
		minute, 5 * minute, 15 * minute, hour,
	}
	// notificationBuckets fit the delivery of a message.
	notificationBuckets = []float64{
		.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30,
		minute, 5 * minute, 15 * minute, hour,
	}
	// callBuckets fit a single call: a handler, an HTTP request, a wait for a rate limit.
	callBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute}
	// commitBuckets fit a write to a disk or to DynamoDB.
	commitBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	// ageBuckets fit the time that a message waits in its queue. Each queue has them.
	ageBuckets = []float64{1, 10, minute, 5 * minute, hour, 6 * hour}
)

// batchBuckets count the updates of a commit.
var batchBuckets = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}
