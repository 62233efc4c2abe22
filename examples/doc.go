// Package examples has complete configurations for common approvals, each in a folder of its own. Its tests run every
// example: the worker with the example's relay.yaml, and stand-ins for the systems around it.
package examples
