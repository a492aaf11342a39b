//go:build race

package daemon

// raced says that the race detector looks on. It needs cgo, with which no process can
// be confined, and it does not see that two sides take turns by a socket.
const raced = true
