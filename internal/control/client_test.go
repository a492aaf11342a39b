package control

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// speaker is a socket that says the same to everybody, and answers each request
// with one of the answers.
func speaker(t *testing.T, hello string, answers ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.Write([]byte(hello))
				for _, a := range answers {
					if _, err := readFrame(c, MaxRequest, nil); err != nil {
						return
					}
					c.Write([]byte(a))
				}
			}()
		}
	}()
	return path
}

const goodHello = `{"protocol":1,"version":"v1","class":"admin"}`

// Whatever is at the other end, a client ends with an error that says so.
func TestDialRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, hello, want string
		noAnswer          bool
	}{
		{name: "another protocol", hello: string(framed(`{"protocol":2,"version":"v9"}`)), want: "speaks protocol 2, this program 1"},
		{name: "an error", hello: string(framed(`{"protocol":1,"error":{"code":"busy","message":"too many"}}`)), want: "too many"},
		{name: "an end", want: "EOF", noAnswer: true},
		{name: "no frame", hello: "220 mail.example ESMTP\r\n", want: "too long", noAnswer: true},
		{name: "no JSON", hello: string(framed("hello")), want: "invalid character", noAnswer: true},
		{name: "half a hello", hello: string(framed(goodHello)[:9]), want: "EOF", noAnswer: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := speaker(t, tt.hello)
			c, err := Dial(t.Context(), path)
			if err == nil {
				c.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrNoAnswer) != tt.noAnswer {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCallRefuses(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{name: "an error", answer: string(framed(`{"error":{"code":"failed","message":"no"}}`)), want: "no"},
		{name: "no JSON", answer: string(framed(`x`)), want: "has not answered"},
		{name: "another type", answer: string(framed(`{"result":[]}`)), want: "answer to status"},
		{name: "nothing", answer: string(framed(`{}`)), want: "answer to status"},
		{name: "too long", answer: "\x7f\xff\xff\xff", want: "too long"},
		{name: "an end", answer: "", want: "has not answered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Dial(t.Context(), speaker(t, string(framed(goodHello)), tt.answer))
			must(t, err)
			defer c.Close()
			var s Status
			if _, err := c.Call(t.Context(), VerbStatus, Args{}, &s); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// A table without end is not read for ever.
func TestAllEnds(t *testing.T) {
	same := string(framed(`{"result":[],"next":"1.5"}`))
	stale := string(framed(`{"error":{"code":"stale-cursor","message":"changed"}}`))
	for _, tt := range []struct {
		name    string
		answers []string
		want    string
	}{
		{name: "the same page again", answers: []string{same, same, same}, want: "begins at the same place"},
		{name: "changes all the time", answers: []string{stale, stale, stale, stale, stale, stale}, want: "changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Dial(t.Context(), speaker(t, string(framed(goodHello)), tt.answers...))
			must(t, err)
			defer c.Close()
			if _, err := All[Rule](t.Context(), c, VerbRules); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCallIsCancelled(t *testing.T) {
	c, err := Dial(t.Context(), speaker(t, string(framed(goodHello)), string(framed(`{"result":{}}`)[:3])))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var s Status
	if _, err := c.Call(ctx, VerbStatus, Args{}, &s); err == nil {
		t.Error("there was no answer")
	}
}

// Callers who come while others wait to be taken wait as well.
func TestDialWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	crowded(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := Dial(ctx, path)
	if !errors.Is(err, ErrNoAnswer) || time.Since(begun) < 100*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}
