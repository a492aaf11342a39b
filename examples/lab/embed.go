// Package example holds the files of the example lab, so that the lab can be
// built by a program that was installed without them.
package example

import "embed"

// Files has lab.toml at its root. It is not changed by anybody.
//
//go:embed lab.toml gateway demo.pcapng
var Files embed.FS
