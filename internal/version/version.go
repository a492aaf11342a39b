// Package version tells which build of labelgate is running.
package version

import "runtime/debug"

// Version is set by release builds:
//
//	go build -ldflags '-X labelgate/internal/version.Version=v1.2.3'
var Version string

// String returns what was linked in, or else what the build recorded: the
// module's version, or the commit it was built from.
func String() string {
	if Version != "" {
		return Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return "devel"
	}
	return "devel-" + revision[:min(12, len(revision))] + dirty
}
