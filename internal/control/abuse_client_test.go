package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// abuseOrders say what a process does to a socket.
type abuseOrders struct {
	Path   string
	Frames int
	Seed   uint64
	Admin  bool // it may do what it likes, and asks for a reload now and then
}

// abuseReport is what it has done.
type abuseReport struct {
	Kinds    map[string]int // frames, by what is wrong with them
	TurnedBy map[Code]int   // hellos that were none
	Answers  map[Code]int   // "" for results
	Reloads  int            // results of reload
	Unheard  int            // connections that could not be made
}

// abuse is a process that sends what nobody should.
func abuse() error {
	var o abuseOrders
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	r := abuseReport{Kinds: map[string]int{}, TurnedBy: map[Code]int{}, Answers: map[Code]int{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	const workers = 5 // fewer than a user may have: some places are taken for a while by those who went
	for w := range workers {
		all.Go(func() {
			a := &abuser{abuseOrders: o, report: &r, mu: &mu, random: rand.New(rand.NewPCG(o.Seed, uint64(w)))}
			share := o.Frames / workers
			if w < o.Frames%workers {
				share++
			}
			for range share {
				a.frame(w < 2)
			}
			if a.conn != nil {
				a.conn.Close()
			}
		})
	}
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(r)
}

type abuser struct {
	abuseOrders
	report *abuseReport
	mu     *sync.Mutex
	random *rand.Rand
	conn   *net.UnixConn
}

// kind is something wrong with a frame. After it the connection is of no more use,
// unless it goes on.
type kind struct {
	name  string
	bytes func(r *rand.Rand) []byte
	on    bool
	end   func(a *abuser, c *net.UnixConn) // in place of reading the answer
}

func text(s string) func(*rand.Rand) []byte { return func(*rand.Rand) []byte { return framed(s) } }

var kinds = []kind{
	{name: "random bytes", bytes: func(r *rand.Rand) []byte { return noise(r, r.IntN(200)) }},
	{name: "random content", bytes: func(r *rand.Rand) []byte { return framed(string(noise(r, r.IntN(300)))) }},
	{name: "a promise of gigabytes", bytes: func(r *rand.Rand) []byte {
		return append(binary.BigEndian.AppendUint32(nil, r.Uint32()|1<<20), noise(r, 50)...)
	}},
	{name: "oversize", bytes: func(r *rand.Rand) []byte {
		return framed(`{"verb":"` + strings.Repeat("x", MaxRequest+r.IntN(100)) + `"}`)
	}},
	{name: "admin verb", bytes: text(`{"verb":"reload"}`), on: true},
	{name: "admin verb under root's name", bytes: text(`{"verb":"reload","uid":0,"gid":0,"pid":1}`)},
	{name: "admin verb twice named", bytes: text(`{"verb":"status","Verb":"upgrade","VERB":"reload"}`), on: true},
	{name: "admin verb behind another", bytes: text(`{"verb":"status"}{"verb":"reload"}`)},
	{name: "five admin verbs at once", bytes: func(*rand.Rand) []byte { return []byte(strings.Repeat(string(framed(`{"verb":"rotate"}`)), 5)) }},
	{name: "unknown verb", bytes: func(r *rand.Rand) []byte { return framed(`{"verb":"` + strings.Repeat("z", r.IntN(50)) + `"}`) }, on: true},
	{name: "wrong arguments", bytes: text(`{"verb":"rules","args":{"cursor":"9999999999999999999999999","limit":-1}}`), on: true},
	{name: "deep", bytes: func(r *rand.Rand) []byte { return framed(`{"args":` + strings.Repeat("[", r.IntN(MaxRequest-8))) }},
	{name: "not UTF-8", bytes: text("{\"verb\":\"reload\xff\"}")},
	{name: "empty", bytes: text("")},
	{name: "mutated", bytes: func(r *rand.Rand) []byte {
		b := framed(`{"verb":"reload","args":{"limit":3}}`)
		for range 1 + r.IntN(3) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		return b
	}},
	{name: "half closed", bytes: cut, end: func(a *abuser, c *net.UnixConn) {
		c.CloseWrite()
		a.answer(c)
	}},
	{name: "cut off", bytes: cut, end: func(*abuser, *net.UnixConn) {}},
	{name: "nobody waits for the answer", bytes: text(`{"verb":"status"}`), end: func(*abuser, *net.UnixConn) {}},
}

// slow are sent by two of the workers now and then.
var slow = []kind{
	{name: "slow", bytes: cut, end: func(a *abuser, c *net.UnixConn) { a.answer(c) }},
	{name: "bytewise", bytes: cut, end: func(a *abuser, c *net.UnixConn) {
		for {
			time.Sleep(10 * time.Millisecond)
			if _, err := c.Write([]byte{'"'}); err != nil {
				return
			}
		}
	}},
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func cut(r *rand.Rand) []byte {
	b := framed(`{"verb":"reload"}` + strings.Repeat(" ", 1000))
	return b[:1+r.IntN(len(b)-1)]
}

// frame sends one.
func (a *abuser) frame(maySlow bool) {
	k := &kinds[a.random.IntN(len(kinds))]
	if maySlow && a.random.IntN(400) == 0 {
		k = &slow[a.random.IntN(len(slow))]
	}
	if a.Admin && strings.Contains(k.name, "admin verb") && k.name != "admin verb" && k.name != "admin verb twice named" {
		k = &kinds[0] // what it may do is done where it can be counted
	}
	c := a.connection()
	if c == nil {
		return
	}
	a.count(func(r *abuseReport) { r.Kinds[k.name]++ })
	if a.random.IntN(20) == 0 {
		null := unix.UnixRights(1, 1, 1)
		c.WriteMsgUnix(k.bytes(a.random), null, nil)
	} else {
		c.SetWriteDeadline(time.Now().Add(20 * time.Second))
		c.Write(k.bytes(a.random))
	}
	going := true
	if k.end != nil {
		k.end(a, c)
	} else {
		going = a.answer(c)
	}
	if !k.on || !going {
		c.Close()
		a.conn = nil
	}
}

func (a *abuser) count(f func(*abuseReport)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a.report)
}

// connection returns the connection of before, or a new one. One that is turned
// away is used all the same: what it sends is not to matter.
func (a *abuser) connection() *net.UnixConn {
	if a.conn != nil {
		return a.conn
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := connect(ctx, a.Path)
	if err != nil {
		a.count(func(r *abuseReport) { r.Unheard++ })
		return nil
	}
	a.conn = c
	if a.random.IntN(50) == 0 {
		return c // and does not wait for the hello
	}
	var h hello
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if b, err := readFrame(c, MaxAnswer, nil); err == nil && json.Unmarshal(b, &h) == nil && h.Error != nil {
		a.count(func(r *abuseReport) { r.TurnedBy[h.Error.Code]++ })
	}
	return c
}

// answer reads one and reports whether there was any.
func (a *abuser) answer(c *net.UnixConn) bool {
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	b, err := readFrame(c, MaxAnswer, nil)
	if err != nil {
		return false
	}
	var got struct {
		Result json.RawMessage
		Policy json.RawMessage
		Error  *Error
	}
	if json.Unmarshal(b, &got) != nil {
		return false
	}
	a.count(func(r *abuseReport) {
		switch {
		case got.Error != nil:
			r.Answers[got.Error.Code]++
		case got.Result != nil:
			r.Answers[""]++
			if strings.Contains(string(got.Result), `"policy":{"generation":0,"digest"`) && strings.HasPrefix(string(got.Result), `{"policy"`) {
				r.Reloads++
			}
		}
	})
	return true
}
