package e2e

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// Limits of the gateway's own errors: so many at once, and so many a second, to one
// network of 24 bits and to all.
const (
	networkBurst, networkRate = 10, 10
	allBurst, allRate         = 50, 100
)

// flood: who provokes errors gets few, and stops nobody.
func (e *errorsBench) flood(t *testing.T) {
	n := long.Count(2000, 10000)
	for _, tt := range []struct {
		name        string
		networks    int
		burst, rate int
	}{{"network", 1, networkBurst, networkRate}, {"all", 60, allBurst, allRate}} {
		t.Run(tt.name, func(t *testing.T) {
			time.Sleep(allBurst * time.Second / allRate) // until that limit is full again
			cables := e.watch(t, "mred")
			talk := e.talk(t)
			begun := time.Now()
			h := header{dst: e.address(t, "sec", "mred"), proto: protoUDP, options: e.area(t, "<Foo>"), body: udp(1, 2, make([]byte, 32))}
			for i := range n {
				h.src = netip.AddrFrom4([4]byte{10, 1, byte(64 + i%tt.networks), byte(1 + i%250)})
				e.raw(t, "mred", h.bytes())
				if i%40 == 39 {
					time.Sleep(10 * time.Millisecond) // up to 4,000 a second
				}
			}
			e.settled(t, "mred")
			eventually(func() bool { return countErrors(cables["mred"]) >= tt.burst })
			time.Sleep(20 * time.Millisecond)
			seconds := time.Since(begun).Seconds()
			sent, heard := talk()
			stop(t, cables)
			told := countErrors(cables["mred"])
			t.Logf("%d packets in %.3f s, %d errors; meanwhile %d datagrams, %d heard", n, seconds, told, sent, heard)
			id := "e2e/errors/flood/" + tt.name
			report(t,
				figures.Figure{ID: id + "/denied", Value: float64(n), Unit: "packets"}.AtLeast(2000),
				figures.Figure{ID: id + "/told", Value: float64(told), Unit: "errors"}.AtMost(float64(tt.burst)+float64(tt.rate)*seconds+1),
				figures.Figure{ID: id + "/told-at-once", Value: float64(told), Unit: "errors"}.AtLeast(float64(tt.burst)),
				figures.Figure{ID: id + "/meanwhile-lost", Value: float64(sent - heard), Unit: "datagrams"}.AtMost(0),
			)
		})
	}
}

// talk has another host send datagrams that may pass until the function it returns
// is called, which tells how many were sent and heard.
func (e *errorsBench) talk(t *testing.T) (quit func() (sent, heard int)) {
	t.Helper()
	h := header{src: e.address(t, "mblue", "ear"), dst: e.address(t, "ear", "mblue"), proto: protoUDP, options: e.area(t, "[Bar]")}
	port := e.nextPort()
	end := make(chan struct{})
	var done sync.WaitGroup
	sent := 0
	done.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			h.body = udp(port, inboxPort, []byte("meanwhile"))
			if e.raws["mblue"].send(h.bytes()) == nil {
				sent++
			}
		}
	})
	return func() (int, int) {
		close(end)
		done.Wait()
		e.settled(t, "mblue")
		_, heard := e.boxes["ear"].heard(port)
		return sent, heard
	}
}

// crowd: flows of one zone, however many, do not make the gateway forget those of
// others that keep talking.
func (e *errorsBench) crowd(t *testing.T) {
	const others = 64
	n := long.Count(100_000, 400_000)
	red, blue := e.area(t, "<Foo>"), e.area(t, "[Bar]")
	keep := []struct {
		from, to string
		h        header
	}{
		{"mgray", "other", header{}},
		{"mblue", "other", header{options: blue}},
		{"mgreen", "other", header{}},
	}
	for i := range keep {
		k := &keep[i]
		k.h.src, k.h.dst, k.h.proto = e.address(t, k.from, k.to), e.address(t, k.to, k.from), protoUDP
	}
	speak := func() {
		for _, k := range keep {
			for i := range others {
				k.h.body = udp(uint16(40000+i), inboxPort, []byte("still here"))
				e.raw(t, k.from, k.h.bytes())
			}
		}
	}
	speak()
	begun := time.Now()
	h := header{src: e.address(t, "mred", "gray2"), dst: e.address(t, "gray2", "mred"), proto: protoUDP, options: red}
	for i := range n {
		h.body = udp(uint16(i), uint16(1000+i>>16), make([]byte, 16))
		e.raw(t, "mred", h.bytes())
		if i%2000 == 1999 {
			e.settled(t, "mred")
		}
		if i%20000 == 19999 {
			speak()
		}
	}
	e.settled(t, "mred")
	t.Logf("%d flows in %v", n, time.Since(begun).Round(time.Millisecond))

	cables := map[string]*lab.Capture{}
	for _, k := range keep {
		cables[k.from] = e.watch(t, k.from)[k.from]
	}
	for _, k := range keep {
		for i := range others {
			about := k.h
			about.options, about.body = nil, udp(uint16(40000+i), inboxPort, []byte("still here"))
			packet := header{src: k.h.dst, dst: k.h.src, proto: protoICMP, body: icmpMessage(3, [4]byte{}, about.bytes())}.bytes()
			binary.BigEndian.PutUint16(packet[10:], 0)
			binary.BigEndian.PutUint16(packet[10:], ^sum(packet[:minHeader]))
			e.raw(t, k.to, packet)
		}
	}
	e.settled(t, "other")
	stop(t, cables)
	known := 0
	for _, c := range cables {
		known += countErrors(c)
	}
	report(t,
		figures.Figure{ID: "e2e/errors/crowd/flows", Value: float64(n), Unit: "flows"}.AtLeast(100_000),
		figures.Figure{ID: "e2e/errors/crowd/others-forgotten", Value: float64(len(keep)*others - known), Unit: "flows"}.AtMost(0),
	)
}
