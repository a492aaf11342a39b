package daemon

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// signals are those that ask for something, as service managers send them. They are
// listened to from the first moment on: one that came before would end the process.
type signals struct {
	reload, upgrade chan os.Signal
}

func (s *signals) listen() {
	s.reload, s.upgrade = make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(s.reload, unix.SIGHUP)
	signal.Notify(s.upgrade, unix.SIGUSR2)
}

func (s *signals) stop() {
	signal.Stop(s.reload)
	signal.Stop(s.upgrade)
}
