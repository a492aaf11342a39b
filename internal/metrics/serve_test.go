package metrics

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/control"
)

// serve starts a server and returns how to connect to it.
func serve(t *testing.T, network string) func() net.Conn {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "run", "metrics")
	}
	f, err := Listen(network, address, -1)
	if err != nil {
		t.Fatal(err)
	}
	if network == "tcp" {
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		address = l.Addr().String()
		l.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- NewServer(Config{Status: func(context.Context) (*control.Status, error) { return busy(), nil }}).Serve(ctx, f)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it serves on after it was told to stop")
		}
	})
	return func() net.Conn {
		c, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(30 * time.Second))
		return c
	}
}

func TestServe(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		dial := serve(t, network)
		for _, tt := range []struct {
			name, request string
			status        int // 0 for a connection that ends without an answer
			body          string
		}{
			{name: "metrics", request: "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", status: 200, body: "labelgate_up 1\n"},
			{name: "metrics of old", request: "GET /metrics HTTP/1.0\r\n\r\n", status: 200, body: "labelgate_up 1\n"},
			{name: "with a question", request: "GET /metrics?x=y HTTP/1.1\r\nHost: x\r\n\r\n", status: 200, body: "labelgate_up 1\n"},
			{name: "root", request: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", status: 404, body: "there is only /metrics"},
			{name: "profiles", request: "GET /debug/pprof/ HTTP/1.1\r\nHost: x\r\n\r\n", status: 404},
			{name: "longer path", request: "GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", status: 404},
			{name: "dots", request: "GET /x/../metrics HTTP/1.1\r\nHost: x\r\n\r\n", status: 404},
			{name: "post", request: "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", status: 405},
			{name: "head", request: "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", status: 405},
			{name: "options", request: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", status: 404},
			{name: "connect", request: "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", status: 404},
			{name: "large header", request: "GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", status: 431},
			{name: "no HTTP", request: "\x00\x00\x00\x11{\"verb\":\"reload\"}\r\n\r\n", status: 400},
			{name: "two lengths", request: "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 405},
		} {
			t.Run(network+"/"+tt.name, func(t *testing.T) {
				c := dial()
				io.WriteString(c, tt.request)
				method, _, _ := strings.Cut(tt.request, " ")
				r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				body, err := io.ReadAll(r.Body)
				if err != nil && r.StatusCode != http.StatusRequestHeaderFieldsTooLarge { // which ends with what was not read
					t.Fatal(err)
				}
				if r.StatusCode != tt.status || !strings.Contains(string(body), tt.body) {
					t.Errorf("answer %s\n%s", r.Status, body)
				}
			})
		}
	}
}

// Those who connect and say nothing, or slowly, hold nobody up for long.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	dial := serve(t, "unix")
	for i := range maxClients {
		c := dial()
		if i%2 == 0 {
			fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost:")
		}
	}
	begun := time.Now()
	c := dial()
	fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("after %v: %v", time.Since(begun), err)
	}
}

func TestListen(t *testing.T) {
	for _, tt := range []struct{ name, network, address, err string }{
		{name: "everybody", network: "tcp", address: "0.0.0.0:9469", err: "no address of this machine's loopback"},
		{name: "everybody of IPv6", network: "tcp", address: "[::]:9469", err: "no address of this machine's loopback"},
		{name: "somebody", network: "tcp", address: "10.0.0.1:9469", err: "no address of this machine's loopback"},
		{name: "name", network: "tcp", address: "localhost:9469", err: "no address of this machine's loopback"},
		{name: "abstract", network: "unix", address: "@metrics", err: "abstract"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Listen(tt.network, tt.address, -1)
			if err == nil {
				f.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %s", err, tt.err)
			}
		})
	}
	f, err := Listen("tcp", "127.0.0.1:0", -1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := os.ReadFile("/proc/self/net/protocols"); err == nil && strings.Contains(string(b), "MPTCP") {
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
				defer c.Close()
			}
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if multi, err := c.(*net.TCPConn).MultipathTCP(); err == nil && multi {
			t.Error("a connection is MPTCP")
		}
	}
}
