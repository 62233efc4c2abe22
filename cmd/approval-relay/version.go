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
	fmt.Fprintln(w.stdout, versionText())
	return nil
}

func versionText() string {
	return fmt.Sprintf("approval-relay %s (revision %s, %s)", version, revision(), runtime.Version())
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
