package split_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// lost remembers what a Front said about its judges.
type lost struct {
	mu  sync.Mutex
	all []loss
}

type loss struct {
	packets int
	why     error
}

func (l *lost) note(n int, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, loss{n, why})
}

func (l *lost) list() []loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]loss(nil), l.all...)
}

// sum is how many packets were lost.
func (l *lost) sum() (n uint64) {
	for _, one := range l.list() {
		n += uint64(one.packets)
	}
	return n
}

// handlerFunc is a handler of one function, which is given the Back that it
// serves.
type handlerFunc func(b *split.Back, packets []queue.Packet, verdicts []queue.Verdict)

type served struct {
	b *split.Back
	f handlerFunc
}

func (s served) Handle(p []queue.Packet, v []queue.Verdict) { s.f(s.b, p, v) }

// attach serves f from a goroutine and attaches it. The returned function waits
// until Serve returned and gives its error.
func attach(t testing.TB, front *split.Front, f handlerFunc) (wait func() error) {
	t.Helper()
	l, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	wait = serve(t, l, f)
	if err := front.Attach(l); err != nil {
		t.Fatal(err)
	}
	return wait
}

func serve(t testing.TB, l *split.Link, f handlerFunc) (wait func() error) {
	t.Helper()
	files := l.Files()
	b, err := split.Open(files[0], files[1], files[2])
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		err := b.Serve(context.Background(), served{b, f})
		b.Close()
		done <- err
	}()
	return func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("Serve does not return")
			return nil
		}
	}
}
