// Package deploy holds the files of deploy/ against each other: versions, ports,
// grace periods, permissions, one source for the rules, and the shape of the
// example's state machines. It runs no tool; scripts/deploy-check does.
package deploy
