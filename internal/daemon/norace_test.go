//go:build !race

package daemon

// raced says that the race detector looks on.
const raced = false
