// Package deploy checks the files of deploy/ against the program and against each other: configurations, versions,
// ports, grace periods, permissions, alerts, links to the single source of the rules, and the state machines of the
// example. Checks that need a tool are in scripts/deploy-check.
package deploy
