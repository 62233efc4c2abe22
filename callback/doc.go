// Package callback declares the contract of the targets, the ways of answering a workflow, and holds the parts that they
// share: the JSON of an answer, the circuit breaker and the rate limit. Each target is a subfolder.
package callback
