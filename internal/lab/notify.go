package lab

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
)

// maxSocketPath is the longest path that the kernel takes for a socket.
const maxSocketPath = 107

// notifier hears what a daemon tells its service manager (sd_notify(3)). It goes
// on listening after the first word: a socket that nobody reads from fills up,
// and then the daemon's next word would block it.
type notifier struct {
	path  string
	conn  *net.UnixConn
	ready chan struct{} // holds one when the daemon has become ready

	mu     sync.Mutex
	status string
}

func newNotifier(path string) (*notifier, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%s: too long for a socket by %d bytes", path, len(path)-maxSocketPath)
	}
	os.Remove(path) // of a daemon that ran before
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	n := &notifier{path: path, conn: conn, ready: make(chan struct{}, 1)}
	go n.listen()
	return n, nil
}

func (n *notifier) listen() {
	buffer := make([]byte, 4096)
	for {
		size, err := n.conn.Read(buffer)
		if err != nil {
			return // closed
		}
		for line := range strings.Lines(string(buffer[:size])) {
			n.hear(strings.TrimSuffix(line, "\n"))
		}
	}
}

func (n *notifier) hear(line string) {
	if status, ok := strings.CutPrefix(line, "STATUS="); ok {
		n.mu.Lock()
		n.status = status
		n.mu.Unlock()
	}
	if line == "READY=1" {
		select {
		case n.ready <- struct{}{}:
		default:
		}
	}
}

func (n *notifier) lastStatus() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

func (n *notifier) close() {
	n.conn.Close() // removes the socket's file
}
