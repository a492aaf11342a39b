package e2e

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
)

// changes gives links and routes other MTUs while labelgated runs. What is sent next
// is told the new figure.
func (m *mtuBench) changes(t *testing.T) {
	m.arrange(t, &network{})
	m.route(t, lab.GatewayName, tom, 1500)
	for _, step := range []struct {
		what string
		do   func(mtu int)
	}{
		{"link", func(mtu int) { m.setMTU(t, "tom", mtu) }},
		{"route", func(mtu int) { m.replaceRoute(t, lab.GatewayName, tom, mtu) }},
	} {
		for i, mtu := range []int{1400, 1280, 576, 1300, 1500} {
			t.Run(fmt.Sprintf("%s %d", step.what, mtu), func(t *testing.T) {
				step.do(mtu)
				time.Sleep(50 * time.Millisecond) // for the notice
				m.forget(t)
				w := network{routes: map[string]int{"tom": mtu}}
				n := 40 - i // its options fill their words, or not
				for _, from := range []party{una, pop} {
					size := 1500
					if from.doi == 0 {
						size = mtu
					}
					m.follow(t, &w, from, n, size)
				}
			})
		}
	}
}

// follow sends datagrams to tom as large as the sender was told, beginning with some
// size.
func (m *mtuBench) follow(t *testing.T, w *network, from party, n, size int) {
	t.Helper()
	s, err := m.talk(from, tom, n, unix.IP_PMTUDISC_DO)
	must(t, err)
	defer s.close()
	refusals, last := w.refusals(from, tom, n, size)
	for _, want := range refusals {
		_, e, err := s.try(size)
		if err != nil || e == nil || e.mtu != want.mtu || e.by != want.by {
			t.Fatalf("%s sent %d bytes and heard %+v, %v; want MTU %d by %v", from.name, size, e, err, want.mtu, want.by)
		}
		size = e.mtu
	}
	if _, e, err := s.try(last); err != nil || e != nil {
		t.Fatalf("%s sent %d bytes and heard %+v, %v", from.name, last, e, err)
	}
}
