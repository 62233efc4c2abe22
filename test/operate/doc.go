// Package operate has the experiments of a team that runs the program for years, on the built program as a process of its
// own: answers lost in outages, starts without dependencies, wrong keys, a clock that jumps, SIGTERM under load, pauses. Their
// counterparts are the emulators of package emulator, and the tests check what these have recorded.
//
// An experiment is a file. It makes a world, writes a configuration of its own, and starts one or more workers:
//
//	w := newWorld(t)
//	first := w.start(t, w.config(t, `workflows: {orders: {...}}`))
package operate
