package nft

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// fakeNotices are notices that the test gives: nil for one.
type fakeNotices struct {
	given  chan error
	closed chan struct{}
}

func newFakeNotices() *fakeNotices {
	return &fakeNotices{given: make(chan error, 1000), closed: make(chan struct{})}
}

func (f *fakeNotices) Receive() ([]netlink.Message, error) {
	select {
	case err := <-f.given:
		return nil, err
	case <-f.closed:
		return nil, unix.EBADF
	}
}

func (f *fakeNotices) Close() error { close(f.closed); return nil }

func heard(t *testing.T, w *Watcher, what string) {
	t.Helper()
	select {
	case <-w.Changed():
	case <-time.After(5 * time.Second):
		t.Fatalf("%s was not told", what)
	}
}

func quiet(t *testing.T, w *Watcher) {
	t.Helper()
	select {
	case <-w.Changed():
		t.Error("a change was told that is none")
	case <-time.After(2 * noticeInterval):
	}
}

func TestWatcher(t *testing.T) {
	first, second := newFakeNotices(), newFakeNotices()
	dials := []*fakeNotices{first, nil, second}
	var failures atomic.Int32
	w, err := watch(func() (receiver, error) {
		f := dials[0]
		dials = dials[1:]
		if f == nil {
			return nil, errors.New("not now")
		}
		return f, nil
	}, func(string, ...any) { failures.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	first.given <- nil
	heard(t, w, "a change")
	first.given <- unix.ENOBUFS
	heard(t, w, "that notices were lost")
	quiet(t, w)
	first.given <- unix.EIO
	heard(t, w, "that changes may have gone unsaid")
	<-first.closed
	second.given <- nil
	heard(t, w, "a change of later")
	if n := failures.Load(); n != 1 {
		t.Errorf("%d failures were told, want one", n)
	}
	w.Close()
	<-second.closed
}

// However much changes, only a few times a second somebody looks.
func TestWatcherRests(t *testing.T) {
	f := newFakeNotices()
	for range cap(f.given) {
		f.given <- nil
	}
	began := time.Now()
	w, err := watch(func() (receiver, error) { return f, nil }, t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for range noticeBurst + 5 {
		heard(t, w, "a change")
		told++
	}
	if took := time.Since(began); took < 4*noticeInterval {
		t.Errorf("%d changes were told in %v", told, took)
	}
	w.Close()
}

func TestWatchFails(t *testing.T) {
	if _, err := watch(func() (receiver, error) { return nil, unix.EPERM }, nil); !errors.Is(err, unix.EPERM) {
		t.Error(err)
	}
}
