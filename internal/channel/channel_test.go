package channel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const patience = 30 * time.Second

// pair returns a client and the other end.
func pair(t testing.TB) (*Client, *os.File) {
	t.Helper()
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); b.Close() })
	return c, b
}

type kinded struct{}

func (kinded) Error() string { return "it is wrong" }
func (kinded) Kind() string  { return "sort" }

type silent struct{}

func (silent) Error() string { return "" }

var verbs = map[string]Handler{
	"double": Bind(func(n int) (int, error) { return 2 * n, nil }),
	"blob":   func(_ json.RawMessage, blob []byte) (any, error) { return len(blob), nil },
	"kind":   Bind(func(struct{}) (int, error) { return 0, kinded{} }),
	"silent": Bind(func(struct{}) (int, error) { return 0, silent{} }),
	"long":   Bind(func(n int) (string, error) { return strings.Repeat("x", n), nil }),
	"func":   Bind(func(struct{}) (any, error) { return func() {}, nil }),
}

// TestCall: what one side asks and the other answers. None of the errors is the end
// of the channel.
func TestCall(t *testing.T) {
	c, end := pair(t)
	served := make(chan error, 1)
	go func() { served <- ServeBlobs(end, MaxBlob, verbs) }()
	for _, test := range []struct {
		name, verb string
		in         any
		blob       []byte
		out        any
		err, kind  string
	}{
		{name: "a number", verb: "double", in: 21, out: 42.0},
		{name: "bytes along", verb: "blob", in: 0, blob: make([]byte, 1<<20), out: float64(1 << 20)},
		{name: "no such verb", verb: "nothing", in: 1, err: `no such verb: "nothing"`},
		{name: "an error with a kind", verb: "kind", in: struct{}{}, err: "it is wrong", kind: "sort"},
		{name: "an error without words", verb: "silent", in: struct{}{}, err: "unknown error"},
		{name: "another type", verb: "double", in: "text", err: "cannot unmarshal"},
		{name: "a key that nobody knows", verb: "kind", in: map[string]int{"what": 1}, err: "unknown field"},
		{name: "an answer that is too long", verb: "long", in: MaxMessage, err: "message of 4194"},
		{name: "an answer that is none", verb: "func", in: struct{}{}, err: "unsupported type"},
		{name: "a request that is too long", verb: "long", in: strings.Repeat("<", MaxMessage/6), err: "message of 4194"},
		{name: "a request that is none", verb: "double", in: func() {}, err: "unsupported type"},
		{name: "and a number again", verb: "double", in: 4, out: 8.0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out any
			err := c.CallWith(test.verb, test.in, test.blob, &out, patience)
			if test.err == "" {
				if err != nil || out != test.out {
					t.Fatalf("got %v, %v; want %v", out, err, test.out)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			var said *Error
			if test.kind != "" && (!errors.As(err, &said) || said.Kind != test.kind) {
				t.Fatalf("error %#v is not of kind %q", err, test.kind)
			}
			if errors.Is(err, ErrBroken) {
				t.Fatalf("the channel is broken: %v", err)
			}
		})
	}
	c.Close()
	if err := <-served; err != nil {
		t.Fatalf("at the end of the other side: %v", err)
	}
	if err := c.Call("double", 1, nil, patience); !errors.Is(err, ErrBroken) {
		t.Fatalf("a closed channel: %v", err)
	}
}

// TestBlobRefused: who takes no bytes along must not be made to take memory for them.
func TestBlobRefused(t *testing.T) {
	for _, n := range []int{1, MaxBlob, -1} {
		c, end := pair(t)
		served := make(chan error, 1)
		go func() { served <- Serve(end, verbs) }()
		b, err := frame(request{Verb: "blob", Blob: n})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.conn.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err == nil || !strings.Contains(err.Error(), "bytes follow a request") {
			t.Errorf("%d bytes announced: %v", n, err)
		}
	}
}

// TestOther: what the other side may do to a client. The channel is over each time,
// and says so from then on.
func TestOther(t *testing.T) {
	length := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	whole := func(text string) []byte { return append(length(uint32(len(text))), text...) }
	for _, test := range []struct {
		name string
		says []byte // nil: it hangs
		ends bool
		want error
	}{
		{name: "is gone", ends: true, says: []byte{}, want: ErrGone},
		{name: "goes within the length", ends: true, says: []byte{0, 0}, want: ErrGone},
		{name: "goes within the answer", ends: true, says: append(length(9), '{'), want: ErrGone},
		{name: "hangs", want: os.ErrDeadlineExceeded},
		{name: "hangs within the answer", says: append(length(9), '{'), want: os.ErrDeadlineExceeded},
		{name: "announces four gigabytes", says: length(1<<32 - 1)},
		{name: "announces a byte too many", says: length(MaxMessage + 1)},
		{name: "says no JSON", says: whole("\x00\x01\x02")},
		{name: "says nothing", says: length(0)},
		{name: "says a list", says: whole("[]")},
		{name: "says a key that nobody knows", says: whole(`{"body":1,"what":2}`)},
		{name: "says two objects", says: whole(`{"body":1}{"body":2}`)},
		{name: "says a brace too many", says: whole(`{"body":1}}`)},
		{name: "nests a million lists", says: whole(`{"body":` + strings.Repeat("[", 1<<20) + `}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, end := pair(t)
			other, err := net.FileConn(end)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			end.Close()
			go func() {
				io.CopyN(io.Discard, other, 10)
				other.Write(test.says)
				if test.ends {
					other.Close()
				}
			}()
			soon := patience
			if errors.Is(test.want, os.ErrDeadlineExceeded) {
				soon = 50 * time.Millisecond
			}
			var out int
			err = c.Call("double", 1, &out, soon)
			if !errors.Is(err, ErrBroken) || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if again := c.Call("double", 1, &out, patience); again != err {
				t.Fatalf("asked again: %v", again)
			}
		})
	}
}

// TestDeadReader: who does not read holds nobody up for longer than he has patience.
func TestDeadReader(t *testing.T) {
	c, _ := pair(t)
	if err := c.CallWith("blob", 0, make([]byte, 8<<20), nil, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
}

// FuzzServe: whatever a request is, Serve answers it or ends.
func FuzzServe(f *testing.F) {
	for _, r := range []request{{"double", json.RawMessage("21"), 0}, {"kind", json.RawMessage("{}"), 0}, {"blob", nil, 7}, {"nothing", nil, -1}} {
		b, err := frame(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, b...))
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x03{}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		ours, theirs, err := Pair()
		if err != nil {
			t.Fatal(err)
		}
		c, err := connect(ours)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		served := make(chan error, 1)
		go func() { served <- ServeBlobs(theirs, 1<<10, verbs) }()
		go func() {
			c.Write(b)
			c.(*net.UnixConn).CloseWrite()
		}()
		said, _ := io.ReadAll(c)
		<-served
		for r := bytes.NewReader(said); r.Len() > 0; {
			var a answer
			if err := read(r, &a); err != nil {
				t.Fatalf("%q is answered %q: %v", b, said, err)
			}
		}
	})
}
