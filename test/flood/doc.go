// Package flood tests the built program under a flood of its public address, with the limits of memory that the chart
// sets: thousands of connections that do nothing, send half of what they announce, or send it byte by byte, on every
// public route. Meanwhile the operator's API, signed webhooks and the page of an approver must work, and the memory of
// the worker must stay far below its limit. RESULTS.md has the measured times.
package flood
