package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is stamped by the release build: -ldflags "-X main.version=…".
var version = "dev" //nolint:gochecknoglobals // set by the linker

type versionCmd struct{}

// Run prints the version.
func (*versionCmd) Run(w *world) error {
	fmt.Fprintf(w.stdout, "approval-relay %s (revision %s, %s)\n", version, revision(), runtime.Version())
	return nil
}

// revision returns the commit that the program was built from, as Go stamped it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
