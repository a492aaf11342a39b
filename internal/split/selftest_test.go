package split_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// apart is a handler that keeps self-tests apart.
type apart struct {
	packets, tests int
	says           queue.Verdict
}

func (a *apart) Handle(p []queue.Packet, _ []queue.Verdict) { a.packets += len(p) }

func (a *apart) HandleTest(p []queue.Packet, v []queue.Verdict) {
	a.tests += len(p)
	for i := range v {
		v[i] = a.says
	}
}

func TestSelfTest(t *testing.T) {
	mustDrop := split.Test{Name: "a forged label", Packet: queue.Packet{Payload: []byte("forged")}, MustDrop: true}
	may := split.Test{Name: "any packet", Packet: queue.Packet{Payload: []byte("any")}}
	yes := queue.Verdict{Accept: true}
	tests := []struct {
		name  string
		tests []split.Test
		says  queue.Verdict
		times uint64
		why   error
	}{
		{"dropped as it must be", []split.Test{may, mustDrop}, queue.Verdict{}, 3, nil},
		{"let through", []split.Test{may, mustDrop}, yes, 0, split.ErrUntrue},
		{"any answer is right", []split.Test{may}, yes, 3, nil},
		{"none", nil, yes, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l lost
			f := split.NewFront(split.Config{Lost: l.note, Tests: tt.tests})
			defer f.Close()
			f.Idle() // without a judge
			link, err := split.NewLink()
			if err != nil {
				t.Fatal(err)
			}
			files := link.Files()
			b, err := split.Open(files[0], files[1], files[2])
			if err != nil {
				t.Fatal(err)
			}
			h := &apart{says: tt.says}
			done := make(chan error)
			go func() { done <- b.Serve(context.Background(), h) }()
			if err := f.Attach(link); err != nil {
				t.Fatal(err)
			}
			before := f.Progress().Answered
			time.Sleep(time.Millisecond)
			for range 3 {
				f.Idle()
			}
			p := f.Progress()
			if p.Tests != tt.times || p.Packets != 0 || p.Lost != 0 || p.Attached != (tt.why == nil) || p.Answered.After(before) != (tt.times > 0) {
				t.Errorf("%+v", p)
			}
			all := l.list()
			if tt.why == nil && len(all) != 0 || tt.why != nil && (len(all) != 1 || all[0].packets != 0 || !errors.Is(all[0].why, tt.why)) {
				t.Errorf("lost: %v, want %v", all, tt.why)
			}
			f.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if h.packets != 0 || uint64(h.tests) < tt.times*uint64(len(tt.tests)) {
				t.Errorf("the handler saw %d packets and %d tests", h.packets, h.tests)
			}
			b.Close()
		})
	}
}

// TestIdleHang: a judge that hangs while there is nothing to judge is found.
func TestIdleHang(t *testing.T) {
	var l lost
	f := split.NewFront(split.Config{Lost: l.note, Timeout: 20 * time.Millisecond, Tests: []split.Test{{}}})
	defer f.Close()
	block := make(chan struct{})
	wait := attach(t, f, func(*split.Back, []queue.Packet, []queue.Verdict) { <-block })
	f.Idle()
	if all := l.list(); len(all) != 1 || all[0].packets != 0 || !errors.Is(all[0].why, split.ErrHung) {
		t.Errorf("lost: %v", all)
	}
	close(block)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestServeEnds with its context.
func TestServeEnds(t *testing.T) {
	l, err := split.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Discard()
	files := l.Files()
	b, err := split.Open(files[0], files[1], files[2])
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Serve(ctx, &apart{}) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
