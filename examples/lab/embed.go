// Package example holds the files of the example lab, so that the lab can be
// built by a program that was installed without them.
package example

import "embed"

// Files has lab.toml at its root, and demo.pcapng: what the gateway saw when packets
// were sent between every two hosts. It is not changed by anybody.
//
//go:embed lab.toml gateway demo.pcapng
var Files embed.FS
